import { type BigIntStats, promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '@tulle/api';
import { MAX_DEPTH, MAX_FILES } from './limits.js';

/** What is in a folder now, without the contents of the files. */
export interface Scan {
  /** Manifests by path, sorted. */
  files: Map<string, BigIntStats>;
  /** The folder and those within it, by path; the stats tell one from another that took its place. */
  folders: Map<string, BigIntStats>;
  problems: Problem[];
}

/**
 * Looks for `*.yaml` and `*.yml` in a folder and those within it. Follows symbolic links.
 *
 * Names that begin with a dot are left out: they are what editors write to, and `..data` of a mounted ConfigMap, whose files are
 * also there under their own names.
 */
export async function scanFolder(root: string): Promise<Scan> {
  const scan: Scan = { files: new Map(), folders: new Map(), problems: [] };
  const seen = new Set<string>();
  const visit = async (path: string, depth: number): Promise<void> => {
    const stats = await fs.stat(path, { bigint: true });
    if (!stats.isDirectory()) {
      scan.problems.push(fileProblem(path, 'this is not a folder', 'Name the folder that holds the manifests.'));
      return;
    }
    const id = `${stats.dev}:${stats.ino}`;
    if (seen.has(id)) return;
    seen.add(id);
    scan.folders.set(path, stats);
    for (const name of (await fs.readdir(path)).sort()) {
      if (name.startsWith('.')) continue;
      const child = join(path, name);
      const childStats = await statIfThere(child);
      if (childStats?.isDirectory()) {
        if (depth < MAX_DEPTH) await visit(child, depth + 1);
        else scan.problems.push(fileProblem(child, `more than ${MAX_DEPTH} folders deep`, 'Move it further up.'));
      } else if (childStats?.isFile() && /\.ya?ml$/.test(name)) scan.files.set(child, childStats);
    }
  };
  try {
    await visit(root, 0);
  } catch (error) {
    scan.problems.push(unreadable(root, error as NodeJS.ErrnoException));
  }
  if (scan.files.size > MAX_FILES) {
    const message = `more than ${MAX_FILES} manifests`;
    scan.problems.push(fileProblem(root, message, 'Name the folder that holds the manifests of the mesh.'));
  }
  return scan;
}

/** A name in a folder may lead nowhere: a lock of an editor, or a file that has just gone. */
async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await fs.stat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A problem with a file as a whole. */
export function fileProblem(file: string, message: string, remedy: string): Problem {
  return { file, line: 1, column: 1, path: '', message, remedy };
}

export function unreadable(path: string, error: NodeJS.ErrnoException): Problem {
  const where = error.path ?? path;
  switch (error.code) {
    case 'ENOENT':
      return fileProblem(where, 'there is no such file or folder', 'Create it; it is read as soon as it is there.');
    case 'EACCES':
    case 'EPERM':
      return fileProblem(where, 'permission denied', 'Allow the user of the control plane to read it.');
    case 'ELOOP':
      return fileProblem(where, 'the symbolic links go round in a circle', 'Remove the link.');
    default:
      return fileProblem(
        where,
        `cannot be read: ${error.message}`,
        'See to it that it can be read; it is tried again.',
      );
  }
}
