/** The `linux` engine: an epoll loop of our own, TCP and TLS through the calls in sys/. */
import type { SocketAddress } from '../../address.js';
import { defaultLimits, type Limits } from '../../limits.js';
import { createTimerWheel, type DrivenTimerWheel } from '../../time/hashed-wheel.js';
import { Timer, type TimerWheel } from '../../time/wheel.js';
import {
  type Acceptor,
  type Connection,
  type ConnectionHandler,
  type ConnectOptions,
  type Io,
  IoFailure,
  type ListenOptions,
  type ListenSocket,
  type TlsContext,
  type TlsContextOptions,
} from '../io.js';
import { SystemClock } from './clock.js';
import { LinuxConnection } from './connection.js';
import { connectError, listenError } from './errors.js';
import { LinuxListener, type ListenerHost } from './listener.js';
import { counts, type NativeCounts } from './sys/counts.js';
import { Epoll } from './sys/epoll.js';
import { errno, errnoName } from './sys/errno.js';
import * as sys from './sys/socket.js';
import { NativeTlsContext, tlsVersions } from './sys/tls-context.js';
import { clearWake } from './sys/wake.js';
import { Turn, type TurnMember } from './turn.js';

export interface LinuxIoOptions {
  readonly limits?: Partial<Limits>;
  /** SO_MARK of every connection made, so that redirect rules let it pass where no user id tells the proxy apart; needs CAP_NET_ADMIN. 0 or undefined: none. */
  readonly socketMark?: number;
  /** An eventfd of `createWakeFd`: another thread writes it, `onWake` is called here. Stays open when the engine closes. */
  readonly wakeFd?: number;
  readonly onWake?: () => void;
  /** Default 1.3. */
  readonly minTlsVersion?: '1.2' | '1.3';
}

/** An `Io` and its loop. */
export interface LinuxIo extends Io {
  readonly engine: 'linux';
  /** Blocks this thread, turn after turn, until `stop`. */
  run(): void;
  /** `run` returns after the turn it is in. On this thread only (from a handler or `onWake`): another thread wakes this one first. */
  stop(): void;
  /** One turn: waits at most `timeoutMs` for something to happen (0: not at all, -1: without end), and handles it. Not from within a turn. */
  turn(timeoutMs: number): void;
  /** Closes every listener and connection, without callbacks, and the loop's own descriptors. TLS contexts are their owners'. */
  close(): void;
  /** What this thread holds of the kernel and of OpenSSL now, over all its engines. */
  counts(): NativeCounts;
  /** Connections in any state. */
  readonly connectionCount: number;
}

/** Throws an `IoFailure`: `exhausted` without descriptors, `address` when the mark may not be set. Throws an Error on other systems. */
export function createLinuxIo(options: LinuxIoOptions = {}): LinuxIo {
  return new EpollLoop(options);
}

class EpollLoop implements LinuxIo, ListenerHost {
  readonly engine = 'linux';
  readonly clock: SystemClock = new SystemClock();
  readonly epoll: Epoll;
  connectionCount = 0;
  private readonly wheel: DrivenTimerWheel;
  private readonly shared: Turn;
  private readonly mark: number;
  private readonly wakeFd: number;
  private readonly onWake: () => void;
  private readonly minTlsVersion: number;
  private readonly connections: (LinuxConnection | undefined)[] = [];
  private readonly listeners = new Map<number, LinuxListener>();
  private turnEnd: (() => void)[] = [];
  private nextId = 1;
  private stopped = false;
  private closed = false;

  constructor(options: LinuxIoOptions) {
    this.mark = options.socketMark ?? 0;
    this.wakeFd = options.wakeFd ?? -1;
    this.onWake = options.onWake ?? (() => {});
    this.minTlsVersion = tlsVersions[options.minTlsVersion ?? '1.3'];
    this.wheel = createTimerWheel(() => this.clock.turnMs());
    const { writeHighWaterBytes } = { ...defaultLimits, ...options.limits };
    this.shared = new Turn(this.wheel, writeHighWaterBytes, (connection) => this.forgetConnection(connection));
    if (this.mark !== 0) requireMark(this.mark);
    this.epoll = openEpoll();
    if (this.wakeFd >= 0) this.epoll.addListener(this.wakeFd, wakeGeneration);
  }

  get timers(): TimerWheel {
    return this.wheel;
  }

  random(): number {
    return Math.random();
  }

  counts(): NativeCounts {
    return { ...counts };
  }

  listen(options: ListenOptions, acceptor: Acceptor): ListenSocket {
    const { fd, address } = openListener(options);
    const listener = new LinuxListener(this, fd, this.newId() | 0, address, options.original, acceptor);
    const number = this.epoll.addListener(fd, listener.generation);
    if (number !== 0) {
      sys.closeFd(fd);
      throw new IoFailure(listenError('epoll_ctl', number, options.address));
    }
    this.listeners.set(fd, listener);
    return listener;
  }

  connect(options: ConnectOptions, handler: ConnectionHandler): Connection {
    const { address, tls } = options;
    const context = tls === undefined ? undefined : (tls as NativeTlsContext);
    let fd = -1;
    let failed: { call: string; errno: number } | undefined;
    try {
      fd = sys.startConnect(address, this.mark);
    } catch (error) {
      failed = asFailedCall(error);
    }
    const id = this.newId();
    const connection = new LinuxConnection(this.shared, fd, id, 'connecting', handler, address, undefined, undefined);
    const deadline = new Timer(connection, 'connect');
    connection.prepare(deadline, context, options.serverName);
    const number = failed === undefined ? this.hold(connection) : 0;
    if (number !== 0) failed = { call: 'epoll_ctl', errno: number };
    if (failed === undefined) this.wheel.arm(deadline, options.timeoutMs);
    else connection.breakNow(connectError(failed.call, failed.errno, address));
    return connection;
  }

  tlsContext(options: TlsContextOptions): TlsContext {
    return new NativeTlsContext(options, this.minTlsVersion);
  }

  atTurnEnd(callback: () => void): void {
    this.turnEnd.push(callback);
  }

  run(): void {
    this.stopped = false;
    while (!this.stopped) this.turn(-1);
  }

  stop(): void {
    this.stopped = true;
  }

  turn(timeoutMs: number): void {
    const count = this.epoll.wait(this.waitMs(timeoutMs));
    const nowMs = this.clock.beginTurn();
    this.shared.number++;
    try {
      for (let i = 0; i < count; i++) this.dispatch(i);
      this.wheel.advance(nowMs);
      this.shared.progressAll();
      if (this.turnEnd.length > 0) this.endTurn();
    } finally {
      this.clock.endTurn();
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const listener of [...this.listeners.values()]) listener.close();
    for (const connection of this.connections) connection?.destroy(false);
    this.shared.addresses.forget();
    this.epoll.close();
  }

  adopt(fd: number, listener: LinuxListener, remote: SocketAddress): LinuxConnection | number {
    const original = listener.original ? sys.originalDestination(fd) : undefined;
    const local = isWildcard(listener.address.host) ? undefined : listener.address;
    const connection = new LinuxConnection(
      this.shared,
      fd,
      this.newId(),
      'accepted',
      unstarted,
      remote,
      local,
      original,
    );
    const number = this.hold(connection);
    if (number === 0) return connection;
    connection.destroy(true);
    return number;
  }

  forgetListener(listener: LinuxListener): void {
    this.listeners.delete(listener.fd);
  }

  /** Takes a descriptor into the loop: 0, or the errno of epoll (ENOMEM, ENOSPC): nothing but its end is left to the connection then. */
  private hold(connection: LinuxConnection): number {
    const { fd } = connection;
    while (this.connections.length <= fd) this.connections.push(undefined);
    this.connections[fd] = connection;
    this.connectionCount++;
    return this.epoll.addConnection(fd, connection.id | 0);
  }

  private forgetConnection(connection: TurnMember): void {
    this.connections[connection.fd] = undefined;
    this.connectionCount--;
    // Closing takes it out of epoll. Events of this batch that still name it are told apart by their generation.
    sys.closeFd(connection.fd);
  }

  private dispatch(index: number): void {
    const fd = this.epoll.fdOf(index);
    const generation = this.epoll.generationOf(index);
    const connection = this.connections[fd];
    if (connection !== undefined) {
      if ((connection.id | 0) === generation) connection.onEvents(this.epoll.eventsOf(index));
    } else if (fd === this.wakeFd) {
      clearWake(fd);
      this.onWake();
    } else {
      const listener = this.listeners.get(fd);
      if (listener?.generation === generation) listener.onEvents();
    }
  }

  private waitMs(limitMs: number): number {
    if (this.shared.isDue || this.turnEnd.length > 0 || this.stopped) return 0;
    const deadlineMs = this.wheel.nextDeadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) return limitMs;
    const untilMs = Math.min(Math.max(Math.ceil(deadlineMs - this.clock.nowMs()), 0), maxWaitMs);
    return limitMs < 0 ? untilMs : Math.min(limitMs, untilMs);
  }

  private endTurn(): void {
    const callbacks = this.turnEnd;
    this.turnEnd = [];
    for (const callback of callbacks) callback();
  }

  private newId(): number {
    return this.nextId++;
  }
}

const wakeGeneration = 0;
/** epoll_wait takes an int of milliseconds. */
const maxWaitMs = 0x7fffffff;

/** Handler of an accepted connection until its owner gives another one: nothing is told before. */
const unstarted: ConnectionHandler = { onOpen() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function openEpoll(): Epoll {
  try {
    return new Epoll();
  } catch (error) {
    const failed = asFailedCall(error);
    throw new IoFailure({ code: 'exhausted', message: `${failed.call} ${errnoName(failed.errno)}` });
  }
}

function openListener(options: ListenOptions): { fd: number; address: SocketAddress } {
  try {
    return sys.openListener(options.address, options.backlog, options.reusePort);
  } catch (error) {
    const failed = asFailedCall(error);
    throw new IoFailure(listenError(failed.call, failed.errno, options.address));
  }
}

function requireMark(mark: number): void {
  const number = sys.probeMark(mark);
  if (number === 0) return;
  const remedy = 'it needs CAP_NET_ADMIN; grant it, or run the proxy as a user of its own and leave the mark out';
  throw new IoFailure({
    code: 'address',
    message: `setsockopt SO_MARK ${mark} ${errnoName(number)}: ${remedy}`,
    errno: errnoName(number),
  });
}

/** A call that failed; an address that is no IP address counts as one that the family does not have. Anything else is thrown on. */
function asFailedCall(error: unknown): { call: string; errno: number } {
  if (error instanceof sys.SystemCallError) return error;
  if (error instanceof RangeError) return { call: error.message, errno: errno.EADDRNOTAVAIL };
  throw error;
}
