/** How another thread calls the one that is blocked in the loop. */
import { IoFailure } from '../io.js';
import { errnoName } from './sys/errno.js';
import { SystemCallError } from './sys/socket.js';
import { createWakeFd as create } from './sys/wake.js';

export { closeWakeFd, wake } from './sys/wake.js';

/** An eventfd for `LinuxIoOptions.wakeFd`: made by the thread that starts the others, and closed by it when they have ended. Throws an `IoFailure` (`exhausted`). */
export function createWakeFd(): number {
  try {
    return create();
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw new IoFailure({ code: 'exhausted', message: `${error.call} ${errnoName(error.errno)}` });
  }
}
