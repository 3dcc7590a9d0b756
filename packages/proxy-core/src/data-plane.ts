/**
 * The proxy of one data thread: what is configured now, what is bound, and what the stages need of each other. A new configuration is compiled as a whole before
 * anything is swapped, so a bad one changes nothing and no open connection notices a good one.
 */
import type { SocketAddress } from './address.js';
import { Http1Server } from './codec/http1/server.js';
import type { Http1ServerOwner } from './codec/http1/server-owner.js';
import { compileListeners } from './compile.js';
import type { Direction as DirectionName, ProxyConfig } from './config/config.js';
import type { Direction } from './direction.js';
import {
  type Downstream,
  type DownstreamConnection,
  type ExchangeOpener,
  nothingSeen,
  type SeenRequest,
} from './exchange.js';
import { type Failure, failure, reasons } from './failure.js';
import { type FilterSource, Filters } from './filters.js';
import type { Exchange } from './forward/exchange.js';
import type { Tunnel } from './forward/tunnel.js';
import { Inbound } from './inbound.js';
import type { Clock, Connection, ConnectionHandler, Io, IoError } from './io/io.js';
import { defaultLimits, type Limits } from './limits.js';
import { type Listener, type ListenerOwner, Listeners } from './listeners.js';
import { Slabs } from './message/slabs.js';
import type { Observer } from './observe/record.js';
import type { Opening } from './opening.js';
import { Outbound } from './outbound.js';
import type { Plane } from './plane.js';
import type { RequestIdWriter } from './request-id.js';
import { respondFailure } from './respond/local.js';
import { Contexts } from './secure/contexts.js';
import { Timer, type TimerOwner, type TimerWheel } from './time/wheel.js';
import type { Cluster } from './upstream/cluster.js';
import type { Endpoint } from './upstream/endpoint.js';
import { Upstreams } from './upstreams.js';

export interface DataPlaneOptions {
  /** Share ports with other data threads. */
  readonly reusePort: boolean;
  /** Something the operator should know; it goes on. */
  readonly warn: (message: string) => void;
  readonly filters: FilterSource;
  readonly writeRequestId: RequestIdWriter;
}

/** How often a drain looks whether the last connection is gone. */
const drainCheckMs = 50;

export class DataPlane implements Plane, ListenerOwner, Http1ServerOwner, TimerOwner {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly slabs: Slabs = new Slabs();
  readonly random: () => number;
  readonly writeRequestId: RequestIdWriter;
  limits: Limits = defaultLimits;
  draining = false;

  readonly io: Io;
  private readonly observer: Observer;
  private readonly warn: (message: string) => void;
  private readonly contexts: Contexts;
  private readonly filters: Filters;
  private readonly upstreams: Upstreams;
  private readonly listeners: Listeners;
  private readonly directions: WeakMap<Listener, Direction> = new WeakMap();
  /** Connections of which nobody knows yet what they speak. */
  private readonly openings: Set<Opening> = new Set();
  private readonly clients: Map<DownstreamConnection, Listener> = new Map();
  private readonly tunnels: Set<Tunnel> = new Set();
  private readonly drainTimer: Timer;
  private drainDeadlineMs = 0;
  private drained: ((cut: number) => void) | undefined = undefined;

  constructor(io: Io, observer: Observer, options: DataPlaneOptions) {
    this.io = io;
    this.clock = io.clock;
    this.timers = io.timers;
    this.random = () => io.random();
    this.writeRequestId = options.writeRequestId;
    this.observer = observer;
    this.warn = options.warn;
    this.contexts = new Contexts(io);
    this.filters = new Filters(options.filters, { nowMs: () => io.clock.nowMs(), warn: options.warn });
    this.upstreams = new Upstreams(io, this.contexts, () => this.limits, observer.upstream);
    this.listeners = new Listeners(io, this, options.reusePort);
    this.drainTimer = new Timer(this, 'drain');
  }

  /**
   * Takes a whole new configuration. Throws `IoFailure` when a port is taken or a certificate cannot be read; then everything is as it was.
   * The configuration must have passed `checkConfig`.
   */
  apply(config: ProxyConfig): void {
    const limits = { ...defaultLimits, ...config.limits };
    const former = this.limits;
    this.contexts.begin(config);
    try {
      this.filters.begin(config.filters ?? []);
      const listeners = compileListeners(config, this.contexts, this.filters, limits);
      const clientTls = this.upstreams.compile(config.clusters);
      this.limits = limits;
      this.listeners.apply(listeners);
      this.upstreams.apply(config.clusters, clientTls);
    } catch (error) {
      this.limits = former;
      this.contexts.rollback();
      throw error;
    }
    this.contexts.commit();
    this.filters.commit();
  }

  /** Where each listener is bound. */
  addresses(): { name: string; address: SocketAddress }[] {
    return this.listeners.addresses();
  }

  /** Stops accepting and lets open work finish: answers announce the end of their connection. `done` is called once, with the number of connections cut off at the limit or by `close`. */
  drain(done: (cut: number) => void, timeoutMs: number = this.limits.drainTimeoutMs): void {
    this.draining = true;
    this.drained = done;
    this.drainDeadlineMs = this.clock.nowMs() + timeoutMs;
    this.listeners.close();
    for (const opening of this.openings) opening.drain();
    for (const client of this.clients.keys()) client.drain();
    this.onTimer(this.drainTimer, this.clock.nowMs());
  }

  onTimer(_timer: Timer, nowMs: number): void {
    if (this.openConnections > 0 && nowMs < this.drainDeadlineMs) this.timers.arm(this.drainTimer, drainCheckMs);
    else this.close();
  }

  /** Ends everything at once. */
  close(): void {
    const cut = this.openConnections;
    this.timers.disarm(this.drainTimer);
    this.listeners.close();
    for (const opening of this.openings) opening.cut();
    for (const client of this.clients.keys()) client.destroy();
    for (const tunnel of this.tunnels) tunnel.cut();
    this.upstreams.retire();
    this.contexts.close();
    this.observer.flush();
    const { drained } = this;
    this.drained = undefined;
    drained?.(cut);
  }

  /** Of clients, whatever is spoken on them. */
  private get openConnections(): number {
    return this.openings.size + this.clients.size + this.tunnels.size;
  }

  accepted(listener: Listener, connection: Connection): void {
    if (listener.config.destination === 'original' && isSame(connection.destination, connection.local)) {
      // Dialled directly, not redirected here: passing it on would dial this very listener, again and again.
      this.rejected(
        listener.config.direction,
        connection,
        failure('no-route', 'the connection was not redirected'),
        'unknown',
      );
      connection.destroy(true);
      return;
    }
    if (this.openConnections >= this.limits.maxDownstreamConnections) {
      this.rejected(
        listener.config.direction,
        connection,
        failure('overloaded', 'maxDownstreamConnections reached'),
        'unknown',
      );
      connection.destroy(true);
      return;
    }
    this.directionOf(listener).accepted(connection);
  }

  acceptFailed(listener: Listener, error: IoError): void {
    this.warn(`listener ${listener.name}: ${error.message}`);
  }

  removed(listener: Listener): void {
    for (const [client, its] of this.clients) if (its === listener) client.drain();
  }

  openingStarted(opening: Opening): void {
    this.openings.add(opening);
  }

  openingFinished(opening: Opening): void {
    this.openings.delete(opening);
  }

  serveHttp(
    connection: Connection,
    listener: Listener,
    opener: ExchangeOpener,
    headTimeoutMs: number,
  ): ConnectionHandler {
    const server = new Http1Server(connection, opener, this, headTimeoutMs);
    this.clients.set(server, listener);
    this.observer.accepted(listener.config.direction);
    if (this.draining) server.drain();
    return server;
  }

  clientClosed(server: Http1Server): void {
    const listener = this.clients.get(server);
    this.clients.delete(server);
    if (listener !== undefined) this.observer.closed(listener.config.direction);
  }

  cluster(name: string): Cluster | undefined {
    return this.upstreams.get(name);
  }

  clusters(): Iterable<Cluster> {
    return this.upstreams.all;
  }

  respond(downstream: Downstream, failed: Failure, close: boolean): void {
    respondFailure(downstream, failed, this.clock.wallMs(this.clock.turnMs()), close);
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

  tunnelFinished(tunnel: Tunnel): void {
    this.tunnels.delete(tunnel);
    this.observer.closed(tunnel.direction);
    this.observer.tunnel(tunnel.direction, tunnel, this.clock.nowMs());
  }

  rejected(
    direction: DirectionName,
    connection: Connection,
    failed: Failure,
    spoken: 'http/1.1' | 'unknown',
    { method, target }: SeenRequest = nothingSeen,
  ): void {
    this.observer.rejected(direction, {
      remote: connection.remote,
      destination: connection.destination,
      isTls: connection.isTls,
      reason: failed.reason,
      detail: failed.detail,
      isHttp: spoken === 'http/1.1',
      method,
      target,
      // Nobody is answered with a status who did not speak HTTP.
      status: spoken === 'http/1.1' ? reasons[failed.reason].status : 0,
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
