/**
 * One TCP connection on epoll, with TLS inside or not: its life from the descriptor to the last callback. What it sends is in outgoing.ts, what it
 * receives in incoming.ts, what is known of the socket in channel.ts.
 *
 *     waiting ──sniff──▶ sniffing            connecting ──TCP is up──▶ handshaking (TLS) ──▶ open
 *        │                   │                    │                                            │
 *        └── startPlain ─────┴──▶ starting ───────┼───────────────────────────────────────▶ open
 *        └── startTls ───────┴──▶ handshaking ────┼───────────────────────────────────────▶ open
 *                                                 └── whatever fails, ends in order or is destroyed ──▶ closed
 *
 * What a method may not do at once (call a handler) is done by `progress`, to which the loop comes back within the turn.
 */
import type { SocketAddress } from '../../address.js';
import type { Timer, TimerOwner } from '../../time/wheel.js';
import type { ConnectionHandler, IoError, PeerCertificate, Sniffer, TlsContext } from '../io.js';
import { Channel } from './channel.js';
import { connectError, connectionError } from './errors.js';
import { Incoming, type Reader } from './incoming.js';
import { Outgoing } from './outgoing.js';
import { EPOLLERR, EPOLLHUP, EPOLLOUT } from './sys/epoll.js';
import { errno } from './sys/errno.js';
import { failed, wouldBlock } from './sys/outcome.js';
import { localAddress, resetOnClose, setNoDelay, shutdownWrite, takeSocketError } from './sys/socket.js';
import { peek, streamErrno } from './sys/stream.js';
import { NativeTlsContext } from './sys/tls-context.js';
import type { Turn } from './turn.js';

const waiting = 0;
const sniffing = 1;
const starting = 2;
const connecting = 3;
const handshaking = 4;
const open = 5;
const closed = 6;

const unknownAddress: SocketAddress = { host: '0.0.0.0', port: 0 };

export class LinuxConnection implements Reader, TimerOwner {
  handler: ConnectionHandler;
  readonly id: number;
  readonly fd: number;
  readonly remote: SocketAddress;
  peer: PeerCertificate | undefined = undefined;
  alpn = '';

  /** @internal in the turn's list of connections to come back to */
  queued = false;

  private phase: number;
  private readonly turn: Turn;
  private readonly channel: Channel;
  private readonly outgoing: Outgoing;
  private readonly incoming: Incoming;
  private readonly original: SocketAddress | undefined;
  private ownAddress: SocketAddress | undefined;
  private sniffer: Sniffer | undefined = undefined;
  /** The sniffer knows that no more comes. */
  private sniffEnded = false;
  private context: NativeTlsContext | undefined = undefined;
  private serverName = '';
  private deadline: Timer | undefined = undefined;

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
    this.id = id;
    this.phase = phase === 'accepted' ? waiting : connecting;
    this.handler = handler;
    this.remote = remote;
    this.ownAddress = local;
    this.original = original;
    this.channel = new Channel(fd, remote);
    this.outgoing = new Outgoing(turn, this.channel, this, phase === 'accepted' ? 0 : 1);
    this.incoming = new Incoming(turn, this.channel, this);
  }

  get isTls(): boolean {
    return this.channel.isTls;
  }

  get bytesRead(): number {
    return this.incoming.bytesRead;
  }

  get bytesWritten(): number {
    return this.outgoing.bytesWritten;
  }

  get bytesHeld(): number {
    return this.outgoing.bytesHeld;
  }

  get local(): SocketAddress {
    if (this.ownAddress === undefined) {
      if (!this.channel.isHeld) return unknownAddress;
      this.ownAddress = localAddress(this.fd);
    }
    return this.ownAddress;
  }

  get destination(): SocketAddress {
    return this.original ?? this.local;
  }

  /** @internal for what reads from it. */
  get isOpen(): boolean {
    return this.phase === open;
  }

  /** @internal for a connection being made: its deadline, and the TLS to speak once it is there. */
  prepare(deadline: Timer, context: NativeTlsContext | undefined, serverName: string): void {
    this.deadline = deadline;
    if (this.channel.isHeld) this.useContext(context);
    this.channel.isTls = context !== undefined;
    this.serverName = serverName;
  }

  /** @internal the connection could not even be tried. */
  breakNow(error: IoError): void {
    this.channel.broken = error;
    this.turn.comeBack(this);
  }

  sniff(sniffer: Sniffer): void {
    if (this.phase !== waiting) return;
    this.phase = sniffing;
    this.sniffer = sniffer;
    if (this.channel.readable) this.turn.comeBack(this);
  }

  startPlain(handler: ConnectionHandler): void {
    if (this.phase !== waiting && this.phase !== sniffing) return;
    this.start(starting, handler);
  }

  startTls(context: TlsContext, handler: ConnectionHandler): void {
    if (this.phase !== waiting && this.phase !== sniffing) return;
    this.start(handshaking, handler);
    this.useContext(ownContext(context));
    this.channel.isTls = true;
    this.openSession();
  }

  write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean {
    return this.outgoing.write(bytes, start, end, more);
  }

  end(): void {
    this.outgoing.end();
  }

  mark(): void {
    this.outgoing.mark();
  }

  undelivered(): boolean {
    return this.outgoing.undelivered();
  }

  destroy(reset: boolean): void {
    if (this.channel.isHeld && reset) resetOnClose(this.fd);
    this.release();
  }

  pause(): void {
    this.incoming.paused = true;
  }

  resume(): void {
    if (!this.incoming.paused) return;
    this.incoming.paused = false;
    if (this.channel.readable && this.phase === open) this.turn.comeBack(this);
  }

  onTimer(): void {
    const what = this.phase === handshaking ? 'TLS handshake' : 'connect';
    this.finish(connectionError(what, errno.ETIMEDOUT, this.remote));
  }

  /** @internal epoll has events for this connection. */
  onEvents(events: number): void {
    this.channel.notice(events);
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

  private start(phase: number, handler: ConnectionHandler): void {
    this.phase = phase;
    this.handler = handler;
    this.sniffer = undefined;
    setNoDelay(this.fd);
    // Whatever was peeked at makes no new edge.
    this.channel.readable = true;
    this.turn.comeBack(this);
  }

  /** Held from here to the end: what speaks by it may be replaced and released before TCP is there. */
  private useContext(context: NativeTlsContext | undefined): void {
    context?.hold();
    this.context = context;
  }

  private openSession(): void {
    const { channel } = this;
    channel.session = this.context?.open(this.fd, this.serverName);
    if (channel.session === undefined) channel.broken = { code: 'tls', message: 'OpenSSL could not start a session' };
  }

  private progressConnect(events: number): void {
    const { channel } = this;
    if (channel.broken !== undefined) {
      this.finish(channel.broken);
      return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
      channel.errored = false;
      const number = takeSocketError(this.fd);
      this.finish(connectError('connect', number === 0 ? errno.ECONNRESET : number, this.remote));
      return;
    }
    if ((events & EPOLLOUT) === 0) return;
    if (this.isItself()) {
      this.finish(connectError('connect', errno.ECONNREFUSED, this.remote));
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
    const { channel } = this;
    const { session } = channel;
    if (session === undefined || channel.broken !== undefined) {
      this.finish(channel.broken ?? { code: 'tls', message: 'OpenSSL could not start a session' });
      return;
    }
    const outcome = session.handshake();
    if (outcome === wouldBlock) return;
    if (outcome === failed) {
      // Lets an alert out before the connection goes.
      shutdownWrite(this.fd);
      this.finish(channel.tlsError());
      return;
    }
    this.alpn = session.alpn();
    try {
      // What nobody has verified is nobody's identity.
      if (this.context?.verifies) this.peer = session.peer();
    } catch (error) {
      // Reading is stricter than OpenSSL's verification somewhere: such a peer has no identity, so it does not get in.
      this.finish({ code: 'tls', message: `the peer's certificate cannot be read: ${String(error)}` });
      return;
    }
    // What came behind the handshake is inside OpenSSL and makes no edge.
    channel.readable = true;
    this.opened();
  }

  private progressSniff(): void {
    const { sniffer, turn, channel } = this;
    if (sniffer === undefined || !channel.readable) return;
    channel.readable = false;
    const count = peek(this.fd, turn.bufferAddress, turn.buffer.length);
    if (count > 0) {
      sniffer.onSniff(this, turn.buffer, 0, count);
      if (this.phase !== sniffing || !channel.hungUp) return;
    } else if (count === wouldBlock) {
      return;
    }
    const error = count === failed ? connectionError('recv', streamErrno(), this.remote) : channel.pendingError();
    if (error === undefined) {
      if (this.sniffEnded) return;
      this.sniffEnded = true;
      sniffer.onEnd(this);
      return;
    }
    this.close();
    sniffer.onClose(this, error);
    this.release();
  }

  private opened(): void {
    this.phase = open;
    this.outgoing.open();
    if (this.deadline !== undefined) this.turn.timers.disarm(this.deadline);
    this.handler.onOpen(this);
    if (this.phase === open) this.progressOpen();
  }

  /** Sends, reads, and closes once both are over. Each handler that is called may destroy the connection. */
  private progressOpen(): void {
    const { channel, outgoing, incoming } = this;
    if (outgoing.proceed()) this.handler.onDrain(this);
    const lost = incoming.isDue ? incoming.readMore() : undefined;
    if (this.phase !== open) return;
    // An error waits until what came before it was read, unless nobody wants that now.
    const error = lost ?? (incoming.isDue ? undefined : (channel.broken ?? channel.pendingError()));
    if (error !== undefined) {
      this.finish(error);
      return;
    }
    const unfinished = outgoing.finishIfDue(incoming.ended);
    if (unfinished !== undefined || (incoming.ended && outgoing.ended)) this.finish(unfinished);
  }

  /** The last that the handler hears. The descriptor stays open meanwhile, for `undelivered`. */
  private finish(error: IoError | undefined): void {
    if (this.phase === closed) return;
    this.close();
    this.handler.onClose(this, error);
    this.release();
  }

  /** Nothing is sent or told any more. */
  private close(): void {
    this.phase = closed;
    this.outgoing.close();
  }

  private release(): void {
    const { channel } = this;
    this.close();
    if (!channel.isHeld) return;
    channel.isHeld = false;
    if (this.deadline !== undefined) this.turn.timers.disarm(this.deadline);
    channel.session?.free();
    this.context?.letGo();
    this.turn.forget(this);
  }
}

function ownContext(context: TlsContext): NativeTlsContext {
  if (context instanceof NativeTlsContext) return context;
  throw new Error('our bug: a TLS context of another engine');
}
