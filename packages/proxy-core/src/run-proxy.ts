/** `tulle proxy`: one proxy without a mesh, in the foreground. Certificates are read from files, and read again when they change. */
import { readFileSync, watch } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname } from 'node:path';
import { formatAddress, type SocketAddress } from './address.js';
import type { ProxyConfig } from './config/config.js';
import { forward, type PemFiles } from './forwarding.js';
import { createProxy, type Proxy as RunningProxy } from './proxy.js';

export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** URIs that the peer's certificate may carry; empty: any that the CA signed. */
  readonly allowedUris: readonly string[];
  readonly serverName?: string;
}

export interface RunProxyOptions {
  readonly listen: SocketAddress;
  readonly to: readonly SocketAddress[];
  readonly protocol: 'auto' | 'http' | 'tcp';
  readonly listenTls: TlsFiles | undefined;
  readonly toTls: TlsFiles | undefined;
  /** A file, `-` for standard output, `off`. */
  readonly accessLog: string;
  readonly engine: 'auto' | 'linux' | 'portable';
  readonly concurrency: number;
  readonly admin: SocketAddress | undefined;
}

/** Certificates are written as several files one after the other: wait until they are all there. */
const reloadDelayMs = 200;

/** Resolves with the exit code: 0 after SIGTERM or SIGINT and a drain, 1 when it could not start. Prints one line when it listens. */
export async function runProxy(options: RunProxyOptions): Promise<number> {
  const say = (message: string): void => void process.stderr.write(`tulle proxy: ${message}\n`);
  let proxy: RunningProxy;
  let admin: Server | undefined;
  try {
    proxy = await createProxy(configOf(options), {
      engine: options.engine,
      concurrency: options.concurrency,
      onWarning: say,
    });
    if (options.admin !== undefined) admin = await serveAdmin(proxy, options.admin);
  } catch (error) {
    say(messageOf(error));
    return 1;
  }
  const stopWatching = watchFiles(options, () => {
    proxy.update(configOf(options)).then(
      () => say('certificates were read again'),
      (error: unknown) => say(`certificates were not taken, the old ones stay: ${messageOf(error)}`),
    );
  });
  process.stdout.write(`listening on ${formatAddress(proxy.address())} engine=${proxy.engine}\n`);
  await ended();
  stopWatching();
  const cut = await untilSecondSignal(proxy);
  admin?.close();
  if (cut > 0) say(`${cut} connections were cut off when the drain ran out of time`);
  return 0;
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
  });
}

function readPem(files: TlsFiles): PemFiles {
  return {
    certificateChainPem: read(files.certificateFile),
    privateKeyPem: read(files.keyFile),
    caPem: read(files.caFile),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`);
  }
}

/** Watches the folders, not the files: a renewed certificate is usually renamed into place. */
function watchFiles(options: RunProxyOptions, changed: () => void): () => void {
  const files = [options.listenTls, options.toTls].flatMap((tls) =>
    tls === undefined ? [] : [tls.certificateFile, tls.keyFile, tls.caFile],
  );
  let pending: NodeJS.Timeout | undefined;
  const watchers = [...new Set(files.map((file) => dirname(file)))].map((folder) =>
    watch(folder, { persistent: false }, () => {
      clearTimeout(pending);
      pending = setTimeout(changed, reloadDelayMs);
    }),
  );
  return () => {
    clearTimeout(pending);
    for (const watcher of watchers) watcher.close();
  };
}

function serveAdmin(proxy: RunningProxy, address: SocketAddress): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return void response.writeHead(405).end();
    if (request.url === '/metrics')
      return void response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(proxy.metrics());
    if (request.url === '/ready') return void response.writeHead(200).end('ready\n');
    if (request.url === '/clusters') {
      return void proxy.clusters().then(
        (clusters) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(clusters)}\n`),
        (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
      );
    }
    response.writeHead(404).end('try /ready, /metrics or /clusters\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`admin address ${formatAddress(address)}: ${error.message}`)));
    server.listen(address.port, address.host, () => resolve(server));
  });
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
