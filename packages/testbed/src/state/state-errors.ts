import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes the state folder. Throws the error of the file system that really stands in the way. */
export function makeStateFolder(root: string): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o711 });
  } catch (error) {
    // A recursive mkdir on a read-only file system fails with ENOENT in Node 20: ask the nearest folder that exists.
    let folder = root;
    while (!existsSync(folder)) folder = dirname(folder);
    accessSync(folder, constants.W_OK);
    throw error;
  }
}

/** What a failure of the file system means to the user and what to do; the message as it is for any other error. */
export function explainStateError(error: NodeJS.ErrnoException, root: string): string {
  const remedy = 'set TULLE_HOME to a folder that can be written';
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
