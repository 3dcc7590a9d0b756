/**
 * The proxy of one data thread: what is configured now, what is bound, and what the stages need of each other. A new configuration is compiled as a whole before
 * anything is swapped, so a bad one changes nothing and no open connection notices a good one.
 */
import type { SocketAddress } from './address.js';
import { recordFailure, recordLatency } from './balance/pick.js';
import { Http1Server } from './codec/http1/server.js';
import { compileListeners } from './compile.js';
import type { Direction as DirectionName, ProxyConfig } from './config/config.js';
import type { Direction } from './direction.js';
import type { Downstream, ExchangeOpener } from './exchange.js';
import { type Failure, failure, reasons } from './failure.js';
import type { Exchange, ExchangeServices } from './forward/exchange.js';
import type { Tunnel, TunnelServices } from './forward/tunnel.js';
import { Inbound } from './inbound.js';
import type { Clock, Connection, ConnectionHandler, Io, IoError } from './io/io.js';
import { defaultLimits, type Limits } from './limits.js';
import { type Listener, type ListenerOwner, Listeners } from './listeners.js';
import { Slabs } from './message/slabs.js';
import type { Observer } from './observe/record.js';
import type { OpeningServices } from './opening.js';
import { Outbound } from './outbound.js';
import { respondFailure } from './respond/local.js';
import { Contexts } from './secure/contexts.js';
import { Timer, type TimerWheel } from './time/wheel.js';
import type { Cluster } from './upstream/cluster.js';
import type { Endpoint } from './upstream/endpoint.js';
import { Upstreams } from './upstreams.js';

export type { Listener } from './listeners.js';

export interface DataPlaneOptions {
  /** Share ports with other data threads. */
  readonly reusePort: boolean;
  /** Something the operator should know; it goes on. */
  readonly warn: (message: string) => void;
  /** A fresh request id (RFC 9562 UUID text), 36 bytes. */
  readonly newRequestId: () => Uint8Array;
}

/** How often a drain looks whether the last connection is gone. */
const drainCheckMs = 50;

export class DataPlane implements ExchangeServices, TunnelServices, OpeningServices, ListenerOwner {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly slabs: Slabs = new Slabs();
  readonly random: () => number;
  readonly newRequestId: () => Uint8Array;
  limits: Limits = defaultLimits;
  draining = false;

  private readonly io: Io;
  private readonly observer: Observer;
  private readonly warn: (message: string) => void;
  private readonly contexts: Contexts;
  private readonly upstreams: Upstreams;
  private readonly listeners: Listeners;
  private readonly directions: WeakMap<Listener, Direction> = new WeakMap();
  private readonly clients: Set<Http1Server> = new Set();
  private readonly tunnels: Set<Tunnel> = new Set();
  private config: ProxyConfig | undefined = undefined;

  constructor(io: Io, observer: Observer, options: DataPlaneOptions) {
    this.io = io;
    this.clock = io.clock;
    this.timers = io.timers;
    this.random = () => io.random();
    this.newRequestId = options.newRequestId;
    this.observer = observer;
    this.warn = options.warn;
    this.contexts = new Contexts(io);
    this.upstreams = new Upstreams(io, this.contexts, () => this.limits);
    this.listeners = new Listeners(io, this, options.reusePort);
  }

  /**
   * Takes a whole new configuration. Throws `IoFailure` when a port is taken or a certificate cannot be read; then everything is as it was.
   * The configuration must have passed `checkConfig`.
   */
  apply(config: ProxyConfig): void {
    const limits = { ...defaultLimits, ...config.limits };
    this.contexts.begin(config);
    try {
      const listeners = compileListeners(config, this.contexts, limits);
      const clientTls = this.upstreams.compile(config.clusters);
      this.listeners.apply(listeners);
      this.upstreams.apply(config.clusters, clientTls);
    } catch (error) {
      if (this.config !== undefined) this.contexts.begin(this.config);
      throw error;
    }
    this.limits = limits;
    this.config = config;
    this.contexts.releaseUnused();
  }

  /** Where each listener is bound. */
  addresses(): { name: string; address: SocketAddress }[] {
    return this.listeners.addresses();
  }

  /** Stops accepting and lets open work finish: answers announce the end of their connection. `done` is called once, with the number of connections cut off at the limit. */
  drain(done: (cut: number) => void): void {
    this.draining = true;
    this.listeners.close();
    for (const client of this.clients) client.drain();
    const deadlineMs = this.clock.nowMs() + this.limits.drainTimeoutMs;
    const timer = new Timer({ onTimer: (_timer, nowMs) => check(nowMs) }, 'drain');
    const check = (nowMs: number): void => {
      const open = this.clients.size + this.tunnels.size;
      if (open > 0 && nowMs < deadlineMs) {
        this.timers.arm(timer, drainCheckMs);
        return;
      }
      this.close();
      done(open);
    };
    check(this.clock.nowMs());
  }

  /** Ends everything at once. */
  close(): void {
    this.listeners.close();
    for (const client of this.clients) client.destroy();
    for (const tunnel of this.tunnels) tunnel.cut();
    this.upstreams.retire();
    this.contexts.close();
    this.observer.flush();
  }

  accepted(listener: Listener, connection: Connection): void {
    if (listener.config.destination === 'original' && isSame(connection.destination, connection.local)) {
      // Dialled directly, not redirected here: passing it on would dial this very listener, again and again.
      this.rejected(listener.config.direction, connection, failure('no-route', 'the connection was not redirected'));
      connection.destroy(true);
      return;
    }
    if (this.clients.size + this.tunnels.size >= this.limits.maxDownstreamConnections) {
      this.rejected(listener.config.direction, connection, failure('overloaded', 'maxDownstreamConnections reached'));
      connection.destroy(true);
      return;
    }
    this.directionOf(listener).accepted(connection);
  }

  acceptFailed(listener: Listener, error: IoError): void {
    this.warn(`listener ${listener.name}: ${error.message}`);
  }

  /** codec: HTTP is spoken on a connection. */
  serveHttp(connection: Connection, direction: DirectionName, opener: ExchangeOpener): ConnectionHandler {
    const server = new Http1Server(connection, this.io, this.limits, opener, {
      keepAlive: true,
      closed: () => {
        this.clients.delete(server);
        this.observer.closed(direction);
      },
    });
    this.clients.add(server);
    this.observer.accepted(direction);
    if (this.draining) server.drain();
    return server;
  }

  cluster(name: string): Cluster | undefined {
    return this.upstreams.get(name);
  }

  clusters(): Iterable<Cluster> {
    return this.upstreams.all;
  }

  respond(downstream: Downstream, failed: Failure, close: boolean): void {
    respondFailure(downstream, failed, this.clock.wallMs(), close);
  }

  finished(exchange: Exchange): void {
    this.observer.exchange(exchange.direction, exchange, this.clock.nowMs());
  }

  dial(endpoint: Endpoint, cluster: Cluster, handler: ConnectionHandler): Connection {
    return this.upstreams.dial(endpoint, cluster, handler);
  }

  verifyUpstream(endpoint: Endpoint, connection: Connection): Failure | undefined {
    return this.upstreams.verify(endpoint, connection);
  }

  tunnelStarted(tunnel: Tunnel): void {
    this.tunnels.add(tunnel);
    this.observer.accepted(tunnel.direction);
  }

  tunnelFinished(tunnel: Tunnel, joined: boolean): void {
    this.tunnels.delete(tunnel);
    this.observer.closed(tunnel.direction);
    if (joined) this.observer.tunnel(tunnel.direction, tunnel, this.clock.nowMs());
  }

  measured(endpoint: Endpoint, latencyMs: number): void {
    recordLatency(endpoint, latencyMs, this.clock.nowMs());
    endpoint.avoidUntilMs = 0;
  }

  failed(endpoint: Endpoint): void {
    recordFailure(endpoint, this.clock.nowMs());
  }

  /** A connection or a message that came to nothing. */
  rejected(direction: DirectionName, connection: Connection, failed: Failure): void {
    this.observer.rejected(direction, {
      remote: connection.remote,
      destination: connection.destination,
      isTls: connection.isTls,
      reason: failed.reason,
      detail: failed.detail,
      status: reasons[failed.reason].status,
    });
  }

  private directionOf(listener: Listener): Direction {
    let direction = this.directions.get(listener);
    if (direction === undefined) {
      direction = listener.config.direction === 'inbound' ? new Inbound(this, listener) : new Outbound(this, listener);
      this.directions.set(listener, direction);
    }
    return direction;
  }
}

function isSame(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.host === b.host;
}
