/**
 * One TCP connection on epoll, with TLS inside or not.
 *
 *     waiting ──sniff──▶ sniffing            connecting ──TCP is up──▶ handshaking (TLS) ──▶ open
 *        │                   │                    │                                            │
 *        └── startPlain ─────┴──▶ starting ───────┼───────────────────────────────────────▶ open
 *        └── startTls ───────┴──▶ handshaking ────┼───────────────────────────────────────▶ open
 *                                                 └── whatever fails, ends in order or is destroyed ──▶ closed
 *
 * Sockets are edge-triggered: `readable` remembers an edge until the socket is known to be empty, so that pausing, fairness and a late start lose nothing.
 * What a method may not do at once (call a handler) is done by `progress`, to which the loop comes back within the turn.
 */
import type { SocketAddress } from '../../address.js';
import type { Timer, TimerOwner } from '../../time/wheel.js';
import type { Connection, ConnectionHandler, IoError, PeerCertificate, Sniffer, TlsContext } from '../io.js';
import { connectionError } from './errors.js';
import { SendQueue, slabBytes } from './send-queue.js';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from './sys/epoll.js';
import { errno } from './sys/errno.js';
import { ended, failed, wouldBlock } from './sys/outcome.js';
import { bytesAcked, localAddress, resetOnClose, setNoDelay, shutdownWrite, takeSocketError } from './sys/socket.js';
import { addPiece, maxPieces, peek, receive, streamErrno, transmit, transmitPieces } from './sys/stream.js';
import { NativeTlsContext } from './sys/tls-context.js';
import type { TlsSession } from './sys/tls-session.js';
import type { Turn } from './turn.js';

/** Buffers read from one connection in one turn, before the others have theirs. */
const readsPerTurn = 4;

const waiting = 0;
const sniffing = 1;
const starting = 2;
const connecting = 3;
const handshaking = 4;
const open = 5;
const closed = 6;

const readableEvents = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** After these a short read does not mean that the socket is empty: an end or an error waits, or the byte that urgent data stopped at. */
const unannouncedEvents = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
const unknownAddress: SocketAddress = { host: '0.0.0.0', port: 0 };

export class LinuxConnection implements Connection, TimerOwner {
  handler: ConnectionHandler;
  readonly id: number;
  readonly fd: number;
  readonly remote: SocketAddress;
  peer: PeerCertificate | undefined = undefined;
  alpn = '';
  bytesRead = 0;
  bytesWritten = 0;

  /** @internal in the turn's list of connections to come back to */
  queued = false;

  private readonly turn: Turn;
  private readonly held: SendQueue;
  private readonly original: SocketAddress | undefined;
  private ownAddress: SocketAddress | undefined;
  private sniffer: Sniffer | undefined = undefined;
  private session: TlsSession | undefined = undefined;
  private context: NativeTlsContext | undefined = undefined;
  private serverName = '';
  private deadline: Timer | undefined = undefined;

  private phase: number;
  /** The descriptor is ours and open. */
  private isHeld: boolean;
  /** An edge was seen and the socket is not known to be empty. */
  private readable = false;
  /** No more edge will come for what is still to be read: read until the end, an error, or nothing. */
  private readToEnd = false;
  /** The peer has closed or reset: what is there now is all. */
  private hungUp = false;
  /** The peer's FIN came, and not only an RST. */
  private finSeen = false;
  /** The kernel reported an error, which SO_ERROR tells once what came before it was read. */
  private errored = false;
  private paused = false;
  private readEnded = false;
  /** `end` was called. */
  private ending = false;
  /** The FIN was sent, or nothing can be sent any more. */
  private writeEnded = false;
  /** The kernel takes no more until it is writable again. */
  private blocked = false;
  private owesDrain = false;
  /** The connection is lost; told once what had arrived was read. */
  private broken: IoError | undefined = undefined;
  /** Reads done in turn number `budgetTurn`. */
  private reads = 0;
  private budgetTurn = -1;
  /** Application bytes given to the kernel or to OpenSSL, and whether more was given in an attempt that has not succeeded. */
  private bytesTaken = 0;
  private attempted = false;
  private markedTaken = 0;
  /** Bytes on the wire before the mark; -1: not known. */
  private markedRaw = -1;
  /** Bytes acknowledged before the first of ours: the SYN counts as one. */
  private readonly ackedBase: number;

  constructor(
    turn: Turn,
    fd: number,
    id: number,
    phase: 'accepted' | 'connecting',
    handler: ConnectionHandler,
    remote: SocketAddress,
    local: SocketAddress | undefined,
    original: SocketAddress | undefined,
  ) {
    this.turn = turn;
    this.fd = fd;
    this.isHeld = fd >= 0;
    this.id = id;
    this.phase = phase === 'accepted' ? waiting : connecting;
    this.ackedBase = phase === 'accepted' ? 0 : 1;
    this.handler = handler;
    this.remote = remote;
    this.ownAddress = local;
    this.original = original;
    this.held = new SendQueue(turn.slabs);
  }

  get isTls(): boolean {
    return this.session !== undefined || this.context !== undefined;
  }

  get local(): SocketAddress {
    if (this.ownAddress === undefined) {
      if (!this.isHeld) return unknownAddress;
      this.ownAddress = localAddress(this.fd);
    }
    return this.ownAddress;
  }

  get destination(): SocketAddress {
    return this.original ?? this.local;
  }

  /** @internal for a connection being made: its deadline, and the TLS to speak once it is there. */
  prepare(deadline: Timer, context: NativeTlsContext | undefined, serverName: string): void {
    this.deadline = deadline;
    this.context = context;
    this.serverName = serverName;
  }

  /** @internal the connection could not even be tried. */
  breakNow(error: IoError): void {
    this.broken = error;
    this.turn.comeBack(this);
  }

  sniff(sniffer: Sniffer): void {
    if (this.phase !== waiting) return;
    this.phase = sniffing;
    this.sniffer = sniffer;
    if (this.readable) this.turn.comeBack(this);
  }

  startPlain(handler: ConnectionHandler): void {
    if (this.phase !== waiting && this.phase !== sniffing) return;
    this.start(starting, handler);
  }

  startTls(context: TlsContext, handler: ConnectionHandler): void {
    if (this.phase !== waiting && this.phase !== sniffing) return;
    this.start(handshaking, handler);
    this.context = ownContext(context);
    this.openSession();
  }

  write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw new RangeError(`write of [${start}, ${end}) of ${bytes.length} bytes`);
    const size = end - start;
    if (size === 0 || this.ending || this.broken !== undefined || this.phase === closed) return true;
    this.bytesWritten += size;
    const address = this.turn.addresses.of(bytes) + start;
    if (this.phase !== open || this.blocked) this.held.append(address, size);
    else if (this.held.bytes > 0) this.writeBehind(address, size, more);
    else if (more && size <= slabBytes) this.cork(address, size);
    else this.sendNow(address, size, more);
    if (this.held.bytes < this.turn.highWaterBytes) return true;
    this.owesDrain = true;
    return false;
  }

  end(): void {
    if (this.ending || this.phase === closed) return;
    this.ending = true;
    this.turn.comeBack(this);
  }

  destroy(reset: boolean): void {
    if (this.isHeld && reset) resetOnClose(this.fd);
    this.release();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.readable && this.phase === open) this.turn.comeBack(this);
  }

  mark(): void {
    this.markedTaken = this.bytesWritten;
    if (this.session === undefined) this.markedRaw = this.context === undefined ? this.bytesWritten : -1;
    else this.markedRaw = this.held.bytes === 0 ? this.session.rawBytesWritten() : -1;
  }

  undelivered(): boolean {
    if (this.bytesTaken <= this.markedTaken && !this.attempted) return true;
    // The acknowledgement inside an RST is not counted by our kernel, so after a bare RST it cannot be known what the peer had read. A FIN's is.
    if (!this.finSeen || !this.isHeld || this.markedRaw < 0) return false;
    const acked = bytesAcked(this.fd);
    return acked >= 0 && acked - this.ackedBase <= this.markedRaw;
  }

  onTimer(): void {
    const what = this.phase === handshaking ? 'TLS handshake' : 'connect';
    this.fail(connectionError(what, errno.ETIMEDOUT, this.remote));
  }

  /** @internal epoll has events for this connection. */
  onEvents(events: number): void {
    if ((events & readableEvents) !== 0) {
      this.readable = true;
      if ((events & unannouncedEvents) !== 0) this.sawHangUp(events);
    }
    if ((events & EPOLLOUT) !== 0) {
      this.blocked = false;
      if (this.session?.readAwaitsWrite) this.readable = true;
    }
    this.progress(events);
  }

  /** @internal does what can be done now. */
  progress(events: number): void {
    switch (this.phase) {
      case open:
        this.progressOpen();
        break;
      case connecting:
        this.progressConnect(events);
        break;
      case starting:
        this.opened();
        break;
      case handshaking:
        this.progressHandshake();
        break;
      case sniffing:
        this.progressSniff();
        break;
    }
  }

  private sawHangUp(events: number): void {
    this.readToEnd = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) === 0) return;
    this.hungUp = true;
    if ((events & EPOLLERR) !== 0) this.errored = true;
    // An RST sets all of them.
    else if ((events & EPOLLHUP) === 0) this.finSeen = true;
  }

  private start(phase: number, handler: ConnectionHandler): void {
    this.phase = phase;
    this.handler = handler;
    this.sniffer = undefined;
    setNoDelay(this.fd);
    // Whatever was peeked at makes no new edge.
    this.readable = true;
    this.turn.comeBack(this);
  }

  private openSession(): void {
    this.session = this.context?.open(this.fd, this.serverName);
    if (this.session === undefined) this.broken = { code: 'tls', message: 'OpenSSL could not start a session' };
  }

  private progressConnect(events: number): void {
    if (this.broken !== undefined) {
      this.fail(this.broken);
      return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
      this.errored = false;
      const number = takeSocketError(this.fd);
      this.fail(connectionError('connect', number === 0 ? errno.ECONNRESET : number, this.remote));
      return;
    }
    if ((events & EPOLLOUT) === 0) return;
    if (this.isItself()) {
      this.fail(connectionError('connect', errno.ECONNREFUSED, this.remote));
      return;
    }
    if (this.context === undefined) {
      this.opened();
      return;
    }
    this.phase = handshaking;
    this.openSession();
    this.progressHandshake();
  }

  /** On the loopback a connection to a free port of the ephemeral range may meet itself (RFC 9293 section 3.5, simultaneous open). */
  private isItself(): boolean {
    return this.remote.port >= 32_768 && this.local.port === this.remote.port && this.local.host === this.remote.host;
  }

  private progressHandshake(): void {
    const { session } = this;
    if (session === undefined || this.broken !== undefined) {
      this.fail(this.broken ?? { code: 'tls', message: 'OpenSSL could not start a session' });
      return;
    }
    const outcome = session.handshake();
    if (outcome === wouldBlock) return;
    if (outcome === failed) {
      // Lets an alert out before the connection goes.
      shutdownWrite(this.fd);
      this.fail(this.named(session.failure));
      return;
    }
    this.alpn = session.alpn();
    try {
      this.peer = session.peer();
    } catch (error) {
      // node:crypto is stricter than OpenSSL's verification somewhere: such a peer has no identity, so it does not get in.
      this.fail({ code: 'tls', message: `the peer's certificate cannot be read: ${String(error)}` });
      return;
    }
    // What came behind the handshake is inside OpenSSL and makes no edge.
    this.readable = true;
    this.opened();
  }

  private progressSniff(): void {
    const { sniffer, turn } = this;
    if (sniffer === undefined || !this.readable) return;
    this.readable = false;
    const count = peek(this.fd, turn.bufferAddress, turn.buffer.length);
    if (count > 0) {
      sniffer.onSniff(this, turn.buffer, 0, count);
      if (this.phase !== sniffing || !this.hungUp) return;
    } else if (count === wouldBlock) {
      return;
    }
    const error = count === failed ? connectionError('recv', streamErrno(), this.remote) : this.pendingError();
    this.phase = closed;
    sniffer.onClose(this, error);
    this.release();
  }

  private opened(): void {
    this.phase = open;
    if (this.deadline !== undefined) this.turn.timers.disarm(this.deadline);
    this.handler.onOpen(this);
    this.progressOpen();
  }

  private progressOpen(): void {
    if (this.held.bytes > 0 && !this.blocked) this.flush();
    if (this.owesDrain && this.held.bytes === 0 && this.phase === open && this.broken === undefined) {
      this.owesDrain = false;
      this.handler.onDrain(this);
    }
    if (this.readable && !this.paused) this.readMore();
    if (this.phase !== open) return;
    if (this.broken !== undefined && (this.paused || !this.readable)) {
      this.fail(this.broken);
      return;
    }
    if (this.errored && (this.paused || !this.readable)) {
      const error = this.pendingError();
      if (error !== undefined) {
        this.fail(error);
        return;
      }
    }
    if (this.ending && !this.writeEnded && this.held.bytes === 0) this.finishWriting();
    if (this.readEnded && this.writeEnded && this.phase === open) this.finish(undefined);
  }

  private readMore(): void {
    const { turn, session } = this;
    if (this.budgetTurn !== turn.number) {
      this.budgetTurn = turn.number;
      this.reads = 0;
    }
    while (this.readable && !this.paused && this.phase === open) {
      if (this.reads >= readsPerTurn) {
        turn.comeBackNextTurn(this);
        return;
      }
      this.reads++;
      const size = turn.buffer.length;
      const count =
        session === undefined ? receive(this.fd, turn.bufferAddress, size) : session.read(turn.bufferAddress, size);
      if (count > 0) {
        // Fewer bytes than there was room for: the socket is empty, epoll(7), and what comes next makes an edge.
        if (!this.readToEnd && (session === undefined ? count < size : session.isDrained())) this.readable = false;
        this.bytesRead += count;
        this.handler.onData(this, turn.buffer, 0, count);
      } else {
        this.readable = false;
        if (count === ended) this.sawEnd();
        else if (count === failed) this.readFailed();
      }
    }
  }

  private sawEnd(): void {
    // When a failed send has taken the RST's error off the socket, this is no FIN.
    if (this.readEnded || this.broken?.code === 'reset') return;
    this.readEnded = true;
    if (this.session === undefined) this.finSeen = true;
    this.handler.onEnd(this);
  }

  private readFailed(): void {
    const error = this.lastError('recv');
    this.errored = false;
    this.fail(this.broken ?? error);
  }

  /** Why the last call on the stream failed. */
  private lastError(call: string): IoError {
    const number = this.session === undefined ? streamErrno() : this.session.failureErrno;
    // A reset is EPIPE where the peer's FIN had come before it, ECONNRESET where not (tcp_reset).
    // A read that finds the end found a FIN, unless a failed send took the RST's error before it.
    const fin = this.session?.sawFin === true && this.broken === undefined;
    if (number === errno.EPIPE || fin) this.finSeen = true;
    return this.session === undefined ? connectionError(call, number, this.remote) : this.named(this.session.failure);
  }

  /** Data before it had been corked or is held, and the kernel takes more. */
  private writeBehind(address: number, size: number, more: boolean): void {
    if (size <= this.held.room) {
      this.held.append(address, size);
      if (!more) this.flush();
    } else if (this.session === undefined && this.held.pieces < maxPieces) {
      this.sendTogether(address, size, more);
    } else {
      const fits = this.held.room;
      this.held.append(address, fits);
      this.flush();
      if (this.blocked || this.broken !== undefined) this.held.append(address + fits, size - fits);
      else this.sendNow(address + fits, size - fits, more);
    }
  }

  /** Kept until the write that was promised, so that both go in one call and one record; until the turn's end at the latest. */
  private cork(address: number, size: number): void {
    this.held.append(address, size);
    this.turn.comeBack(this);
  }

  /** What is held and `size` bytes more in one call. */
  private sendTogether(address: number, size: number, more: boolean): void {
    const { held } = this;
    for (let i = 0; i < held.pieces; i++) addPiece(held.pieceAddress(i), held.pieceBytes(i));
    addPiece(address, size);
    const before = held.bytes;
    const taken = this.taken(transmitPieces(this.fd, more));
    held.consume(Math.min(taken, before));
    const rest = before + size - taken;
    if (rest > 0 && this.broken === undefined) {
      this.blocked = true;
      const unsent = Math.min(rest, size);
      held.append(address + size - unsent, unsent);
    }
  }

  private sendNow(address: number, size: number, more: boolean): void {
    let sent = 0;
    while (sent < size && !this.blocked && this.broken === undefined) {
      sent += this.sendOnce(address + sent, size - sent, more);
    }
    if (sent < size && this.broken === undefined) this.held.append(address + sent, size - sent);
  }

  /** One send: bytes taken; sets `blocked` when the kernel takes no more, `broken` when the connection is lost. */
  private sendOnce(address: number, size: number, more: boolean): number {
    const { session } = this;
    if (session === undefined) {
      const taken = this.taken(transmit(this.fd, address, size, more));
      if (taken < size) this.blocked = true;
      return taken;
    }
    return this.taken(session.write(address, Math.min(size, slabBytes)));
  }

  private taken(outcome: number): number {
    if (outcome > 0) {
      this.bytesTaken += outcome;
      this.attempted = false;
      return outcome;
    }
    if (outcome === wouldBlock) {
      this.blocked = true;
      // OpenSSL may have sent a part of the record already.
      this.attempted = this.session !== undefined;
      return 0;
    }
    this.attempted ||= this.session !== undefined;
    this.broken = this.lastError('send');
    this.held.clear();
    this.readToEnd = true;
    this.readable = true;
    this.turn.comeBack(this);
    return 0;
  }

  private flush(): void {
    const { held } = this;
    while (held.bytes > 0 && !this.blocked && this.broken === undefined) {
      if (held.pieces === 1 || this.session !== undefined) {
        held.consume(this.sendOnce(held.pieceAddress(0), held.pieceBytes(0), false));
      } else {
        let size = 0;
        for (let i = 0; i < held.pieces && i < maxPieces; i++) {
          addPiece(held.pieceAddress(i), held.pieceBytes(i));
          size += held.pieceBytes(i);
        }
        const taken = this.taken(transmitPieces(this.fd, false));
        if (taken < size) this.blocked = true;
        held.consume(taken);
      }
    }
    if (this.owesDrain && held.bytes === 0) this.turn.comeBack(this);
  }

  private finishWriting(): void {
    const { session } = this;
    if (session !== undefined) {
      const outcome = session.shutdown();
      if (outcome === wouldBlock) {
        this.blocked = true;
        return;
      }
      if (outcome === failed) {
        this.fail(this.named(session.failure));
        return;
      }
    }
    this.writeEnded = true;
    // Closing sends the FIN where both sides are done.
    if (!this.readEnded) shutdownWrite(this.fd);
  }

  /** SO_ERROR of a socket for which epoll reported an error. */
  private pendingError(): IoError | undefined {
    if (!this.errored) return undefined;
    this.errored = false;
    const number = takeSocketError(this.fd);
    if (number === errno.EPIPE) this.finSeen = true;
    return number === 0 ? undefined : connectionError('connection', number, this.remote);
  }

  private named(error: IoError | undefined): IoError {
    const { code, message } = error ?? { code: 'tls', message: 'TLS failed' };
    return { code, message: `${message} ${this.remote.host}:${this.remote.port}` };
  }

  private fail(error: IoError): void {
    this.finish(error);
  }

  /** The last that the handler hears. The descriptor stays open meanwhile, for `undelivered`. */
  private finish(error: IoError | undefined): void {
    if (this.phase === closed) return;
    this.phase = closed;
    this.handler.onClose(this, error);
    this.release();
  }

  private release(): void {
    this.phase = closed;
    if (!this.isHeld) {
      this.held.clear();
      return;
    }
    this.isHeld = false;
    if (this.deadline !== undefined) this.turn.timers.disarm(this.deadline);
    this.held.clear();
    this.session?.free();
    this.turn.forget(this);
  }
}

function ownContext(context: TlsContext): NativeTlsContext {
  if (context instanceof NativeTlsContext) return context;
  throw new Error('our bug: a TLS context of another engine');
}
