import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

const remedy = 'set TULLE_HOME to a folder that can be written';

/**
 * Makes the state folder, and those above it that are missing, one by one: a recursive mkdir of Node 20 below /proc, which lets nobody make a folder and says ENOENT, never
 * ends, and on a read-only file system it says ENOENT too. Throws the error of the file system that really stands in the way.
 */
export function makeStateFolder(root: string): void {
  const missing: string[] = [];
  for (let folder = root; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  if (missing.length === 0) return;
  accessSync(dirname(missing[0]), constants.W_OK);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode: 0o711 });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody else was faster.
      if (code === 'EEXIST') continue;
      if (code === 'ENOENT') throw new Error(`${dirname(folder)} takes no folder, so there is no state: ${remedy}`);
      throw error;
    }
  }
}

/** What a failure of the file system means to the user and what to do; the message as it is for any other error. */
export function explainStateError(error: NodeJS.ErrnoException, root: string): string {
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space left for the state in ${root}: free some, or ${remedy}`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `the state folder ${root} cannot be written (${error.code}): ${remedy}`;
    default:
      return error.message;
  }
}
