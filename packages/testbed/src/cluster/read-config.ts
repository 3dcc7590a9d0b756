import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParsedResource, type Problem, parseManifest } from '@tulle/api';
import { declaredCluster } from './declare.js';
import type { DeclaredCluster } from './declared.js';

/** The configuration folder as it stands: what was understood and what was not. */
export interface ConfigReading {
  cluster: DeclaredCluster;
  problems: readonly Problem[];
  /** Every folder that was looked into, for whoever watches them. */
  folders: readonly string[];
}

/** Reads every `*.yaml` and `*.yml` below the folders, in order of their names. Throws when a folder cannot be read. */
export async function readConfig(folders: readonly string[]): Promise<ConfigReading> {
  const resources: { parsed: ParsedResource; folder: string }[] = [];
  const problems: Problem[] = [];
  const visited: string[] = [];
  for (const folder of folders) {
    const files = await yamlFiles(folder, visited);
    if (files.length === 0)
      throw new Error(`${folder}: no *.yaml or *.yml file here; name a folder of manifests with --config`);
    for (const file of files) {
      const manifest = parseManifest(file, await readFile(file, 'utf8'));
      problems.push(...manifest.problems);
      resources.push(...manifest.resources.map((parsed) => ({ parsed, folder })));
    }
  }
  const declared = declaredCluster(resources);
  return { cluster: declared.cluster, problems: [...problems, ...declared.problems], folders: visited };
}

async function yamlFiles(folder: string, visited: string[]): Promise<string[]> {
  visited.push(folder);
  const found: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    // Editors keep half-written copies under names with a dot; packages may ship manifests that are not ours.
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await yamlFiles(path, visited)));
    // A pipe of that name would be read for ever.
    else if (/\.ya?ml$/.test(entry.name) && (await stat(path)).isFile()) found.push(path);
  }
  return found;
}
