import { chown, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

let sequence = 0;

/**
 * Replaces `file` by `content` so that a reader sees the old text or the new, never a part: written beside it under a
 * name that no reader of `*.yaml` picks up, then renamed. Throws the error of the file system with the file's name.
 */
export async function writeAtomically(
  file: string,
  content: string,
  options: { mode?: number; owner?: { uid: number; gid: number } } = {},
): Promise<void> {
  sequence += 1;
  const temporary = join(dirname(file), `.${process.pid}-${sequence}.tmp`);
  try {
    const handle = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    if (options.owner !== undefined) await chown(temporary, options.owner.uid, options.owner.gid);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
