/**
 * One connection over a net.Socket, with a TLSSocket on top where TLS is spoken.
 *
 *     accepted ──sniff──▶ sniffing ──┐
 *        │                           ├─startPlain──▶ starting ──(next tick)──▶ open ──▶ closed
 *        └───────────────────────────┴─startTls──▶ handshaking ──(verified)──▶ starting
 *     connecting ──(no TLS)──▶ open,  connecting ──▶ handshaking ──▶ starting,  any ──▶ closed
 *
 * Beside it run two directions that know nothing of each other: what may be told (`paused`, `untold`, `readEnd`) and what is sent (`outgoing`).
 */
import type net from 'node:net';
import type tls from 'node:tls';
import { formatAddress, type SocketAddress } from '../../address.js';
import type { Limits } from '../../limits.js';
import { Timer, type TimerOwner, type TimerWheel } from '../../time/wheel.js';
import type {
  Connection,
  ConnectionHandler,
  ConnectOptions,
  IoError,
  PeerCertificate,
  Sniffer,
  TlsContext,
} from '../io.js';
import { type Phase, toIoError } from './errno.js';
import { clientTls, serverTls, verifiedPeer, wasReset } from './node-tls.js';
import { Outgoing } from './outgoing.js';
import { RawSide } from './raw-side.js';
import { resetAndDestroy } from './reset.js';
import type { PortableTlsContext } from './tls-context.js';

type State = 'accepted' | 'sniffing' | 'starting' | 'connecting' | 'handshaking' | 'open' | 'closed';

/** What a connection needs of its engine. */
interface Engine {
  readonly timers: TimerWheel;
  atTurnEnd(callback: () => void): void;
  forget(connection: PortableConnection): void;
}

const truncation = 'the peer closed the connection without close_notify: data may be missing';
const nobody: ConnectionHandler = { onOpen() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const nowhere: SocketAddress = { host: '0.0.0.0', port: 0 };

export class PortableConnection implements Connection, TimerOwner {
  handler: ConnectionHandler = nobody;
  readonly id: number;
  readonly remote: SocketAddress;
  local: SocketAddress = nowhere;
  destination: SocketAddress = nowhere;
  peer: PeerCertificate | undefined = undefined;
  alpn = '';
  isTls = false;
  bytesRead = 0;

  private state: State = 'accepted';
  private readonly limits: Limits;
  private readonly engine: Engine;
  /** TCP. */
  private readonly socket: net.Socket;
  /** Where application bytes go: `socket`, or the TLS over it. */
  private stream: net.Socket;
  /** Between the two, under TLS. */
  private raw: RawSide | undefined = undefined;
  private sniffer: Sniffer | undefined = undefined;
  /** Covers connect and handshake; connecting side only. */
  private deadline: Timer | undefined = undefined;
  private timeoutMs = 0;

  private paused = false;
  /** Bytes that arrived and were not told: seen by the sniffer, or caught by a pause. */
  private untold: Uint8Array | undefined = undefined;
  /** `waiting`: node told the end while paused, or while bytes were untold. */
  private readEnd: 'not-yet' | 'waiting' | 'told' = 'not-yet';
  /** The socket is gone, and `onClose` must wait for `startPlain` or `resume`. */
  private goneWith: { readonly error: IoError | undefined } | undefined = undefined;
  private failure: NodeJS.ErrnoException | undefined = undefined;

  private readonly outgoing: Outgoing;

  private readonly onSocketClose = (): void => this.gone();
  private readonly onSocketError = (error: NodeJS.ErrnoException): void => {
    this.failure ??= error;
  };
  /** node leaves a TLSSocket open where a record was wrong. */
  private readonly onStreamError = (error: NodeJS.ErrnoException): void => {
    this.failure ??= error;
    this.stream.destroy();
  };
  private readonly onSocketData = (chunk: Buffer): void => this.arrived(chunk);
  private readonly onSocketEnd = (): void => this.ended();

  constructor(id: number, socket: net.Socket, limits: Limits, engine: Engine, remote: SocketAddress) {
    this.id = id;
    this.socket = socket;
    this.stream = socket;
    this.limits = limits;
    this.engine = engine;
    this.remote = remote;
    this.outgoing = new Outgoing(
      limits.writeHighWaterBytes,
      (callback) => engine.atTurnEnd(callback),
      () => this.drained(),
    );
    socket.on('error', this.onSocketError);
    socket.on('close', this.onSocketClose);
  }

  get bytesWritten(): number {
    return this.outgoing.writtenBytes;
  }

  get bytesHeld(): number {
    return this.outgoing.heldBytes;
  }

  /** @internal of the engine */
  accepted(local: SocketAddress, destination: SocketAddress): void {
    this.local = local;
    this.destination = destination;
  }

  /** @internal of the engine: before the socket connects */
  connecting(options: ConnectOptions, handler: ConnectionHandler): void {
    this.handler = handler;
    this.state = 'connecting';
    this.timeoutMs = options.timeoutMs;
    this.deadline = new Timer(this, 'connect');
    this.engine.timers.arm(this.deadline, options.timeoutMs);
    this.socket.once('connect', () => {
      if (this.state !== 'connecting') return;
      this.local = { host: this.socket.localAddress ?? nowhere.host, port: this.socket.localPort ?? 0 };
      if (options.tls === undefined) this.opened();
      else this.secureClient(options.tls as PortableTlsContext, options.serverName);
    });
  }

  onTimer(): void {
    const tried = this.state === 'handshaking' ? 'TLS handshake' : 'connect';
    const error: IoError = {
      code: 'timeout',
      message: `${tried} ${formatAddress(this.remote)}: not done within ${this.timeoutMs} ms`,
    };
    this.finish(false);
    this.handler.onClose(this, error);
  }

  sniff(sniffer: Sniffer): void {
    if (this.state !== 'accepted') return;
    this.state = 'sniffing';
    this.sniffer = sniffer;
    if (this.goneWith !== undefined) {
      this.laterTellGone();
      return;
    }
    this.listenToStream();
    this.socket.resume();
  }

  startPlain(handler: ConnectionHandler): void {
    if (this.state !== 'accepted' && this.state !== 'sniffing') return;
    this.handler = handler;
    if (this.state === 'accepted') this.listenToStream();
    else this.socket.pause();
    this.state = 'starting';
    process.nextTick(() => {
      if (this.state === 'starting') this.opened();
    });
  }

  startTls(context: TlsContext, handler: ConnectionHandler): void {
    if (this.state !== 'accepted' && this.state !== 'sniffing') return;
    this.handler = handler;
    if (this.state === 'sniffing') this.stopListeningToStream();
    this.state = 'handshaking';
    this.isTls = true;
    // A handshake needs answers of a client that has ended.
    if (this.readEnd === 'waiting') this.goneWith ??= { error: { code: 'tls', message: `${this.what()}: ended` } };
    if (this.goneWith !== undefined) {
      this.laterTellGone();
      return;
    }
    this.raw = new RawSide(this.socket, this.untold);
    this.untold = undefined;
    const settings = context as PortableTlsContext;
    const stream = serverTls(this.raw, settings, this.onSocketError, () => this.secured(stream, settings));
    this.stream = stream;
    this.listenToStream();
  }

  private secureClient(context: PortableTlsContext, serverName: string): void {
    this.state = 'handshaking';
    this.isTls = true;
    this.raw = new RawSide(this.socket, undefined);
    const stream = clientTls(this.raw, context, serverName, () => this.secured(stream, context));
    this.stream = stream;
    this.listenToStream();
  }

  /** The handshake is done; whether the peer's chain leads to the trust bundle is the question left. */
  private secured(stream: tls.TLSSocket, context: PortableTlsContext): void {
    if (this.state !== 'handshaking') return;
    try {
      this.peer = verifiedPeer(stream, context);
    } catch (refusal) {
      this.failure ??= refusal as Error;
      // No orderly end: under TLS 1.3 the client thinks that it is connected.
      resetAndDestroy(this.socket);
      return;
    }
    this.alpn = stream.alpnProtocol || '';
    this.state = 'starting';
    if (this.deadline !== undefined) this.engine.timers.disarm(this.deadline);
    // Not in this tick: node calls from inside OpenSSL's handshake, where nothing may be written or freed.
    setImmediate(() => {
      if (this.state === 'starting') this.opened();
    });
  }

  private opened(): void {
    if (this.goneWith !== undefined) {
      this.tellGone();
      return;
    }
    this.state = 'open';
    if (this.deadline !== undefined) this.engine.timers.disarm(this.deadline);
    if (this.stream === this.socket && this.deadline !== undefined) this.listenToStream();
    this.outgoing.open(this.stream);
    this.handler.onOpen(this);
    this.tell();
  }

  // What arrives

  /** Takes up the stream without letting it flow. */
  private listenToStream(): void {
    const { stream } = this;
    stream.pause();
    stream.on('data', this.onSocketData);
    stream.on('end', this.onSocketEnd);
    if (stream !== this.socket) {
      stream.on('error', this.onStreamError);
      // The TLS stream closes after the socket, having told what it still held.
      this.socket.off('close', this.onSocketClose);
      stream.on('close', this.onSocketClose);
    }
  }

  private stopListeningToStream(): void {
    this.socket.pause();
    this.socket.off('data', this.onSocketData);
    this.socket.off('end', this.onSocketEnd);
  }

  private arrived(chunk: Buffer): void {
    if (this.state === 'closed') return;
    if (this.state === 'sniffing') {
      this.sniffed(chunk);
      return;
    }
    if (this.state !== 'open' || this.paused || this.untold !== undefined) {
      this.keep(chunk);
      return;
    }
    this.bytesRead += chunk.length;
    this.handler.onData(this, chunk, 0, chunk.length);
  }

  private sniffed(chunk: Buffer): void {
    const seen = this.keep(chunk);
    // A sniffer that wants more than a whole head is not going to decide.
    if (seen.length >= this.limits.maxHeadBytes) this.socket.pause();
    this.sniffer?.onSniff(this, seen, 0, seen.length);
  }

  private keep(chunk: Buffer): Uint8Array {
    this.untold = this.untold === undefined ? chunk : Buffer.concat([this.untold, chunk]);
    return this.untold;
  }

  private ended(): void {
    switch (this.state) {
      case 'handshaking':
        this.failure ??= Object.assign(new Error('closed by the peer'), { code: 'ECONNRESET' });
        this.socket.destroy();
        return;
      case 'closed':
        return;
      default:
        if (wasReset(this.socket, this.stream)) {
          this.failure ??= Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
          this.socket.destroy();
          return;
        }
        if (this.raw?.truncated) {
          this.failure ??= Object.assign(new Error(truncation), { code: 'ECONNRESET' });
          this.socket.destroy();
          return;
        }
        this.readEnd = 'waiting';
        if (this.state === 'sniffing') this.sniffer?.onEnd(this);
        else if (this.state === 'open') this.tell();
    }
  }

  /** Tells what waits, in its order, as far as it is wanted. Never called from a method of the owner. */
  private tell(): void {
    if (this.state !== 'open' || this.paused) return;
    if (this.untold !== undefined) {
      const bytes = this.untold;
      this.untold = undefined;
      this.bytesRead += bytes.length;
      this.handler.onData(this, bytes, 0, bytes.length);
      if (!this.mayTell()) return;
    }
    if (this.readEnd === 'waiting') {
      this.readEnd = 'told';
      this.handler.onEnd(this);
      if (!this.mayTell()) return;
    }
    if (this.goneWith !== undefined) this.tellGone();
    else this.stream.resume();
  }

  private mayTell(): boolean {
    return this.state === 'open' && !this.paused;
  }

  /** node's `close`: nothing more comes. */
  private gone(): void {
    if (this.state === 'closed') return;
    const error = this.reasonOfEnd();
    this.goneWith = { error };
    const { state } = this;
    if (state === 'accepted' || state === 'starting') return;
    // An end in order waits behind the bytes and the end that a pause holds back; a reset does not.
    if (state === 'open' && error === undefined && (this.paused || this.readEnd === 'waiting')) return;
    this.tellGone();
  }

  private reasonOfEnd(): IoError | undefined {
    if (this.failure !== undefined) return toIoError(this.failure, this.phase(), this.what());
    const inOrder = this.state === 'open' && this.readEnd !== 'not-yet' && this.outgoing.ended;
    // One that nobody has started yet has promised nothing.
    if (inOrder || this.state === 'accepted' || this.state === 'sniffing') return undefined;
    const code = this.state === 'handshaking' ? 'tls' : 'reset';
    return { code, message: `${this.what()}: closed before both sides had ended` };
  }

  private tellGone(): void {
    const error = this.goneWith?.error;
    const { state } = this;
    this.finish(false);
    if (state === 'sniffing') this.sniffer?.onClose(this, error);
    else this.handler.onClose(this, error);
  }

  private laterTellGone(): void {
    process.nextTick(() => {
      if (this.state !== 'closed') this.tellGone();
    });
  }

  private phase(): Phase {
    if (this.state === 'connecting') return 'connect';
    return this.state === 'handshaking' ? 'handshake' : 'open';
  }

  private what(): string {
    const calls = { connecting: 'connect', handshaking: 'TLS handshake' } as Partial<Record<State, string>>;
    return `${calls[this.state] ?? 'connection'} ${formatAddress(this.remote)}`;
  }

  // What is sent

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

  private drained(): void {
    if (this.state === 'open') this.handler.onDrain(this);
  }

  destroy(reset: boolean): void {
    if (this.state !== 'closed') this.finish(reset);
  }

  pause(): void {
    if (this.paused || this.state === 'closed') return;
    this.paused = true;
    if (this.state === 'open') this.stream.pause();
  }

  resume(): void {
    if (!this.paused || this.state === 'closed') return;
    this.paused = false;
    process.nextTick(() => this.tell());
  }

  /** The last of it: nobody hears of this connection any more. */
  private finish(reset: boolean): void {
    const wasConnecting = this.state === 'connecting';
    this.state = 'closed';
    this.outgoing.close();
    this.untold = undefined;
    if (this.deadline !== undefined) this.engine.timers.disarm(this.deadline);
    this.engine.forget(this);
    // An unconnected socket would wait for its connection before resetting it.
    if (reset && !wasConnecting && !this.socket.destroyed) {
      // The TLS over it follows when the socket has closed; freed at once, node would crash where it is in the middle of a record.
      resetAndDestroy(this.socket);
    } else {
      this.stream.destroy();
    }
  }
}
