/**
 * Stage forward for opaque connections: bytes pass both ways as they come, each direction half-closes on its own, backpressure holds the source.
 *
 *     dialling ──opened──▶ open ──both sides ended──▶ over
 *        │  └─ refused: next endpoint, nothing was sent      │
 *        ▼ no endpoint left                                   ▼ reset, idle
 *      over ◀─────────────────────────────────────────────────┘
 *
 * The client joins at the start, or later, when a tunnel dialled ahead turns out to be what it wants. Until the upstream is open its bytes stay in the kernel, or, where
 * they were read to tell the protocol, in `early`: a try that failed has lost nothing.
 */
import type { SocketAddress } from '../address.js';
import type { Direction } from '../config/config.js';
import { type Failure, failure, type Reason, upstreamFailure } from '../failure.js';
import type { Clock, Connection, ConnectionHandler, IoError } from '../io/io.js';
import { noHash } from '../message/hash.js';
import { Timer, type TimerOwner, type TimerWheel } from '../time/wheel.js';
import type { Cluster } from '../upstream/cluster.js';
import type { Endpoint } from '../upstream/endpoint.js';

export interface TunnelServices {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** Starts connecting; the outcome comes to the handler. */
  dial(endpoint: Endpoint, cluster: Cluster, handler: ConnectionHandler): Connection;
  /** Is the server who it should be? Asked when a TLS connection is open. */
  verifyUpstream(endpoint: Endpoint, connection: Connection): Failure | undefined;
  /** The client has joined. A tunnel that was dialled ahead in vain is never told of: it is no connection of a client's. */
  tunnelStarted(tunnel: Tunnel): void;
  /** Follows `tunnelStarted`, once. */
  tunnelFinished(tunnel: Tunnel): void;
}

/** Further endpoints that are tried when one refuses. */
const furtherTries = 2;
const noBytes = new Uint8Array(0);

export class Tunnel implements ConnectionHandler, TimerOwner {
  readonly direction: Direction;
  readonly downstream: Connection;
  readonly destination: SocketAddress;
  readonly startMs: number;
  readonly cluster: Cluster;
  /** Of the key by which consistent hashing chooses; `noHash` without. */
  hash: number = noHash;
  upstream: Connection | undefined = undefined;
  endpoint: Endpoint | undefined = undefined;
  /** The endpoint of the last try, for the log line. */
  lastEndpoint: Endpoint | undefined = undefined;
  /** Set while nobody knows yet what the client speaks: called when the server speaks or ends first. Makes the client join, or abandons the tunnel. */
  onServerFirst: (() => void) | undefined = undefined;
  reason: Reason | '' = '';
  detail = '';
  route = '';
  policy = '';
  peerUri = '';
  upstreamUri = '';
  attempts = 0;
  upstreamMs = -1;
  bytesReceived = 0;
  bytesSent = 0;

  private readonly services: TunnelServices;
  private readonly attempt: (tunnel: Tunnel) => void;
  private readonly idleMs: number;
  private readonly idleTimer: Timer;
  readonly tried: Endpoint[] = [];
  private phase: 'dialling' | 'open' | 'over' = 'dialling';
  /** Sides that ended in order, 0 to 2. */
  private closed = 0;
  /** Bytes that the client sent before it joined, and whether it sent no more; for the upstream once that is open. */
  private early: Uint8Array = noBytes;
  private earlyEnd = false;
  /** Whether the client's connection was given to the tunnel. */
  private joined: 'no' | 'yes' = 'no';

  constructor(
    services: TunnelServices,
    direction: Direction,
    attempt: (tunnel: Tunnel) => void,
    downstream: Connection,
    cluster: Cluster,
    idleMs: number,
  ) {
    this.services = services;
    this.direction = direction;
    this.attempt = attempt;
    this.downstream = downstream;
    this.destination = downstream.destination;
    this.cluster = cluster;
    this.idleMs = idleMs;
    this.startMs = services.clock.nowMs();
    this.idleTimer = new Timer(this, 'tunnel-idle');
  }

  get clusterName(): string {
    return this.cluster.name;
  }

  /** Of the last try, for the log line. */
  get upstreamAddress(): SocketAddress | undefined {
    return this.lastEndpoint?.address;
  }

  /** Starts dialling. The client joins before or later with `join`, or the tunnel is given up with `abandon`. */
  start(): void {
    this.attempt(this);
  }

  /** An endpoint was chosen for the next try. */
  tryOn(endpoint: Endpoint): void {
    const { breaker } = this.cluster;
    if (breaker.connections >= breaker.maxTunnels) {
      breaker.overflowed('connections');
      this.fail(failure('upstream-overflow', `${breaker.connections} connections are open`));
      return;
    }
    this.endpoint = endpoint;
    this.attempts++;
    endpoint.active++;
    breaker.connections++;
    this.upstream = this.services.dial(endpoint, this.cluster, this);
  }

  /**
   * The client's connection belongs to the tunnel from here: its bytes flow as soon as the upstream is open. `early` was read of it already; the tunnel keeps the array.
   * A tunnel that is not started must be, after this.
   */
  join(early: Uint8Array = noBytes): void {
    this.joined = 'yes';
    this.early = early;
    this.bytesReceived = early.length;
    this.services.tunnelStarted(this);
    this.touch();
    if (this.phase === 'open') this.sendEarly();
    else this.downstream.pause();
  }

  /** Nobody has joined and nobody will: the dialled connection is dropped, the client's is left alone. */
  abandon(): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.releaseEndpoint();
    this.upstream?.destroy(false);
  }

  /** Ends both sides now, because the proxy ends. */
  cut(): void {
    this.over('draining', 'cut off when the drain ran out of time', true);
  }

  get isOver(): boolean {
    return this.phase === 'over';
  }

  /** No endpoint is left or none may be used: the client is closed, with RST since it may have sent something. */
  fail(failed: Failure): void {
    if (this.joined === 'no') this.abandon();
    else this.over(failed.reason, failed.detail, true);
  }

  onOpen(connection: Connection): void {
    if (connection === this.downstream) return;
    const { endpoint, services } = this;
    if (endpoint === undefined) return;
    const failed = services.verifyUpstream(endpoint, connection);
    if (failed !== undefined) {
      connection.destroy(false);
      this.dialFailed(failed);
      return;
    }
    this.phase = 'open';
    this.cluster.connected(endpoint);
    this.upstreamUri = connection.peer?.uris[0] ?? '';
    this.upstreamMs = services.clock.nowMs() - this.startMs;
    if (this.joined === 'no') return;
    this.downstream.resume();
    this.sendEarly();
  }

  onData(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (connection === this.downstream) {
      this.touch();
      this.bytesReceived += end - start;
      if (this.upstream?.write(bytes, start, end, false) === false) this.downstream.pause();
    } else {
      if (!this.heardByClient()) return;
      this.touch();
      this.bytesSent += end - start;
      if (!this.downstream.write(bytes, start, end, false)) this.upstream?.pause();
    }
  }

  onEnd(connection: Connection): void {
    if (connection === this.downstream) {
      if (this.phase === 'open') this.upstream?.end();
      else this.earlyEnd = true;
      return;
    }
    if (this.heardByClient()) this.downstream.end();
  }

  onDrain(connection: Connection): void {
    this.touch();
    if (connection === this.downstream) this.upstream?.resume();
    else this.downstream.resume();
  }

  onClose(connection: Connection, error: IoError | undefined): void {
    const isDownstream = connection === this.downstream;
    if (error === undefined && (isDownstream || this.phase === 'open')) {
      // Both directions of this side ended in order. The other side may still be sending what it holds: it closes by itself.
      this.closed++;
      if (this.closed === 2 || this.phase === 'dialling') this.over('', '', false);
      return;
    }
    if (isDownstream) {
      this.over('downstream-closed', error?.message ?? '', true);
    } else if (this.phase === 'dialling') {
      this.dialFailed(upstreamFailure(error, false));
    } else {
      if (this.heardByClient()) this.over('upstream-reset', error?.message ?? '', true);
    }
  }

  onTimer(): void {
    this.over('stream-idle', `no byte moved for ${this.idleMs} ms`, true);
  }

  /** The server has spoken or ended. False when the client, which had not joined, did not want this tunnel then. */
  private heardByClient(): boolean {
    if (this.joined === 'no') this.onServerFirst?.();
    return !this.isOver;
  }

  private dialFailed(failed: Failure): void {
    const { endpoint } = this;
    if (endpoint !== undefined) {
      this.cluster.failed(endpoint, this.services.clock.nowMs());
      this.tried.push(endpoint);
    }
    this.releaseEndpoint();
    this.upstream = undefined;
    if (this.attempts <= furtherTries && this.cluster.hasUntried(this.tried)) this.attempt(this);
    else this.fail(failed);
  }

  private sendEarly(): void {
    const { early, upstream } = this;
    this.early = noBytes;
    if (early.length > 0 && upstream?.write(early, 0, early.length, false) === false) this.downstream.pause();
    if (this.earlyEnd) upstream?.end();
  }

  private touch(): void {
    if (this.idleMs > 0) this.services.timers.arm(this.idleTimer, this.idleMs);
  }

  private releaseEndpoint(): void {
    if (this.endpoint !== undefined) {
      this.endpoint.active--;
      this.cluster.breaker.connections--;
    }
    this.lastEndpoint = this.endpoint ?? this.lastEndpoint;
    this.endpoint = undefined;
  }

  private over(reason: Reason | '', detail: string, reset: boolean): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.reason = reason;
    this.detail = detail;
    this.services.timers.disarm(this.idleTimer);
    this.releaseEndpoint();
    this.upstream?.destroy(reset);
    this.downstream.destroy(reset);
    this.services.tunnelFinished(this);
  }
}
