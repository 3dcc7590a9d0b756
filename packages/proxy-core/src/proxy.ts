/**
 * The proxy as a library.
 *
 *     const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:8080'] }));
 *     console.log(proxy.address());
 *     await proxy.close();
 */
import type { SocketAddress } from './address.js';
import { checkConfig } from './config/check.js';
import type { ProxyConfig } from './config/config.js';
import { chooseEngine, type EngineName } from './engine.js';
import { defaultLimits } from './limits.js';
import { renderPrometheus } from './observe/prometheus.js';
import { applyToAll } from './threads/apply-to-all.js';
import type { BoundAddress, ClusterState, ThreadResult } from './threads/messages.js';
import { LinuxThread, type Order, PortableThread, type Thread, type ThreadEvents } from './threads/thread.js';

export interface ProxyOptions {
  /** Default `auto`: `linux` where it can run, else `portable` with a notice through `onWarning`. */
  readonly engine?: EngineName | 'auto';
  /** Data threads of the linux engine; default 1. Ports are shared between them with SO_REUSEPORT. */
  readonly concurrency?: number;
  /** SO_MARK of upstream sockets (linux engine; needs CAP_NET_ADMIN or CAP_NET_RAW), so that interception rules can tell them apart where there is one user only. */
  readonly socketMark?: number;
  /** Access log lines when the configuration's `accessLog.target` is `callback`. Without the line end. */
  readonly onAccessLog?: (line: string) => void;
  /** Something the operator should know; the proxy goes on. Default: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
  /**
   * A data thread has died, which is a defect of the proxy: its sockets are open and nobody serves them, so end the process and let it be started again.
   * Default: throws, which ends the process with the error's stack.
   */
  readonly onDeath?: (error: Error) => void;
}

export interface Proxy {
  readonly engine: EngineName;
  /** Where the listeners are bound, with the ports that the kernel chose for port 0. */
  addresses(): readonly BoundAddress[];
  /** The address of the listener of that name, or of the only one. Throws when there is no such listener. */
  address(listener?: string): SocketAddress;
  /** Takes a whole new configuration; open connections stay. Rejects with a message that names the place, and goes on as before on every thread, when it is not valid. */
  update(config: ProxyConfig): Promise<void>;
  /** Prometheus text (exposition format 0.0.4). */
  metrics(): string;
  /** Clusters, endpoints and their load, by data thread. */
  clusters(): Promise<readonly ClusterState[][]>;
  /** Stops accepting, lets open exchanges finish, then ends. Resolves with the number of connections cut off at `drainTimeoutMs`. */
  drain(): Promise<number>;
  /** Ends at once. */
  close(): Promise<void>;
}

/** Starts a proxy. Rejects with a message that says what to do when the configuration is not valid, a port is taken or the engine cannot run. */
export async function createProxy(config: ProxyConfig, options: ProxyOptions = {}): Promise<Proxy> {
  checkConfig(config);
  const warn = options.onWarning ?? ((message: string): void => process.emitWarning(message, { type: 'TulleWarning' }));
  const { engine, notice } = chooseEngine(options.engine ?? 'auto');
  if (notice !== '') warn(notice);
  const events: ThreadEvents = {
    lines: (text) => {
      for (const line of text.split('\n')) if (line !== '') options.onAccessLog?.(line);
    },
    warning: warn,
    died:
      options.onDeath ??
      ((error) => {
        throw new Error('a data thread of the proxy has died', { cause: error });
      }),
  };
  const count = engine === 'linux' ? Math.max(1, options.concurrency ?? 1) : 1;
  if (engine === 'portable' && options.socketMark !== undefined) {
    throw new Error('a socket mark needs the linux engine: install koffi, or run the proxy under a user of its own');
  }
  const threads: Thread[] = [];
  const proxy = new RunningProxy(engine, threads, warn);
  try {
    for (let i = 0; i < count; i++) threads.push(await startThread(engine, config, options, count > 1, events));
    await proxy.update(config);
  } catch (error) {
    await proxy.close();
    throw error;
  }
  return proxy;
}

async function startThread(
  engine: EngineName,
  config: ProxyConfig,
  options: ProxyOptions,
  reusePort: boolean,
  events: ThreadEvents,
): Promise<Thread> {
  const limits = { ...defaultLimits, ...config.limits };
  if (engine === 'portable') return new PortableThread(limits, events);
  const { closeWakeFd, createWakeFd, wake } = await import('./io/linux/wake.js');
  const wakeFd = createWakeFd();
  const data = { limits, wakeFd, socketMark: options.socketMark, reusePort };
  return new LinuxThread(
    data,
    events,
    () => wake(wakeFd),
    () => closeWakeFd(wakeFd),
  );
}

class RunningProxy implements Proxy {
  readonly engine: EngineName;
  private readonly threads: readonly Thread[];
  private readonly warn: (message: string) => void;
  private bound: readonly BoundAddress[] = [];
  /** What every thread has taken. */
  private config: ProxyConfig | undefined = undefined;
  /** Updates happen one after the other. */
  private updating: Promise<void> = Promise.resolve();
  private state: 'running' | 'ending' | 'ended' = 'running';
  private ending: Promise<number> | undefined = undefined;

  constructor(engine: EngineName, threads: readonly Thread[], warn: (message: string) => void) {
    this.engine = engine;
    this.threads = threads;
    this.warn = warn;
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
    throw new Error(
      `no listener ${listener === undefined ? 'was named' : JSON.stringify(listener)}; bound are: ${names}`,
    );
  }

  update(config: ProxyConfig): Promise<void> {
    const done = this.updating.then(() => this.take(config));
    this.updating = done.catch(() => {});
    return done;
  }

  private async take(config: ProxyConfig): Promise<void> {
    if (this.state !== 'running') throw new Error('the proxy has ended');
    checkConfig(config);
    const { config: taken, addresses } = await applyToAll(this.threads, config, this.config, this.warn);
    this.config = taken;
    this.bound = addresses;
  }

  metrics(): string {
    return renderPrometheus(this.threads);
  }

  async clusters(): Promise<readonly ClusterState[][]> {
    const results = await Promise.all(this.threads.map((thread) => thread.order({ kind: 'clusters' })));
    return results.map(({ clusters }) => [...clusters]);
  }

  drain(): Promise<number> {
    this.ending ??= this.end({ kind: 'drain' });
    return this.ending;
  }

  async close(): Promise<void> {
    if (this.state === 'ending') {
      // A drain is under way: do not wait for it.
      await this.all({ kind: 'close' }).catch(() => {});
      return;
    }
    // A thread that has died is closed already.
    this.ending ??= this.end({ kind: 'close' });
    await this.ending.catch(() => {});
  }

  private async end(order: Order): Promise<number> {
    this.state = 'ending';
    const results = await this.all(order).finally(() => {
      this.state = 'ended';
    });
    return results.reduce((sum, { cut }) => sum + cut, 0);
  }

  private all(order: Order): Promise<ThreadResult[]> {
    return Promise.all(this.threads.map((thread) => thread.order(order)));
  }
}
