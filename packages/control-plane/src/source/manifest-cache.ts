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
  /** The manifests as they were read. */
  files: { path: string; text: string }[];
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
      const content: FolderContent = { resources: [], problems: [...scan.problems], files: [], scan };
      for (const [path, stats] of scan.problems.length > 0 ? [] : scan.files) {
        const known = next.get(path) ?? this.#files.get(path);
        const fresh = known !== undefined && isUnchanged(known.stats, known.readAtMs, stats);
        const file = fresh ? known : await readFile(path, stats, known);
        if (file === 'gone') continue;
        if ('message' in file) {
          content.problems.push(file);
          continue;
        }
        next.set(path, file);
        if (file.manifest !== known?.manifest) changed = true;
        content.files.push({ path, text: file.text });
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

/** What tells whether a file is the one that was read. */
type FileTimes = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs' | 'ctimeMs'>;

/**
 * True when a file is as it was read. Times may be as coarse as the kernel's tick: two changes within one look like one, so what had
 * changed just before it was read is read again.
 * @param readAtMs wall clock before it was read, milliseconds since the epoch.
 */
export function isUnchanged(then: FileTimes, readAtMs: number, now: FileTimes): boolean {
  const same =
    then.ino === now.ino &&
    then.dev === now.dev &&
    then.size === now.size &&
    then.mtimeNs === now.mtimeNs &&
    then.ctimeNs === now.ctimeNs;
  return same && readAtMs - Number(now.ctimeMs) > RACY_MS;
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
