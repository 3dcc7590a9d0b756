import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Files of the sidecar's own: nobody else may read the key among them. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** The state directory cannot be used. The message holds the remedy. */
export class StateDirError extends Error {
  override readonly name = 'StateDirError';
}

/**
 * Makes the directory where there is none, for this user alone.
 * @throws StateDirError when it cannot be made, or others may look into it and that cannot be changed.
 */
export async function openStateDir(path: string): Promise<void> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new StateDirError(
      `stateDir ${path}: ${why}. Give a directory that belongs to this user (uid ${process.getuid?.()}) alone, or one that is not there yet.`,
      { cause },
    );
  };
  try {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  } catch (error) {
    refuse(`cannot be made (${(error as NodeJS.ErrnoException).code})`, error);
  }
  const found = await stat(path);
  if (!found.isDirectory()) refuse('is no directory');
  if ((found.mode & 0o077) === 0) return;
  await chmod(path, DIRECTORY_MODE).catch((error) =>
    refuse(
      `has mode ${(found.mode & 0o777).toString(8)}, which lets others in, and is not this user's to change`,
      error,
    ),
  );
}

/**
 * Writes a file so that after a crash it is there whole or not at all: under another name, synced, then renamed over.
 * Rejects with the file system's error; then the file is what it was.
 */
export async function writeDurably(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** undefined when there is no such file. Rejects with the file system's error for any other reason. */
export async function readIfThere(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new Error(`has ${size} bytes, more than ${maxBytes}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
