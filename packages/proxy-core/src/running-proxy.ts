/// <reference lib="esnext.disposable" preserve="true" />
/** A proxy that `createProxy` has started: its data threads, what they have taken, and where their lines go. */
import type { SocketAddress } from './address.js';
import type { AccessLogEntry } from './config/access-log-entry.js';
import { checkConfig } from './config/check.js';
import type { ProxyConfig } from './config/config.js';
import type { EngineName } from './engine.js';
import { renderPrometheus } from './observe/prometheus.js';
import { checkCloseOptions } from './options.js';
import { processMetrics } from './process-metrics.js';
import { ProxyError } from './proxy-error.js';
import { applyToAll } from './threads/apply-to-all.js';
import type { BoundAddress, ClusterState, ThreadResult } from './threads/messages.js';
import type { Order, Thread } from './threads/thread.js';

/** How a proxy is ended. */
export interface CloseOptions {
  /** How long open exchanges and tunnels may go on before they are cut off; default 0: not at all. */
  readonly drainTimeoutMs?: number;
}

/** A running proxy. */
export interface Proxy extends AsyncDisposable {
  readonly engine: EngineName;
  /** Where the listeners are bound, with the ports that the kernel chose for port 0. */
  addresses(): readonly BoundAddress[];
  /** The address of the listener of that name, or of the only one. Throws when there is no such listener. */
  address(listener?: string): SocketAddress;
  /**
   * Takes a whole new configuration; open connections stay. Rejects with a `ProxyError` that names the place, and goes on as before on every thread, when it is not valid,
   * a port is taken or a certificate cannot be used.
   */
  update(config: ProxyConfig): Promise<void>;
  /** Prometheus text (exposition format 0.0.4). */
  metrics(): string;
  /** Clusters, endpoints and their load, by data thread. */
  clusters(): Promise<readonly ClusterState[][]>;
  /** Stops accepting, lets open exchanges finish, then ends. Resolves with the number of connections cut off at the limit `drainTimeoutMs`. */
  drain(): Promise<number>;
  /** Ends the proxy: at once, or after a drain with a limit of its own. Resolves when it has ended, also when it has ended before; a drain under way is cut short. */
  close(options?: CloseOptions): Promise<void>;
}

type Receiver = (entry: AccessLogEntry) => void;

export class RunningProxy implements Proxy {
  readonly engine: EngineName;
  private readonly threads: readonly Thread[];
  private readonly warn: (message: string) => void;
  private readonly onLine: ((line: string) => void) | undefined;
  private bound: readonly BoundAddress[] = [];
  /** What every thread has taken. */
  private config: ProxyConfig | undefined = undefined;
  /** Who gets entries by that configuration; undefined: lines go to `onLine`. */
  private receiver: Receiver | undefined = undefined;
  /** Updates happen one after the other. */
  private updating: Promise<void> = Promise.resolve();
  private state: 'running' | 'ending' | 'ended' = 'running';
  private ending: Promise<number> | undefined = undefined;
  private stopListening: () => void = () => {};

  constructor(
    engine: EngineName,
    threads: readonly Thread[],
    warn: (message: string) => void,
    onLine: ((line: string) => void) | undefined,
  ) {
    this.engine = engine;
    this.threads = threads;
    this.warn = warn;
    this.onLine = onLine;
  }

  addresses(): readonly BoundAddress[] {
    return this.bound;
  }

  address(listener?: string): SocketAddress {
    const found =
      listener === undefined && this.bound.length === 1
        ? this.bound[0]
        : this.bound.find(({ name }) => name === listener);
    if (found !== undefined) return found.address;
    const names = this.bound.map(({ name }) => name).join(', ') || 'none';
    const wanted = listener === undefined ? 'was named' : JSON.stringify(listener);
    throw new ProxyError('ERR_TULLE_OPTION', `no listener ${wanted}; bound are: ${names}`);
  }

  update(config: ProxyConfig): Promise<void> {
    const done = this.updating.then(() => this.take(config));
    this.updating = done.catch(() => {});
    return done;
  }

  private async take(config: ProxyConfig): Promise<void> {
    if (this.state !== 'running') throw ended();
    checkConfig(config);
    const { plain, receiver } = withoutReceiver(config);
    // From the first entry on that the new configuration makes; the former one's last entries may come to it too.
    const former = this.receiver;
    this.receiver = receiver;
    try {
      const { config: taken, addresses } = await applyToAll(this.threads, plain, this.config, this.warn);
      this.config = taken;
      this.bound = addresses;
    } catch (error) {
      this.receiver = former;
      throw error;
    }
  }

  metrics(): string {
    return renderPrometheus(this.threads) + processMetrics(this.engine);
  }

  async clusters(): Promise<readonly ClusterState[][]> {
    if (this.state === 'ended') throw ended();
    const results = await Promise.all(this.threads.map((thread) => thread.order({ kind: 'clusters' })));
    return results.map(({ clusters }) => [...clusters]);
  }

  drain(): Promise<number> {
    this.ending ??= this.end({ kind: 'drain', timeoutMs: undefined });
    return this.ending;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    checkCloseOptions(options);
    if (this.state === 'ending') {
      // A drain is under way: do not wait for it.
      await this.all({ kind: 'close' }).catch(() => {});
      return;
    }
    const { drainTimeoutMs: timeoutMs = 0 } = options;
    // A thread that has died is closed already.
    this.ending ??= this.end(timeoutMs === 0 ? { kind: 'close' } : { kind: 'drain', timeoutMs });
    await this.ending.catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends at once when the signal is aborted, now or later. */
  closeOn(signal: AbortSignal): void {
    const close = (): void => void this.close();
    signal.addEventListener('abort', close, { once: true });
    this.stopListening = () => signal.removeEventListener('abort', close);
  }

  /** Lines from a data thread, each with its end. */
  logged(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.deliver(line);
  }

  /** What the program's function throws is the program's: it must not come up within the proxy, whose thread this may be. */
  private deliver(line: string): void {
    try {
      if (this.receiver !== undefined) this.receiver(JSON.parse(line) as AccessLogEntry);
      else this.onLine?.(line);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  private async end(order: Order): Promise<number> {
    this.state = 'ending';
    this.stopListening();
    const results = await this.all(order).finally(() => {
      this.state = 'ended';
    });
    return results.reduce((sum, { cut }) => sum + cut, 0);
  }

  private all(order: Order): Promise<ThreadResult[]> {
    return Promise.all(this.threads.map((thread) => thread.order(order)));
  }
}

/** Functions stay on this thread. Entries are read from JSON lines. */
function withoutReceiver(config: ProxyConfig): { plain: ProxyConfig; receiver: Receiver | undefined } {
  const { target } = config.accessLog;
  if (typeof target !== 'function') return { plain: config, receiver: undefined };
  return { plain: { ...config, accessLog: { target: 'callback', format: 'json' } }, receiver: target };
}

function ended(): ProxyError {
  return new ProxyError('ERR_TULLE_ENDED', 'the proxy has ended; create another one');
}
