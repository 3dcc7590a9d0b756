import { type BigIntStats, promises as fs } from 'node:fs';
import { type Manifest, type ParsedResource, type Problem, parseManifest } from '@tulle/api';
import { MAX_FILE_BYTES, RACY_MS } from './limits.js';
import { fileProblem, type Scan, scanFolder, unreadable } from './scan.js';

interface CachedFile {
  stats: BigIntStats;
  /** Wall clock, milliseconds since the epoch, when it was read. */
  readAtMs: number;
  text: string;
  manifest: Manifest;
}

/** What a folder says. */
export interface FolderContent {
  resources: ParsedResource[];
  problems: Problem[];
  scan: Scan;
}

/** Reads folders, and parses only the files that changed since the last time. */
export class ManifestCache {
  #files = new Map<string, CachedFile>();

  /**
   * @returns the content of each folder in the order given, and whether any of it differs from what the last call found.
   */
  async read(folders: readonly string[]): Promise<{ contents: FolderContent[]; changed: boolean }> {
    const next = new Map<string, CachedFile>();
    const contents: FolderContent[] = [];
    let changed = false;
    for (const folder of folders) {
      const scan = await scanFolder(folder);
      const content: FolderContent = { resources: [], problems: [...scan.problems], scan };
      for (const [path, stats] of scan.problems.length > 0 ? [] : scan.files) {
        const known = next.get(path) ?? this.#files.get(path);
        const file = isFresh(known, stats) ? known : await readFile(path, stats, known);
        if (file === 'gone') continue;
        if ('message' in file) {
          content.problems.push(file);
          continue;
        }
        next.set(path, file);
        if (file.manifest !== known?.manifest) changed = true;
        content.resources.push(...file.manifest.resources);
        content.problems.push(...file.manifest.problems);
      }
      contents.push(content);
    }
    for (const path of this.#files.keys()) if (!next.has(path)) changed = true;
    this.#files = next;
    return { contents, changed };
  }
}

/** Times are as coarse as the kernel's tick: two changes within one look like one, so what is that recent is read again. */
function isFresh(known: CachedFile | undefined, stats: BigIntStats): known is CachedFile {
  if (known === undefined) return false;
  const a = known.stats;
  const same =
    a.ino === stats.ino &&
    a.dev === stats.dev &&
    a.size === stats.size &&
    a.mtimeNs === stats.mtimeNs &&
    a.ctimeNs === stats.ctimeNs;
  return same && known.readAtMs - Number(stats.ctimeMs) > RACY_MS;
}

async function readFile(
  path: string,
  stats: BigIntStats,
  known: CachedFile | undefined,
): Promise<CachedFile | Problem | 'gone'> {
  if (stats.size > MAX_FILE_BYTES) {
    return fileProblem(path, `the file has more than ${MAX_FILE_BYTES} bytes`, 'Split it into several files.');
  }
  const readAtMs = Date.now();
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await fs.readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    if (error instanceof TypeError) return fileProblem(path, 'the file is not UTF-8', 'Save it as UTF-8.');
    return unreadable(path, error as NodeJS.ErrnoException);
  }
  const manifest = known?.text === text ? known.manifest : parseManifest(path, text);
  return { stats, readAtMs, text, manifest };
}
