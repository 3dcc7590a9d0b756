/**
 * The proxy as a library.
 *
 *     const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:8080'] }));
 *     console.log(proxy.address());
 *     await proxy.close();
 */
import { checkConfig } from './config/check.js';
import type { ProxyConfig } from './config/config.js';
import { chooseEngine, type EngineName } from './engine.js';
import { defaultLimits } from './limits.js';
import { checkProxyOptions } from './options.js';
import { ProxyError } from './proxy-error.js';
import { type Proxy as ProxyHandle, RunningProxy } from './running-proxy.js';
import type { Thread, ThreadEvents } from './threads/thread.js';

/** What does not belong to the configuration, since it cannot change while the proxy runs. */
export interface ProxyOptions {
  /** Default `auto`: `linux` where it can run, else `portable` with a notice through `onWarning`. */
  readonly engine?: EngineName | 'auto';
  /** Data threads of the linux engine; default 1. Ports are shared between them with SO_REUSEPORT. The portable engine has one thread, the caller's. */
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
  /** Ends the proxy at once when it is aborted; before it has started, `createProxy` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a proxy. Rejects with a `ProxyError` whose message says what to do: for wrong options (`ERR_TULLE_OPTION`) or a configuration that is not valid
 * (`ERR_TULLE_CONFIG`), a port that is taken (`EADDRINUSE`), an engine that cannot run (`ERR_TULLE_ENGINE`), and what else `ProxyError` lists.
 */
export async function createProxy(config: ProxyConfig, options: ProxyOptions = {}): Promise<ProxyHandle> {
  checkProxyOptions(options);
  checkConfig(config);
  const { signal } = options;
  if (config.accessLog.target === 'callback' && options.onAccessLog === undefined) {
    const remedy = 'give createProxy one, or a function as the target';
    throw new ProxyError('ERR_TULLE_OPTION', `the access log goes to onAccessLog, which is missing: ${remedy}`);
  }
  signal?.throwIfAborted();
  const warn = options.onWarning ?? ((message: string): void => process.emitWarning(message, { type: 'TulleWarning' }));
  const { engine, notice } = chooseEngine(options.engine ?? 'auto');
  if (notice !== '') warn(notice);
  const count = threadCount(engine, options, warn);
  const threads: Thread[] = [];
  const proxy = new RunningProxy(engine, threads, warn, options.onAccessLog);
  const events: ThreadEvents = {
    lines: (text) => proxy.logged(text),
    warning: warn,
    died: options.onDeath ?? throwDeath,
  };
  try {
    for (let i = 0; i < count; i++) threads.push(await startThread(engine, config, options, count > 1, events));
    await proxy.update(config);
    signal?.throwIfAborted();
  } catch (error) {
    await proxy.close();
    throw error;
  }
  if (signal !== undefined) proxy.closeOn(signal);
  return proxy;
}

function threadCount(engine: EngineName, options: ProxyOptions, warn: (message: string) => void): number {
  const { concurrency = 1, socketMark } = options;
  if (engine === 'linux') return concurrency;
  if (socketMark !== undefined) {
    const remedy = 'install koffi, or run the proxy under a user of its own and leave the mark out';
    throw new ProxyError('ERR_TULLE_ENGINE', `a socket mark needs the linux engine: ${remedy}`);
  }
  if (concurrency > 1) warn(`the portable engine has one thread, not ${concurrency}`);
  return 1;
}

function throwDeath(error: Error): never {
  throw new ProxyError('ERR_TULLE_INTERNAL', 'a data thread of the proxy has died', { cause: error });
}

/** Each engine's thread is loaded when it is wanted: a main thread beside the linux engine need not carry the data plane. */
async function startThread(
  engine: EngineName,
  config: ProxyConfig,
  options: ProxyOptions,
  reusePort: boolean,
  events: ThreadEvents,
): Promise<Thread> {
  const limits = { ...defaultLimits, ...config.limits };
  if (engine === 'portable') {
    const { PortableThread } = await import('./threads/portable-thread.js');
    return new PortableThread(limits, events);
  }
  const [{ LinuxThread }, { closeWakeFd, createWakeFd, wake }] = await Promise.all([
    import('./threads/worker-thread.js'),
    import('./io/linux/wake.js'),
  ]);
  const wakeFd = createWakeFd();
  const data = { limits, wakeFd, socketMark: options.socketMark, reusePort };
  return new LinuxThread(
    data,
    events,
    () => wake(wakeFd),
    () => closeWakeFd(wakeFd),
  );
}
