/** A listening socket. */
import type { SocketAddress } from '../../address.js';
import { Timer, type TimerOwner, type TimerWheel } from '../../time/wheel.js';
import type { Acceptor, ListenSocket } from '../io.js';
import type { LinuxConnection } from './connection.js';
import { connectionError } from './errors.js';
import type { Epoll } from './sys/epoll.js';
import { errno } from './sys/errno.js';
import { acceptedAddress, acceptOn, closeFd } from './sys/socket.js';

/** Connections accepted in one turn, before the open ones have theirs; the listener is level-triggered, so the rest makes another event. */
const acceptsPerTurn = 64;
/** Without descriptors or memory, accepting rests this long: the kernel keeps the clients in the backlog, and open connections are served meanwhile. */
const acceptPauseMs = 100;

/** What a listener needs of the loop. */
export interface ListenerHost {
  readonly epoll: Epoll;
  readonly timers: TimerWheel;
  /** Makes a connection of an accepted descriptor; undefined when epoll has no room for it (the descriptor is closed then). */
  adopt(fd: number, listener: LinuxListener, remote: SocketAddress): LinuxConnection | undefined;
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

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.timers.disarm(this.resumption);
    this.host.forgetListener(this);
    closeFd(this.fd);
  }

  /** @internal connections wait. */
  onEvents(): void {
    for (let accepted = 0; accepted < acceptsPerTurn && !this.closed; ) {
      const fd = acceptOn(this.fd);
      if (fd >= 0) {
        accepted++;
        const connection = this.host.adopt(fd, this, acceptedAddress());
        if (connection === undefined) {
          this.rest(errno.ENOMEM);
          return;
        }
        this.acceptor.onAccept(connection);
      } else if (fd === -errno.EAGAIN) {
        return;
      } else if (restingErrors.has(-fd)) {
        this.rest(-fd);
        return;
      }
      // Anything else belongs to the one connection that is lost now (accept(2), "Error handling"): the next.
    }
  }

  onTimer(): void {
    this.host.epoll.setListening(this.fd, this.generation, true);
  }

  private rest(number: number): void {
    this.host.epoll.setListening(this.fd, this.generation, false);
    this.host.timers.arm(this.resumption, acceptPauseMs);
    this.acceptor.onAcceptError(connectionError('accept4', number, this.address));
  }
}

/** Errors that the next accept would have too. */
const restingErrors: ReadonlySet<number> = new Set([
  errno.EMFILE,
  errno.ENFILE,
  errno.ENOBUFS,
  errno.ENOMEM,
  errno.EINVAL,
  errno.EBADF,
  errno.EOPNOTSUPP,
  errno.EPERM,
]);
