/** `tulle proxy`: one proxy without a mesh, in the foreground. Certificates are read from files, and read again when they change. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createProxy,
  formatAddress,
  forward,
  type PathOptions,
  type ProxyConfig,
  type Proxy as RunningProxy,
  type SocketAddress,
} from '@tulle/proxy-core';
import { filesOf, readPem, type TlsFiles, watchFiles } from './certificates.js';

export interface RunProxyOptions {
  readonly listen: SocketAddress;
  readonly to: readonly SocketAddress[];
  readonly protocol: 'auto' | 'http' | 'tcp';
  readonly listenTls: TlsFiles | undefined;
  readonly toTls: TlsFiles | undefined;
  /** A file, `-` for standard output, `off`. */
  readonly accessLog: string;
  readonly accessLogFormat: 'json' | 'text';
  readonly engine: 'auto' | 'linux' | 'portable';
  readonly concurrency: number;
  readonly admin: SocketAddress | undefined;
  readonly path: Partial<PathOptions>;
}

/**
 * Resolves with the exit code: 0 after SIGTERM or SIGINT and a drain, 1 when it could not start. Prints one line when it listens: on standard output, or on standard error
 * where standard output is the access log.
 */
export async function runProxy(options: RunProxyOptions): Promise<number> {
  const say = (message: string): void => void process.stderr.write(`tulle proxy: ${message}\n`);
  let proxy: RunningProxy | undefined;
  let admin: Server | undefined;
  let isDraining = false;
  try {
    proxy = await createProxy(configOf(options), {
      engine: options.engine,
      concurrency: options.concurrency,
      onWarning: say,
    });
    if (options.admin !== undefined) {
      // node:http alone is some megabytes: for those who asked for it.
      const { serveAdmin } = await import('./admin.js');
      admin = await serveAdmin(proxy, options.admin, () => !isDraining);
    }
  } catch (error) {
    say(messageOf(error));
    await proxy?.close();
    return 1;
  }
  const files = filesOf(options.listenTls, options.toTls);
  const running = proxy;
  const again = (): void => void renew(running, options, say);
  const stopWatching = watchFiles(files, again, say);
  // As other servers have it; without certificates there is nothing to read again, and the terminal's end is the proxy's.
  if (files.length > 0) process.on('SIGHUP', again);
  // Before the line is told: whoever waits for it may send a signal at once.
  const end = ended();
  const told = options.accessLog === '-' ? process.stderr : process.stdout;
  told.write(`listening on ${formatAddress(proxy.address())} engine=${proxy.engine}\n`);
  if (admin !== undefined) told.write(`admin pages on ${formatAddress(boundTo(admin))}\n`);
  await end;
  isDraining = true;
  stopWatching();
  const cut = await untilSecondSignal(proxy);
  admin?.close();
  admin?.closeAllConnections();
  if (cut > 0) say(`${cut} connections were cut off when the drain ran out of time`);
  return 0;
}

/** A file may be missing or half written for a moment: the next change of it leads here again. */
async function renew(proxy: RunningProxy, options: RunProxyOptions, say: (message: string) => void): Promise<void> {
  try {
    await proxy.update(configOf(options));
    say('certificates were read again');
  } catch (error) {
    say(`certificates were not taken, the old ones stay: ${messageOf(error)}`);
  }
}

function configOf(options: RunProxyOptions): ProxyConfig {
  return forward({
    listen: formatAddress(options.listen),
    to: options.to.map(formatAddress),
    protocol: options.protocol,
    listenTls: options.listenTls && { ...readPem(options.listenTls), allowedUris: options.listenTls.allowedUris },
    toTls: options.toTls && {
      ...readPem(options.toTls),
      allowedUris: options.toTls.allowedUris,
      serverName: options.toTls.serverName,
    },
    accessLog: options.accessLog,
    accessLogFormat: options.accessLogFormat,
    path: options.path,
  });
}

function boundTo(server: Server): SocketAddress {
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

function ended(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/** Drains; another signal ends it at once. */
async function untilSecondSignal(proxy: RunningProxy): Promise<number> {
  const now = (): void => void proxy.close();
  process.once('SIGTERM', now);
  process.once('SIGINT', now);
  return proxy.drain();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
