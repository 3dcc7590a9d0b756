/**
 * The descriptor of a connection, the TLS over it, and what epoll and the calls on it have told so far.
 *
 *     to read:   readable ◀──an edge── empty       readable ──a read that finds no more──▶ empty
 *     to send:   blocked ──EPOLLOUT──▶ free        free ──a send that does not take all──▶ blocked
 *     the peer:  there ──FIN──▶ finSeen ──┐
 *                  └──RST──▶ errored ─────┴──▶ hungUp: what can be read now is all there will be
 *     the whole: fine ──a send fails, or it could not be made──▶ broken, told once what had arrived was read
 *
 * Sockets are edge-triggered: `readable` remembers an edge until the socket is known to be empty, so that pausing, fairness and a late start lose nothing.
 */
import type { SocketAddress } from '../../address.js';
import type { IoError } from '../io.js';
import { connectionError } from './errors.js';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from './sys/epoll.js';
import { errno } from './sys/errno.js';
import { takeSocketError } from './sys/socket.js';
import { streamErrno } from './sys/stream.js';
import type { TlsSession } from './sys/tls-session.js';

const readableEvents = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** After these a short read does not mean that the socket is empty: an end or an error waits, or the byte that urgent data stopped at. */
const unannouncedEvents = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;

export class Channel {
  readonly fd: number;
  readonly remote: SocketAddress;
  /** The descriptor is ours and open. */
  isHeld: boolean;
  /** TLS is or will be spoken. */
  isTls = false;
  /** Undefined on plain TCP, and under TLS until TCP is connected. */
  session: TlsSession | undefined = undefined;
  /** An edge was seen and the socket is not known to be empty. */
  readable = false;
  /** Edges that told of something to read. */
  edges = 0;
  /** No more edge will come for what is still to be read: read until the end, an error, or nothing. */
  readToEnd = false;
  /** The kernel takes no more until it is writable again. */
  blocked = false;
  /** The peer has closed or reset: what is there now is all. */
  hungUp = false;
  /** The peer's FIN came, and not only an RST. */
  finSeen = false;
  /** The kernel reported an error, which SO_ERROR tells once what came before it was read. */
  errored = false;
  /** The connection is lost; told once what had arrived was read. */
  broken: IoError | undefined = undefined;

  /** `fd` is negative for a connection that could not even be tried. */
  constructor(fd: number, remote: SocketAddress) {
    this.fd = fd;
    this.isHeld = fd >= 0;
    this.remote = remote;
  }

  /** Takes in what epoll tells. */
  notice(events: number): void {
    if ((events & readableEvents) !== 0) {
      this.readable = true;
      this.edges++;
      if ((events & unannouncedEvents) !== 0) this.noticeHangUp(events);
    }
    if ((events & EPOLLOUT) !== 0) {
      this.blocked = false;
      if (this.session?.readAwaitsWrite) this.readable = true;
    }
  }

  private noticeHangUp(events: number): void {
    this.readToEnd = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) === 0) return;
    this.hungUp = true;
    if ((events & EPOLLERR) !== 0) this.errored = true;
    // An RST sets all of them.
    else if ((events & EPOLLHUP) === 0) this.finSeen = true;
  }

  /** A send failed. What had arrived is still there, and no edge will tell of it. */
  breakAfterSend(): void {
    this.broken = this.lastError('send');
    this.readToEnd = true;
    this.readable = true;
  }

  /** Why the last `receive`, `transmit`, or call on the session failed. */
  lastError(call: string): IoError {
    const number = this.session === undefined ? streamErrno() : this.session.failureErrno;
    // A reset is EPIPE where the peer's FIN had come before it, ECONNRESET where not (tcp_reset).
    // A read that finds the end found a FIN, unless a failed send took the RST's error before it.
    const fin = this.session?.sawFin === true && this.broken === undefined;
    if (number === errno.EPIPE || fin) this.finSeen = true;
    return this.session === undefined ? connectionError(call, number, this.remote) : this.tlsError();
  }

  /** Why the last call on the session failed, with the peer's address. */
  tlsError(): IoError {
    const { code, message } = this.session?.failure ?? { code: 'tls', message: 'TLS failed' };
    return { code, message: `${message} ${this.remote.host}:${this.remote.port}` };
  }

  /** SO_ERROR of a socket for which epoll reported an error. */
  pendingError(): IoError | undefined {
    if (!this.errored) return undefined;
    this.errored = false;
    const number = takeSocketError(this.fd);
    if (number === errno.EPIPE) this.finSeen = true;
    return number === 0 ? undefined : connectionError('connection', number, this.remote);
  }
}
