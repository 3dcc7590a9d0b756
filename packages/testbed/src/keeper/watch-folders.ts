import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { configDebounceMs } from '../limits.js';

/**
 * Calls `changed` when something in the folders or below has been written, `configDebounceMs` after the last write of a burst.
 * Returns how to end it. Folders that are made later are watched from the next change on.
 */
export function watchFolders(roots: readonly string[], known: readonly string[], changed: () => void): () => void {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | null = null;
  const touched = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      for (const root of roots) for (const folder of foldersBelow(root)) add(folder);
      changed();
    }, configDebounceMs);
  };
  const add = (folder: string): void => {
    if (watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, touched);
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(folder);
      });
      watchers.set(folder, watcher);
    } catch {
      // Removed in the meantime; the watcher of its parent tells.
    }
  };
  for (const folder of known) add(folder);
  return () => {
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}

function foldersBelow(root: string): string[] {
  const found = [root];
  try {
    for (const entry of readdirSync(root, { withFileTypes: true })) {
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules') {
        found.push(...foldersBelow(join(root, entry.name)));
      }
    }
  } catch {
    // Removed in the meantime.
  }
  return found;
}
