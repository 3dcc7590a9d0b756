import { open, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logExcerptLines, maxLogBytes } from '../limits.js';

const excerptBytes = 8192;

/** The last lines of a log, for an error message; says so when there is nothing. */
export async function logExcerpt(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const start = Math.max(0, size - excerptBytes);
      const buffer = Buffer.alloc(size - start);
      await handle.read(buffer, 0, buffer.length, start);
      const lines = buffer.toString('utf8').trimEnd().split('\n').slice(-logExcerptLines);
      return lines.join('').trim() === '' ? '(its log is empty)' : lines.map((line) => `  | ${line}`).join('\n');
    } finally {
      await handle.close();
    }
  } catch {
    return '(it wrote no log)';
  }
}

/** Cuts each `*.log` below `folder` that has outgrown its limit. Writers append, so they go on at the new end. */
export async function cutLongLogs(folder: string, limit: number = maxLogBytes): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile() || !entry.name.endsWith('.log')) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    if (size <= limit) continue;
    await truncate(file, 0).catch(() => {});
    await writeFile(file, `[testbed] log cut at ${limit} bytes\n`, { flag: 'a' }).catch(() => {});
  }
}
