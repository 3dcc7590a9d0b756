/**
 * From an accepted connection to the chain that serves it: listen has found the candidates, detect looks at the first bytes without taking them, secure ends TLS
 * and checks who is there.
 *
 *     accepted ─▶ one plain candidate ────────────────────────────────▶ http | tcp
 *        │ several
 *        ▼
 *     sniffing ─▶ ClientHello ─▶ handshake ─▶ peer ─▶ ALPN ───────────▶ http | tcp
 *        │   └──▶ HTTP or other bytes ────────────────────────────────▶ http | tcp
 *        └─ silence: the server may speak first: dial it, and let whoever speaks first decide
 */
import { classify } from './detect/classify.js';
import type { Tunnel } from './forward/tunnel.js';
import type { Connection, ConnectionHandler, IoError, Sniffer } from './io/io.js';
import type { Limits } from './limits.js';
import { type Chain, type ChainSet, chainForAlpn, chainForBytes } from './listen/chains.js';
import { verifyPeer } from './secure/peer.js';
import { Timer, type TimerOwner, type TimerWheel } from './time/wheel.js';

/** Who goes on with an opened connection: `outbound.ts` or `inbound.ts`. */
export interface OpeningOwner {
  /** Serve HTTP on it. `peerUri` is the client's verified SPIFFE ID, '' without. Returns what its bytes go to from now on. */
  http(connection: Connection, chain: Chain, peerUri: string): ConnectionHandler;
  /** Pass its bytes on; undefined when policy refuses or there is no cluster, and the connection is to be closed. */
  tunnel(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined;
  /** Would policy let a client of that identity through to the server, before it has said anything? Nothing is logged. */
  mayDialAhead(connection: Connection, chain: Chain, peerUri: string): boolean;
  /** Closed before it was known what it is. */
  rejected(connection: Connection, detail: string): void;
}

export interface OpeningServices {
  readonly timers: TimerWheel;
  readonly limits: Limits;
}

type State = 'sniffing' | 'handshake' | 'reading' | 'done';

/** Enough to tell every protocol that `classify` knows. */
const decideBytes = 32;

export class Opening implements Sniffer, ConnectionHandler, TimerOwner {
  private readonly services: OpeningServices;
  private readonly owner: OpeningOwner;
  private readonly connection: Connection;
  private readonly chains: ChainSet;
  private readonly deadline: Timer;
  private readonly silence: Timer;
  private state: State = 'sniffing';
  /** Dialled ahead because the client has said nothing. */
  private ahead: Tunnel | undefined = undefined;
  /** The chain after a handshake, while it is not known whether HTTP is inside. */
  private inside: { readonly chain: Chain; readonly peerUri: string } | undefined = undefined;
  private early: Uint8Array = new Uint8Array(0);

  constructor(services: OpeningServices, owner: OpeningOwner, connection: Connection, chains: ChainSet) {
    this.services = services;
    this.owner = owner;
    this.connection = connection;
    this.chains = chains;
    this.deadline = new Timer(this, 'opening-deadline');
    this.silence = new Timer(this, 'opening-silence');
  }

  start(): void {
    const { chains, services } = this;
    const [only] = chains.plain;
    if (chains.tls.length === 0 && chains.plain.length === 1 && only.protocol !== 'auto') {
      this.servePlain(only, only.protocol);
      return;
    }
    services.timers.arm(this.deadline, services.limits.headTimeoutMs);
    if (chains.plain.length === 0) {
      this.handshake();
      return;
    }
    if (chainForBytes(chains, 'tcp') !== undefined) services.timers.arm(this.silence, services.limits.detectDelayMs);
    this.connection.sniff(this);
  }

  onSniff(_connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.state !== 'sniffing') return;
    const kind = classify(bytes, start, end);
    if (kind === 'more') return;
    if (kind === 'tls' && this.chains.tls.length > 0) {
      this.handshake();
      return;
    }
    const wanted = kind === 'http1' ? 'http' : 'tcp';
    const chain = chainForBytes(this.chains, wanted) ?? this.chains.plain[0];
    if (chain === undefined) this.reject('the client does not speak TLS');
    else this.servePlain(chain, chain.protocol === 'auto' ? wanted : chain.protocol);
  }

  onOpen(connection: Connection): void {
    if (this.state !== 'handshake') return;
    const chain = chainForAlpn(this.chains, connection.alpn);
    if (chain?.tls === undefined) {
      this.reject(`no filter chain for ALPN protocol "${connection.alpn}"`);
      return;
    }
    let peerUri = '';
    const { expected, requireClientCertificate } = chain.tls;
    if (expected !== undefined && (requireClientCertificate || connection.peer !== undefined)) {
      const verdict = verifyPeer(connection.peer, expected);
      if (verdict.kind === 'rejected') {
        this.reject(verdict.failure.detail);
        return;
      }
      peerUri = verdict.uri;
    }
    if (chain.protocol !== 'auto') {
      this.serve(chain, chain.protocol, peerUri);
      return;
    }
    this.state = 'reading';
    this.inside = { chain, peerUri };
    this.services.timers.arm(this.silence, this.services.limits.detectDelayMs);
  }

  /** Decrypted bytes of a connection whose chain serves HTTP and opaque bytes alike. */
  onData(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const { inside } = this;
    if (inside === undefined) return;
    const joined = new Uint8Array(this.early.length + end - start);
    joined.set(this.early);
    joined.set(bytes.subarray(start, end), this.early.length);
    const kind = classify(joined, 0, joined.length);
    if (kind === 'more' && joined.length < decideBytes) {
      this.early = joined;
      return;
    }
    this.serve(inside.chain, kind === 'http1' ? 'http' : 'tcp', inside.peerUri);
    connection.handler.onData(connection, joined, 0, joined.length);
  }

  onEnd(connection: Connection): void {
    if (this.inside === undefined) return;
    this.serve(this.inside.chain, 'tcp', this.inside.peerUri);
    if (this.early.length > 0) connection.handler.onData(connection, this.early, 0, this.early.length);
    connection.handler.onEnd(connection);
  }

  onDrain(): void {}

  onClose(connection: Connection, error: IoError | undefined): void {
    if (this.state === 'done') return;
    this.finish();
    this.ahead?.abandon();
    this.owner.rejected(connection, error?.message ?? 'the client closed before it said anything');
  }

  onTimer(timer: Timer): void {
    if (timer === this.silence) this.dialAhead();
    else this.reject('the client did not say what it speaks in time');
  }

  private handshake(): void {
    const [first] = this.chains.tls;
    if (first?.tls === undefined) {
      this.reject('no TLS is served here');
      return;
    }
    this.services.timers.disarm(this.silence);
    this.ahead?.abandon();
    this.ahead = undefined;
    this.state = 'handshake';
    this.connection.startTls(first.tls.context, this);
  }

  /** The client is silent, so the server may be waiting to speak: reach it now. Policy is asked first, as for any connection without identity. */
  private dialAhead(): void {
    const chain = this.inside?.chain ?? chainForBytes(this.chains, 'tcp');
    const peerUri = this.inside?.peerUri ?? '';
    if (chain === undefined || !this.owner.mayDialAhead(this.connection, chain, peerUri)) return;
    const tunnel = this.owner.tunnel(this.connection, chain, peerUri);
    if (tunnel === undefined) return;
    this.ahead = tunnel;
    tunnel.onServerFirst = () => {
      this.finish();
      if (this.inside === undefined) this.connection.startPlain(tunnel);
      else this.connection.handler = tunnel;
      tunnel.join();
    };
    tunnel.start();
  }

  private servePlain(chain: Chain, protocol: 'http' | 'tcp'): void {
    this.finish();
    if (protocol === 'http') {
      this.ahead?.abandon();
      this.connection.startPlain(this.owner.http(this.connection, chain, ''));
      return;
    }
    const tunnel = this.dialled() ?? this.owner.tunnel(this.connection, chain, '');
    if (tunnel === undefined) {
      this.connection.destroy(true);
      return;
    }
    this.connection.startPlain(tunnel);
    this.joinTunnel(tunnel);
  }

  private serve(chain: Chain, protocol: 'http' | 'tcp', peerUri: string): void {
    this.finish();
    if (protocol === 'http') {
      this.ahead?.abandon();
      const handler = this.owner.http(this.connection, chain, peerUri);
      this.connection.handler = handler;
      handler.onOpen(this.connection);
      return;
    }
    const tunnel = this.dialled() ?? this.owner.tunnel(this.connection, chain, peerUri);
    if (tunnel === undefined) {
      this.connection.destroy(true);
      return;
    }
    this.connection.handler = tunnel;
    this.joinTunnel(tunnel);
  }

  private joinTunnel(tunnel: Tunnel): void {
    tunnel.join();
    if (tunnel !== this.ahead) tunnel.start();
  }

  /** The tunnel dialled ahead, unless its dial failed. */
  private dialled(): Tunnel | undefined {
    return this.ahead?.isOver === false ? this.ahead : undefined;
  }

  private reject(detail: string): void {
    if (this.state === 'done') return;
    this.finish();
    this.ahead?.abandon();
    this.owner.rejected(this.connection, detail);
    this.connection.destroy(false);
  }

  private finish(): void {
    this.state = 'done';
    this.services.timers.disarm(this.deadline);
    this.services.timers.disarm(this.silence);
  }
}
