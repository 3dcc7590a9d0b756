/**
 * An `Io` without sockets: connections between listeners and clients of the same object, a clock that the test moves, randomness from a seed, and faults on demand.
 * Nothing happens by itself: `turn`, `settle` and `advance` do all the work, in the same order each time.
 */
import {
  type Acceptor,
  type ConnectionHandler,
  type ConnectOptions,
  createTimerWheel,
  defaultLimits,
  formatAddress,
  type Io,
  type IoError,
  IoFailure,
  type ListenOptions,
  type ListenSocket,
  type SocketAddress,
  Timer,
} from '@tulle/proxy-core/internal';
import { MemoryConnection, type MemoryNetwork } from './memory-connection.js';

/** What happens to those who connect to an address. */
export type Fault =
  | { readonly kind: 'refuse' }
  /** Neither accepted nor refused: only the deadline helps. */
  | { readonly kind: 'silent' }
  /** Both ends are reset once that many bytes went that way; whoever reads gets those bytes first. At least 1. */
  | { readonly kind: 'reset'; readonly afterBytes: number; readonly way: 'to-server' | 'to-client' };

export interface MemoryIoOptions {
  /** What a kernel takes for a reader that does not read. */
  readonly kernelBufferBytes?: number;
  readonly writeHighWaterBytes?: number;
  readonly seed?: number;
}

export interface MemoryIo extends Io {
  /** One turn: everything that was ready is told once, then the callbacks of `atTurnEnd`. Returns whether there was anything. */
  turn(): boolean;
  /** Turns until nothing is ready. Throws when that does not come about. */
  settle(): void;
  /** Moves the clock; timers fire at their time, with everything settled in between. */
  advance(ms: number): void;
  /** From now on whoever connects to that address meets the fault; undefined heals it. */
  inject(address: SocketAddress, fault: Fault | undefined): void;
  /** Connections to `from` end at the listener on `to`, as redirect rules make them; their destination is `from` where the listener asks for it. */
  redirect(from: SocketAddress, to: SocketAddress): void;
  /** Ends that are not closed. */
  readonly openEnds: number;
}

interface Listener {
  readonly options: ListenOptions;
  readonly acceptor: Acceptor;
}

/** Turns after which `settle` says that two ends play ping-pong. */
const maxTurns = 100_000;
const startMs = 1_000;
const startWallMs = Date.UTC(2026, 0, 1);

export function createMemoryIo(options: MemoryIoOptions = {}): MemoryIo {
  return new Memory(options);
}

class Memory implements MemoryIo, MemoryNetwork {
  readonly engine = 'memory';
  readonly kernelBufferBytes: number;
  readonly highWaterBytes: number;
  private currentMs = startMs;
  readonly clock = {
    nowMs: (): number => this.currentMs,
    turnMs: (): number => this.currentMs,
    wallMs: (monotonicMs: number): number => startWallMs + monotonicMs,
  };
  readonly timers: ReturnType<typeof createTimerWheel> = createTimerWheel(this.clock.nowMs);
  private readonly listeners = new Map<string, Listener>();
  private readonly faults = new Map<string, Fault>();
  private readonly redirects = new Map<string, SocketAddress>();
  private readonly ends = new Set<MemoryConnection>();
  private readyEnds = new Set<MemoryConnection>();
  private atEnd: (() => void)[] = [];
  private nextId = 1;
  private nextPort = 32_768;
  private state: number;

  constructor(options: MemoryIoOptions) {
    this.kernelBufferBytes = options.kernelBufferBytes ?? 65_536;
    this.highWaterBytes = options.writeHighWaterBytes ?? defaultLimits.writeHighWaterBytes;
    this.state = options.seed ?? 1;
  }

  get openEnds(): number {
    return this.ends.size;
  }

  /** Mulberry32. */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  listen(options: ListenOptions, acceptor: Acceptor): ListenSocket {
    const address = { host: options.address.host, port: options.address.port || this.nextPort++ };
    const key = formatAddress(address);
    if (isNobodys(address)) throw listenFailure(`EADDRNOTAVAIL ${key}: no interface of this machine has that address`);
    if (this.listeners.has(key)) throw listenFailure(`EADDRINUSE ${key}: another program listens there`);
    this.listeners.set(key, { options, acceptor });
    return { address, close: () => this.listeners.delete(key) };
  }

  connect(options: ConnectOptions, handler: ConnectionHandler): MemoryConnection {
    const local = { host: '127.0.0.1', port: this.nextPort++ };
    const end = new MemoryConnection(this.nextId++, this, local, options.address, options.address);
    this.ends.add(end);
    end.connecting(handler);
    const what = `connect ${formatAddress(options.address)}`;
    if (options.tls !== undefined) end.fail({ code: 'tls', message: `${what}: the memory engine speaks no TLS` });
    const error: IoError = { code: 'timeout', message: `${what}: not done within ${options.timeoutMs} ms` };
    end.deadline = new Timer({ onTimer: () => end.fail(error) }, 'connect');
    this.timers.arm(end.deadline, options.timeoutMs);
    return end;
  }

  tlsContext(): never {
    throw new IoFailure({ code: 'tls', message: 'the memory engine speaks no TLS' });
  }

  atTurnEnd(callback: () => void): void {
    this.atEnd.push(callback);
  }

  turn(): boolean {
    const ends = this.readyEnds;
    const anything = ends.size > 0 || this.atEnd.length > 0;
    this.readyEnds = new Set();
    for (const end of ends) end.turn();
    const callbacks = this.atEnd;
    this.atEnd = [];
    for (const callback of callbacks) callback();
    return anything;
  }

  settle(): void {
    for (let turns = 0; this.turn(); turns++) {
      if (turns === maxTurns) throw new Error(`not settled after ${maxTurns} turns`);
    }
  }

  advance(ms: number): void {
    const targetMs = this.currentMs + ms;
    this.settle();
    for (let next = this.timers.nextDeadlineMs(); next <= targetMs; next = this.timers.nextDeadlineMs()) {
      this.currentMs = Math.max(this.currentMs, next);
      this.timers.advance(this.currentMs);
      this.settle();
    }
    this.currentMs = targetMs;
  }

  inject(address: SocketAddress, fault: Fault | undefined): void {
    if (fault === undefined) this.faults.delete(formatAddress(address));
    else this.faults.set(formatAddress(address), fault);
  }

  redirect(from: SocketAddress, to: SocketAddress): void {
    this.redirects.set(formatAddress(from), to);
  }

  ready(end: MemoryConnection): void {
    this.readyEnds.add(end);
  }

  disarm(timer: Timer): void {
    this.timers.disarm(timer);
  }

  forget(end: MemoryConnection): void {
    this.ends.delete(end);
    this.readyEnds.delete(end);
  }

  dial(end: MemoryConnection): void {
    const dialled = end.remote;
    const fault = this.faults.get(formatAddress(dialled));
    if (fault?.kind === 'silent') return;
    const listener = fault?.kind === 'refuse' ? undefined : this.find(dialled);
    if (listener === undefined) {
      end.fail({ code: 'refused', message: `connect ${formatAddress(dialled)}: ECONNREFUSED` });
      return;
    }
    const local = this.redirects.get(formatAddress(dialled)) ?? dialled;
    const destination = listener.options.original ? dialled : local;
    const accepted = new MemoryConnection(this.nextId++, this, local, end.local, destination);
    this.ends.add(accepted);
    accepted.other = end;
    if (fault?.kind === 'reset')
      (fault.way === 'to-server' ? end : accepted).sendableBytes = Math.max(1, fault.afterBytes);
    end.connected(accepted);
    listener.acceptor.onAccept(accepted);
  }

  private find(dialled: SocketAddress): Listener | undefined {
    const { host, port } = this.redirects.get(formatAddress(dialled)) ?? dialled;
    const any = host.includes(':') ? '::' : '0.0.0.0';
    return this.listeners.get(formatAddress({ host, port })) ?? this.listeners.get(formatAddress({ host: any, port }));
  }
}

/** The range for documentation (RFC 5737): in memory every other address is this machine's. */
function isNobodys(address: SocketAddress): boolean {
  return address.host.startsWith('192.0.2.');
}

function listenFailure(message: string): IoFailure {
  return new IoFailure({ code: 'address', message: `listen ${message}` });
}
