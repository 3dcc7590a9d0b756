/**
 * Stage pool: places on connections to one endpoint under one identity, trust generation and expected peer. A change of any of these is another pool;
 * the old one retires: its idle connections close, its busy ones finish.
 *
 *     acquire ─▶ room on a connection? ─yes─▶ placed (at once)
 *                   │ no
 *                   ▼
 *                waiting ──dial──▶ opened ─▶ placed        one dial for each that waits, so a failed dial fails one of them
 *                   │                └ gone ─▶ unplaced
 *                   └ a busy connection is freed ─▶ placed
 *
 * How many places a connection has is its codec's business: one in HTTP/1, as many as the peer allows in HTTP/2. The pool asks for the number each time.
 */
import type { PlaceWaiter, UpstreamConnection, UpstreamOwner } from '../exchange.js';
import { type Failure, failure } from '../failure.js';
import type { Clock } from '../io/io.js';
import { Timer, type TimerOwner, type TimerWheel } from '../time/wheel.js';
import type { Breaker } from './breaker.js';

export interface PoolOptions {
  readonly dial: (owner: UpstreamOwner) => UpstreamConnection;
  readonly breaker: Breaker;
  readonly timers: TimerWheel;
  readonly clock: Clock;
  /** Places that a dialled connection is expected to have, for the protocol it is dialled for: so many who wait share a dial. Default 1. */
  readonly placesPerDial?: number;
  /** An idle connection older than this is closed and not used. Asked each time: the configuration may change it. */
  readonly idleTimeoutMs: () => number;
}

/** A connection that has room. */
interface Roomy {
  readonly connection: UpstreamConnection;
  /** When it is too old to be used, while nothing is under way on it. */
  expiresMs: number;
}

/** A server that says how long it keeps an idle connection may close it a little earlier: what is on the way then would be lost. */
const hintMarginMs = 1_000;
/** How often idle connections are looked through. */
const sweepMs = 1_000;

export class Pool implements UpstreamOwner, TimerOwner {
  private readonly options: PoolOptions;
  /** Connections with a free place, the one used last at the end. */
  private readonly roomy: Roomy[] = [];
  private readonly waiting = new Set<PlaceWaiter>();
  /** Every connection of the pool, and whether it was ever open. */
  private readonly connections = new Map<UpstreamConnection, 'connecting' | 'open'>();
  private readonly sweep: Timer;
  private connecting = 0;
  private retired = false;
  private readonly placesPerDial: number;

  constructor(options: PoolOptions) {
    this.options = options;
    this.placesPerDial = options.placesPerDial ?? 1;
    this.sweep = new Timer(this, 'pool-sweep');
  }

  /** No connection and nobody waiting: may be forgotten. */
  get isEmpty(): boolean {
    return this.connections.size === 0 && this.waiting.size === 0;
  }

  /** Not on a pool that has retired. */
  acquire(waiter: PlaceWaiter): void {
    const connection = this.findRoom();
    if (connection !== undefined) {
      waiter.placed(connection.place());
      return;
    }
    const { breaker } = this.options;
    if (breaker.pending >= breaker.maxPendingRequests) {
      breaker.overflowed('pending');
      waiter.unplaced(failure('upstream-overflow', `${breaker.pending} requests wait for a connection already`));
      return;
    }
    breaker.pending++;
    this.waiting.add(waiter);
    this.dialForWaiting();
    if (this.waiting.size > this.connecting * this.placesPerDial) breaker.overflowed('connections');
  }

  /** Stops waiting: nothing will be called. */
  abandon(waiter: PlaceWaiter): void {
    if (this.waiting.delete(waiter)) this.options.breaker.pending--;
  }

  /**
   * Not for further exchanges: nothing is dialled any more, since the identity and trust it was dialled with may be gone. Idle connections close now, busy ones when they
   * are done, connecting ones serve those who wait for them first; whoever waits beyond these is displaced. Call it when the pool can no longer be chosen.
   */
  retire(): void {
    this.retired = true;
    this.roomy.length = 0;
    this.options.timers.disarm(this.sweep);
    const open = [...this.connections].filter(([, state]) => state === 'open');
    for (const [connection] of open) connection.retire();
    const beyond = [...this.waiting].slice(this.connecting * this.placesPerDial);
    for (const waiter of beyond) {
      this.abandon(waiter);
      waiter.displaced();
    }
  }

  opened(connection: UpstreamConnection): void {
    this.connecting--;
    this.connections.set(connection, 'open');
    this.offer(connection, 0);
  }

  freed(connection: UpstreamConnection, idleHintMs: number): void {
    this.offer(connection, idleHintMs);
  }

  gone(connection: UpstreamConnection, reason: Failure): void {
    const state = this.connections.get(connection);
    if (state === undefined) return;
    this.connections.delete(connection);
    this.options.breaker.connections--;
    if (state === 'connecting') {
      this.connecting--;
      this.failWaiting(reason);
    } else {
      this.forget(connection);
    }
    this.dialForWaiting();
  }

  onTimer(_timer: Timer, nowMs: number): void {
    // Not in order of expiry: a server's hint may be shorter than the pool's own time.
    const old = this.roomy.filter(({ connection, expiresMs }) => expiresMs <= nowMs && connection.usedPlaces === 0);
    for (const { connection } of old) connection.retire();
    if (this.roomy.length > 0) this.options.timers.arm(this.sweep, sweepMs);
  }

  private offer(connection: UpstreamConnection, idleHintMs: number): void {
    while (connection.freePlaces > 0) {
      const waiter = this.takeWaiting();
      if (waiter === undefined) break;
      waiter.placed(connection.place());
    }
    if (connection.freePlaces === 0) return;
    if (this.retired) {
      connection.retire();
      return;
    }
    const { idleTimeoutMs, clock, timers } = this.options;
    const ownMs = idleTimeoutMs();
    const keepMs = idleHintMs > 0 ? Math.min(ownMs, idleHintMs - hintMarginMs) : ownMs;
    if (keepMs <= 0) {
      connection.retire();
      return;
    }
    const expiresMs = clock.turnMs() + keepMs;
    // One that is not full has been here all along.
    const isShared = connection.freePlaces + connection.usedPlaces > 1;
    const known = isShared ? this.roomy.find((entry) => entry.connection === connection) : undefined;
    if (known === undefined) this.roomy.push({ connection, expiresMs });
    else known.expiresMs = expiresMs;
    if (this.sweep.deadlineMs === 0) timers.arm(this.sweep, sweepMs);
  }

  /** A connection with a free place. The one used last is warmest and the least likely to be closed by the other side. */
  private findRoom(): UpstreamConnection | undefined {
    const { roomy } = this;
    if (roomy.length === 0) return undefined;
    const nowMs = this.options.clock.turnMs();
    for (let entry = roomy.at(-1); entry !== undefined; entry = roomy.at(-1)) {
      const { connection, expiresMs } = entry;
      const { freePlaces } = connection;
      const isFresh = expiresMs > nowMs || connection.usedPlaces > 0;
      // It leaves with its last place, and comes back when one is free again.
      if (freePlaces <= 1 || !isFresh) roomy.pop();
      if (freePlaces > 0 && isFresh) return connection;
      if (connection.usedPlaces === 0) connection.retire();
    }
    return undefined;
  }

  private forget(connection: UpstreamConnection): void {
    const index = this.roomy.findIndex((entry) => entry.connection === connection);
    if (index >= 0) this.roomy.splice(index, 1);
  }

  /** Whoever the lost dial was for. */
  private failWaiting(reason: Failure): void {
    const failed: PlaceWaiter[] = [];
    while (failed.length < this.placesPerDial) {
      const waiter = this.takeWaiting();
      if (waiter === undefined) break;
      failed.push(waiter);
    }
    for (const waiter of failed) waiter.unplaced(reason);
  }

  private takeWaiting(): PlaceWaiter | undefined {
    for (const waiter of this.waiting) {
      this.waiting.delete(waiter);
      this.options.breaker.pending--;
      return waiter;
    }
    return undefined;
  }

  private dialForWaiting(): void {
    const { breaker, dial } = this.options;
    if (this.retired) return;
    while (this.waiting.size > this.connecting * this.placesPerDial) {
      // As in Envoy, an endpoint may always have one connection: a full cluster must not starve it.
      if (breaker.connections >= breaker.maxConnections && this.connections.size > 0) return;
      this.connecting++;
      breaker.connections++;
      this.connections.set(dial(this), 'connecting');
    }
  }
}
