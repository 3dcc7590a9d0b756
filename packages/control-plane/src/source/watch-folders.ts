import { type BigIntStats, existsSync, type FSWatcher, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';

interface Watched {
  id: string;
  watcher: FSWatcher;
}

/**
 * Listens for changes in a set of folders. It tells only that something may have changed.
 *
 * Where the kernel refuses a watch (no more of them, or a file system without) that folder is silent: the caller looks at it from
 * time to time anyway.
 */
export class FolderWatches {
  readonly #watched = new Map<string, Watched>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /**
   * Makes the watches be those of these folders, and for a root that is not there of the nearest folder above it.
   * A folder that was removed and made again under its name is watched anew.
   */
  follow(roots: readonly string[], folders: ReadonlyMap<string, BigIntStats>): void {
    const wanted = new Map<string, string>();
    for (const [path, stats] of folders) wanted.set(path, `${stats.dev}:${stats.ino}`);
    for (const root of roots) if (!folders.has(root)) wanted.set(nearestAbove(root), 'above');
    for (const [path, { id, watcher }] of this.#watched) {
      if (wanted.get(path) === id) continue;
      watcher.close();
      this.#watched.delete(path);
    }
    for (const [path, id] of wanted) if (!this.#watched.has(path)) this.#watch(path, id);
  }

  close(): void {
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #watch(path: string, id: string): void {
    let watcher: FSWatcher;
    try {
      watcher = watch(path, { persistent: false }, () => this.#changed());
    } catch {
      return;
    }
    watcher.on('error', () => {
      watcher.close();
      if (this.#watched.get(path)?.watcher === watcher) this.#watched.delete(path);
      this.#changed();
    });
    this.#watched.set(path, { id, watcher });
  }
}

function nearestAbove(path: string): string {
  let above = dirname(resolve(path));
  while (!existsSync(above)) above = dirname(above);
  return above;
}
