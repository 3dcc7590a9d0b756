/** A listening socket. */
import type { SocketAddress } from '../../address.js';
import { Timer, type TimerOwner, type TimerWheel } from '../../time/wheel.js';
import type { Acceptor, ListenSocket } from '../io.js';
import type { LinuxConnection } from './connection.js';
import { acceptError } from './errors.js';
import type { Epoll } from './sys/epoll.js';
import { errno } from './sys/errno.js';
import { acceptedAddress, acceptOn, closeFd } from './sys/socket.js';

/** Connections accepted or lost in one turn, before the open ones have theirs; the listener is level-triggered, so the rest makes another event. */
const acceptsPerTurn = 64;
/** The kernel lets no more wait than this (net.core.somaxconn). */
const maxBacklog = 4_096;
/** Without descriptors or memory, accepting rests this long: the kernel keeps the clients in the backlog, and open connections are served meanwhile. */
const acceptPauseMs = 100;

/** What a listener needs of the loop. */
export interface ListenerHost {
  readonly epoll: Epoll;
  readonly timers: TimerWheel;
  /** Makes a connection of an accepted descriptor; an errno when epoll has no room for it (the descriptor is closed then). */
  adopt(fd: number, listener: LinuxListener, remote: SocketAddress): LinuxConnection | number;
  forgetListener(listener: LinuxListener): void;
}

export class LinuxListener implements ListenSocket, TimerOwner {
  readonly address: SocketAddress;
  readonly fd: number;
  readonly generation: number;
  /** Ask for SO_ORIGINAL_DST. */
  readonly original: boolean;
  private readonly host: ListenerHost;
  private readonly acceptor: Acceptor;
  private readonly resumption: Timer = new Timer(this, 'accept');
  private closed = false;

  constructor(
    host: ListenerHost,
    fd: number,
    generation: number,
    address: SocketAddress,
    original: boolean,
    acceptor: Acceptor,
  ) {
    this.host = host;
    this.fd = fd;
    this.generation = generation;
    this.address = address;
    this.original = original;
    this.acceptor = acceptor;
  }

  /**
   * Takes what waits first: to these clients the kernel has said that they are connected, and would reset them. In the same call, since every turn brings more of them.
   */
  close(): void {
    if (this.closed) return;
    for (let taken = 0; taken < maxBacklog && this.acceptOne(); taken++);
    this.closed = true;
    this.host.timers.disarm(this.resumption);
    this.host.forgetListener(this);
    closeFd(this.fd);
  }

  /** @internal connections wait. */
  onEvents(): void {
    for (let tries = 0; tries < acceptsPerTurn && !this.closed && this.acceptOne(); tries++);
  }

  /** False when no more are there, or none can be taken. */
  private acceptOne(): boolean {
    const fd = acceptOn(this.fd);
    if (fd >= 0) {
      const connection = this.host.adopt(fd, this, acceptedAddress());
      if (typeof connection === 'number') {
        this.rest('epoll_ctl', connection);
        return false;
      }
      this.acceptor.onAccept(connection);
      return true;
    }
    if (fd === -errno.EAGAIN) return false;
    if (lostErrors.has(-fd)) return true;
    // The next would have it too.
    this.rest('accept4', -fd);
    return false;
  }

  onTimer(): void {
    const number = this.host.epoll.setListening(this.fd, this.generation, true);
    if (number !== 0) this.rest('epoll_ctl', number);
  }

  private rest(call: string, number: number): void {
    this.host.epoll.setListening(this.fd, this.generation, false);
    this.host.timers.arm(this.resumption, acceptPauseMs);
    this.acceptor.onAcceptError(acceptError(call, number, this.address));
  }
}

/** Errors of the one connection that is lost now (accept(2), "Error handling"), and a signal: the next may be well. */
const lostErrors: ReadonlySet<number> = new Set([
  errno.EINTR,
  errno.ECONNABORTED,
  errno.ECONNRESET,
  errno.EPROTO,
  errno.ENOPROTOOPT,
  errno.ENETDOWN,
  errno.ENETUNREACH,
  errno.ENONET,
  errno.EHOSTDOWN,
  errno.EHOSTUNREACH,
  errno.ETIMEDOUT,
]);
