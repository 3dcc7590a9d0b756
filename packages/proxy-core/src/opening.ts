/**
 * From an accepted connection to the chain that serves it: listen has found the candidates, detect looks at the first bytes without taking them, secure ends TLS
 * and checks who is there.
 *
 *     accepted ─▶ one plain candidate ────────────────────────────────▶ http | tcp
 *        │ several
 *        ▼
 *     sniffing ─▶ ClientHello ─▶ handshake ─▶ peer ─▶ ALPN ───────────▶ http | tcp | reading
 *        │             └─ its ALPN is not one that is served here ────▶ tcp: the application ends its own TLS
 *        │   └──▶ HTTP, other bytes, the end ─────────────────────────▶ http | tcp
 *        └─ silence: the server may speak first: dial it ahead, and let whoever speaks first decide
 *
 * Where TLS is served too, silence is taken for that of a server-first protocol only after the far longer `tlsDetectDelayMs`, and never once the client has sent
 * what may begin a ClientHello: no byte of the server may leave in plain text towards a client that was about to speak TLS.
 *
 * `reading` is sniffing inside TLS. Who has not decided by the deadline is opaque where that is served, and closed elsewhere.
 */
import { classify } from './detect/classify.js';
import { readClientHello } from './detect/client-hello.js';
import { type Failure, failure } from './failure.js';
import type { Tunnel } from './forward/tunnel.js';
import type { Clock, Connection, ConnectionHandler, IoError, Sniffer } from './io/io.js';
import type { Limits } from './limits.js';
import {
  type Chain,
  type ChainSet,
  chainForAlpn,
  chainForBytes,
  chainForHello,
  choosesByHello,
  takesTls,
} from './listen/chains.js';
import { verifyClient } from './secure/server-tls.js';
import { Timer, type TimerOwner, type TimerWheel } from './time/wheel.js';

/** Who goes on with an opened connection: `outbound.ts` or `inbound.ts`. */
export interface OpeningOwner {
  /** The candidates for the connection in the configuration of now; undefined when nobody serves its destination. */
  chains(connection: Connection): ChainSet | undefined;
  /**
   * Serve HTTP on it. `peerUri` is the client's verified SPIFFE ID, '' without; `headTimeoutMs` is what the opening has left of the time for the first head.
   * Returns what its bytes go to from now on.
   */
  http(connection: Connection, peerUri: string, headTimeoutMs: number): ConnectionHandler;
  /** A tunnel for its bytes, not started yet; undefined when policy refuses or there is no cluster: the connection is closed then and that is recorded. */
  tunnel(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined;
  /** The same before it has said anything; undefined has no consequence and is not recorded. */
  dialAhead(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined;
  /** Closed before it was known what it is. */
  rejected(connection: Connection, failed: Failure): void;
}

export interface OpeningServices {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly limits: Limits;
  /** The connection is not decided at once: it is counted, and closed with the proxy. */
  openingStarted(opening: Opening): void;
  /** Follows `openingStarted`, once. */
  openingFinished(opening: Opening): void;
}

type State = 'sniffing' | 'handshake' | 'reading' | 'done';

/** Enough to tell every protocol that `classify` knows. */
const decideBytes = 32;
/** First byte of a TLS record of type handshake (RFC 8446 section 5.1). */
const handshakeRecord = 0x16;
const noBytes = new Uint8Array(0);
const nobody: ChainSet = { tls: [], passthrough: [], plain: [] };
const noChain = failure('no-route', 'no filter chain any more');

export class Opening implements Sniffer, ConnectionHandler, TimerOwner {
  private readonly services: OpeningServices;
  private readonly owner: OpeningOwner;
  private readonly connection: Connection;
  private readonly deadline: Timer;
  private readonly silence: Timer;
  private state: State = 'sniffing';
  private draining = false;
  /** -1: it was decided at once. */
  private startMs = -1;
  /** What has come may be the beginning of a ClientHello, and TLS is served: opaque is no answer to its silence. */
  private mayBeTls = false;
  /** It is one, and not whole yet. */
  private readsHello = false;
  /** Dialled ahead because the client has said nothing. */
  private ahead: Tunnel | undefined = undefined;
  /** The chain, as configured then, by which it was dialled. */
  private aheadChain: Chain | undefined = undefined;
  /** The client's verified SPIFFE ID after a handshake. */
  private peerUri = '';
  /** Decrypted bytes that do not tell yet. */
  private early: Uint8Array = noBytes;

  constructor(services: OpeningServices, owner: OpeningOwner, connection: Connection) {
    this.services = services;
    this.owner = owner;
    this.connection = connection;
    this.deadline = new Timer(this, 'opening-deadline');
    this.silence = new Timer(this, 'opening-silence');
  }

  start(): void {
    const { chains, services } = this;
    const [only] = chains.plain;
    if (!takesTls(chains) && chains.plain.length === 1 && only.protocol !== 'auto') {
      this.serve(only, only.protocol, noBytes);
      return;
    }
    this.startMs = services.clock.nowMs();
    services.openingStarted(this);
    services.timers.arm(this.deadline, services.limits.headTimeoutMs);
    if (chains.plain.length + chains.passthrough.length === 0) {
      this.handshake();
      return;
    }
    if (chainForBytes(chains, 'tcp') !== undefined) {
      const { detectDelayMs, tlsDetectDelayMs } = services.limits;
      services.timers.arm(this.silence, takesTls(chains) ? tlsDetectDelayMs : detectDelayMs);
    }
    this.connection.sniff(this);
  }

  /** The proxy ends: a client that has said nothing gets as long as one between two requests. */
  drain(): void {
    this.draining = true;
    const { timers, limits } = this.services;
    timers.arm(this.deadline, Math.min(limits.headTimeoutMs, limits.drainIdleGraceMs));
  }

  /** The proxy has ended. */
  cut(): void {
    this.reject(failure('draining', 'cut off before it was known what the client speaks'));
  }

  onSniff(_connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.state !== 'sniffing') return;
    const kind = classify(bytes, start, end);
    const { chains } = this;
    if (kind === 'more') {
      if (takesTls(chains) && bytes[start] === handshakeRecord) this.awaitClientHello();
      return;
    }
    if (kind === 'tls' && takesTls(chains)) {
      this.clientHello(chains, bytes, start, end);
      return;
    }
    const wanted = kind === 'http1' ? 'http' : 'tcp';
    const chain = chainForBytes(chains, wanted) ?? chains.plain[0];
    if (chain !== undefined) this.serve(chain, wanted, noBytes);
    else if (takesTls(chains)) this.reject(failure('bad-request', 'the client does not speak TLS'));
    else this.reject(noChain);
  }

  /** Does the mesh's TLS begin, or the application's own? Only the first tells who the client is. */
  private clientHello(chains: ChainSet, bytes: Uint8Array, start: number, end: number): void {
    if (!choosesByHello(chains)) {
      const [only] = chains.passthrough;
      if (only === undefined) this.handshake();
      else this.serveTcp(only, noBytes);
      return;
    }
    this.awaitClientHello();
    this.readsHello = true;
    const hello = readClientHello(bytes, start, end, this.services.limits.maxClientHelloBytes);
    if (hello === 'more') return;
    if (hello === 'malformed') {
      this.reject(failure('bad-request', 'what begins like TLS is no ClientHello, or too long for one'));
      return;
    }
    const chain = chainForHello(chains, hello.alpn);
    if (chain !== undefined && chain.tls === undefined) this.serveTcp(chain, noBytes);
    // Also without a chain: the handshake tells the client that no protocol is in common.
    else if (chains.tls.length > 0) this.handshake();
    else
      this.reject(
        failure(
          'no-route',
          `no filter chain for ALPN ${JSON.stringify(hello.alpn)}, server name ${JSON.stringify(hello.serverName)}`,
        ),
      );
  }

  onOpen(connection: Connection): void {
    if (this.state !== 'handshake') return;
    const chain = chainForAlpn(this.chains, connection.alpn);
    if (chain?.tls === undefined) {
      this.reject(failure('no-route', `no filter chain for ALPN protocol "${connection.alpn}"`));
      return;
    }
    const verdict = verifyClient(connection.peer, chain.tls);
    if (verdict.kind === 'rejected') {
      this.reject(failure('access-denied', verdict.failure.detail));
      return;
    }
    this.peerUri = verdict.uri;
    if (chain.protocol !== 'auto') {
      this.serve(chain, chain.protocol, noBytes);
      return;
    }
    this.state = 'reading';
    this.mayBeTls = false;
    this.services.timers.arm(this.silence, this.services.limits.detectDelayMs);
  }

  /** Decrypted bytes of a connection whose chain serves HTTP and opaque bytes alike. */
  onData(_connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.state !== 'reading') return;
    const joined = new Uint8Array(this.early.length + end - start);
    joined.set(this.early);
    joined.set(bytes.subarray(start, end), this.early.length);
    this.early = joined;
    const kind = classify(joined, 0, joined.length);
    if (kind !== 'more' || joined.length >= decideBytes) this.serveInside(kind === 'http1' ? 'http' : 'tcp');
  }

  /** All that comes has come. What does not tell by then is opaque, where that is served: no request is that short. */
  onEnd(connection: Connection): void {
    if (this.state === 'sniffing') {
      const opaque = this.readsHello ? undefined : this.opaqueChain();
      if (opaque !== undefined) this.serve(opaque, 'tcp', noBytes);
      else this.reject(failure('downstream-closed', 'the client ended before it said what it speaks'));
    }
    if (this.state !== 'reading') return;
    this.serveInside('tcp');
    if (connection.handler !== this) connection.handler.onEnd(connection);
  }

  onDrain(): void {}

  onClose(connection: Connection, error: IoError | undefined): void {
    if (this.state === 'done') return;
    this.finish();
    this.ahead?.abandon();
    const detail = error?.message ?? 'the client closed before it said anything';
    this.owner.rejected(connection, failure(error?.code === 'tls' ? 'bad-request' : 'downstream-closed', detail));
  }

  onTimer(timer: Timer): void {
    if (timer === this.silence) this.dialAhead();
    else this.undecided();
  }

  /** Both sides are silent, or the client has sent too little to tell: an opaque connection may be like that, a request may not. */
  private undecided(): void {
    const opaque = this.opaqueChain();
    if (opaque === undefined || this.draining || this.mayBeTls)
      this.reject(failure('head-timeout', 'the client did not say what it speaks in time'));
    else this.serve(opaque, 'tcp', this.early);
  }

  /** Whoever would serve it if it were opaque; undefined during a handshake. */
  private opaqueChain(): Chain | undefined {
    if (this.state === 'sniffing') return chainForBytes(this.chains, 'tcp');
    const chain = this.state === 'reading' ? chainForAlpn(this.chains, this.connection.alpn) : undefined;
    return chain?.protocol === 'http' ? undefined : chain;
  }

  private handshake(): void {
    const [first] = this.chains.tls;
    if (first?.tls === undefined) {
      this.reject(noChain);
      return;
    }
    this.awaitClientHello();
    this.state = 'handshake';
    this.connection.startTls(first.tls.context, this);
  }

  /** The client speaks TLS, as it seems: nobody is dialled for it before that is known. */
  private awaitClientHello(): void {
    this.mayBeTls = true;
    this.services.timers.disarm(this.silence);
    this.ahead?.abandon();
    this.ahead = undefined;
  }

  /** The client is silent, so the server may be waiting to speak: reach it now. Policy is asked first, as for any connection without identity. */
  private dialAhead(): void {
    const chain = this.opaqueChain();
    const tunnel = chain && this.owner.dialAhead(this.connection, chain, this.peerUri);
    if (tunnel === undefined) return;
    this.ahead = tunnel;
    this.aheadChain = chain;
    tunnel.onServerFirst = () => this.serverSpokeFirst();
    tunnel.start();
  }

  private serverSpokeFirst(): void {
    const chain = this.opaqueChain();
    if (chain === undefined) this.reject(noChain);
    else this.serveTcp(chain, this.early);
  }

  /** Of now, which may not be that of the accept: what a chain refers to may be gone. */
  private get chains(): ChainSet {
    return this.owner.chains(this.connection) ?? nobody;
  }

  private serveInside(seen: 'http' | 'tcp'): void {
    const chain = chainForAlpn(this.chains, this.connection.alpn);
    if (chain === undefined) this.reject(noChain);
    else this.serve(chain, seen, this.early);
  }

  /** `seen` decides where the chain leaves it open; `early` is what was read already. */
  private serve(chain: Chain, seen: 'http' | 'tcp', early: Uint8Array): void {
    const protocol = chain.protocol === 'auto' ? seen : chain.protocol;
    if (protocol === 'http') this.serveHttp(early);
    else this.serveTcp(chain, early);
  }

  private serveHttp(early: Uint8Array): void {
    const { connection } = this;
    const isOpen = this.isOpen();
    const leftMs = this.headTimeLeftMs();
    this.finish();
    this.ahead?.abandon();
    const handler = this.owner.http(connection, this.peerUri, leftMs);
    if (!isOpen) {
      connection.startPlain(handler);
      return;
    }
    connection.handler = handler;
    handler.onOpen(connection);
    if (early.length > 0) handler.onData(connection, early, 0, early.length);
  }

  private serveTcp(chain: Chain, early: Uint8Array): void {
    // The one dialled ahead, unless its dial failed, or policy and clusters are not those any more by which it was dialled.
    const ahead = this.ahead?.isOver === false && this.aheadChain === chain ? this.ahead : undefined;
    if (ahead === undefined) this.ahead?.abandon();
    const tunnel = ahead ?? this.owner.tunnel(this.connection, chain, this.peerUri);
    if (tunnel === undefined) {
      this.finish();
      return;
    }
    this.startTunnel(tunnel, early);
    if (ahead === undefined) tunnel.start();
  }

  private startTunnel(tunnel: Tunnel, early: Uint8Array): void {
    const isOpen = this.isOpen();
    this.finish();
    if (isOpen) this.connection.handler = tunnel;
    else this.connection.startPlain(tunnel);
    tunnel.join(early);
  }

  /** Sniff, handshake and the first head have one time together: a client can not begin it anew with each. */
  private headTimeLeftMs(): number {
    const { limits, clock } = this.services;
    return this.startMs < 0 ? limits.headTimeoutMs : Math.max(1, this.startMs + limits.headTimeoutMs - clock.nowMs());
  }

  /** TLS is established; a plain connection is opened by whoever serves it. */
  private isOpen(): boolean {
    return this.state === 'handshake' || this.state === 'reading';
  }

  private reject(failed: Failure): void {
    if (this.state === 'done') return;
    this.finish();
    this.ahead?.abandon();
    this.owner.rejected(this.connection, failed);
    this.connection.destroy(false);
  }

  private finish(): void {
    if (this.state === 'done') return;
    this.state = 'done';
    this.services.timers.disarm(this.deadline);
    this.services.timers.disarm(this.silence);
    this.services.openingFinished(this);
  }
}
