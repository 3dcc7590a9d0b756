/** epoll(7), edge-triggered, and the eventfd that wakes a thread out of it. */
import { counts } from './counts.js';
import { errno } from './errno.js';
import * as libc from './libc.js';
import { lastErrno } from './library.js';
import { scratch } from './memory.js';
import { closeFd, SystemCallError } from './socket.js';

export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
const EPOLLET = -0x80000000;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;

/** Events taken from the kernel at once; what is more comes with the next turn. */
const batch = 512;

/**
 * struct epoll_event in 32-bit words. x86-64 packs it: events | data low | data high; arm64 does not: events | - | data low | data high (sys/epoll.h).
 * The low word of data is the descriptor, the high word its owner's generation.
 */
const packed = process.arch === 'x64';
const words = packed ? 3 : 4;
const dataWord = packed ? 1 : 2;

export class Epoll {
  private readonly fd: number;
  private readonly events = scratch(batch * words * 4);
  private readonly list: Int32Array = new Int32Array(this.events.bytes.buffer);
  private readonly change = scratch(16);
  private readonly changeWords: Int32Array = new Int32Array(this.change.bytes.buffer);

  constructor() {
    this.fd = libc.epoll_create1(libc.O_CLOEXEC);
    if (this.fd < 0) throw new SystemCallError('epoll_create1', lastErrno());
    counts.fds++;
  }

  /** Edge-triggered, both directions, hang-ups and urgent data. Returns 0 or an errno (ENOMEM, ENOSPC). */
  addConnection(fd: number, generation: number): number {
    return this.control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, generation);
  }

  /** Level-triggered, readable only: listeners, which may leave some of their connections for the next turn, and eventfds. */
  addListener(fd: number, generation: number): number {
    return this.control(EPOLL_CTL_ADD, fd, EPOLLIN, generation);
  }

  /** Switches a listener off and on again: 0 or an errno. */
  setListening(fd: number, generation: number, on: boolean): number {
    return this.control(EPOLL_CTL_MOD, fd, on ? EPOLLIN : 0, generation);
  }

  /** Number of events, 0 after `timeoutMs` (whole ms; -1: no limit) or a signal. */
  wait(timeoutMs: number): number {
    const count = libc.epoll_wait(this.fd, this.events.address, batch, timeoutMs);
    if (count >= 0) return count;
    const number = lastErrno();
    if (number === errno.EINTR) return 0;
    throw new SystemCallError('epoll_wait', number);
  }

  eventsOf(index: number): number {
    return this.list[index * words];
  }

  fdOf(index: number): number {
    return this.list[index * words + dataWord];
  }

  generationOf(index: number): number {
    return this.list[index * words + dataWord + 1];
  }

  close(): void {
    closeFd(this.fd);
  }

  private control(operation: number, fd: number, events: number, generation: number): number {
    this.changeWords[0] = events;
    this.changeWords[dataWord] = fd;
    this.changeWords[dataWord + 1] = generation;
    return libc.epoll_ctl(this.fd, operation, fd, this.change.address) < 0 ? lastErrno() : 0;
  }
}
