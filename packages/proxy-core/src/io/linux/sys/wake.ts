/** An eventfd(2): one thread writes it, another, blocked in epoll_wait, wakes. The descriptor is a plain number that both may hold. */
import { counts } from './counts.js';
import * as libc from './libc.js';
import { lastErrno } from './library.js';
import { scratch } from './memory.js';
import { closeFd, SystemCallError } from './socket.js';

const counter = scratch(8);

/** Opened by the thread that starts the others and closed by it with `closeWakeFd` when they have ended. Throws a SystemCallError (EMFILE). */
export function createWakeFd(): number {
  const fd = libc.eventfd(0, libc.EFD_NONBLOCK | libc.EFD_CLOEXEC);
  if (fd < 0) throw new SystemCallError('eventfd', lastErrno());
  counts.fds++;
  return fd;
}

/** Wakes whoever waits. Wakes that come before the other thread looked are one. */
export function wake(fd: number): void {
  counter.view.setBigUint64(0, 1n, true);
  // EAGAIN: the counter is full, so the other thread has something to see already.
  libc.write(fd, counter.address, 8);
}

/** Takes the wakes that have come. */
export function clearWake(fd: number): void {
  libc.read(fd, counter.address, 8);
}

export function closeWakeFd(fd: number): void {
  closeFd(fd);
}
