import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file so that after a crash it is there whole or not at all: synced under another name, then renamed over.
 * @throws the file system's error.
 */
export function writeDurably(path: string, text: string, mode: number): void {
  withTemporary(path, text, mode, (temporary) => renameSync(temporary, path));
}

/** As `writeDurably`, but false, and nothing written, when the file exists: of two processes one makes it. */
export function createDurably(path: string, text: string, mode: number): boolean {
  try {
    withTemporary(path, text, mode, (temporary) => linkSync(temporary, path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function withTemporary(path: string, text: string, mode: number, publish: (temporary: string) => void): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const fd = openSync(temporary, 'wx', mode);
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    publish(temporary);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
