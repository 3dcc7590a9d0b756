/** Proxies on both engines, and plain node programs around them. */
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import {
  type ClusterConfig,
  createProxy,
  type EngineName,
  type FilterChainConfig,
  type ProxyConfig,
  type RouteConfig,
  type Proxy as RunningProxy,
} from '@tulle/proxy-core';
import type { Test } from 'tap';

export const engines: readonly EngineName[] = process.platform === 'linux' ? ['linux', 'portable'] : ['portable'];

/** Runs the same test on every engine. */
export function onEveryEngine(t: Test, name: string, body: (t: Test, engine: EngineName) => Promise<void>): void {
  for (const engine of engines) void t.test(`${name} [${engine}]`, (child) => body(child, engine));
}

export interface LogLine {
  readonly [field: string]: string | number | boolean | null;
}

export interface Started {
  readonly proxy: RunningProxy;
  readonly port: number;
  /** Parsed access log. */
  readonly lines: LogLine[];
  readonly warnings: string[];
  /** Resolves when that many lines have been written. */
  logged(count: number): Promise<LogLine[]>;
}

export async function start(t: Test, engine: EngineName, config: ProxyConfig): Promise<Started> {
  const lines: LogLine[] = [];
  const warnings: string[] = [];
  const waiting: { count: number; resolve: (lines: LogLine[]) => void }[] = [];
  const proxy = await createProxy(config, {
    engine,
    onAccessLog: (line) => {
      lines.push(JSON.parse(line) as LogLine);
      for (const each of waiting) if (lines.length >= each.count) each.resolve(lines);
    },
    onWarning: (message) => warnings.push(message),
  });
  t.teardown(() => proxy.close());
  return {
    proxy,
    port: proxy.address('main').port,
    lines,
    warnings,
    logged: (count) =>
      lines.length >= count ? Promise.resolve(lines) : new Promise((resolve) => waiting.push({ count, resolve })),
  };
}

/** Metrics that hold all that happened before: a data thread counts a moment after it has answered, and then answers this question. */
export async function metricsOf(proxy: RunningProxy): Promise<string> {
  await proxy.clusters();
  return proxy.metrics();
}

export function cluster(name: string, ports: readonly number[], more: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name,
    endpoints: ports.map((port) => ({ address: { host: '127.0.0.1', port }, weight: 1, tls: false })),
    balancer: 'p2c',
    // Only a broken engine takes so long; no test waits for it.
    connectTimeoutMs: 60_000,
    ...more,
  };
}

export function toCluster(name: string): RouteConfig {
  return {
    name: `to-${name}`,
    match: { path: { kind: 'prefix', value: '/' } },
    action: { kind: 'forward', clusters: [{ cluster: name, weight: 1 }] },
  };
}

export interface Parts {
  readonly routes?: readonly RouteConfig[];
  readonly clusters?: readonly ClusterConfig[];
  readonly chain?: Partial<FilterChainConfig>;
  readonly direction?: 'outbound' | 'inbound';
  readonly limits?: ProxyConfig['limits'];
  readonly accessLog?: ProxyConfig['accessLog'];
  readonly port?: number;
}

/** One listener with one chain; `routes` default to everything to the first cluster. */
export function config(parts: Parts): ProxyConfig {
  const clusters = parts.clusters ?? [];
  const [first] = clusters;
  const routes = parts.routes ?? (first === undefined ? [] : [toCluster(first.name)]);
  return {
    listeners: [
      {
        name: 'main',
        bind: { host: '127.0.0.1', port: parts.port ?? 0 },
        direction: parts.direction ?? 'outbound',
        destination: 'local',
        chains: [
          {
            name: 'chain',
            match: {},
            protocol: 'http',
            http: { routes: 'table' },
            tcp: first === undefined ? undefined : { clusters: [{ cluster: first.name, weight: 1 }] },
            authorization: [],
            ...parts.chain,
          },
        ],
      },
    ],
    clusters,
    routes: [{ name: 'table', virtualHosts: [{ name: 'all', domains: ['*'], routes }] }],
    identities: [],
    trust: [],
    accessLog: parts.accessLog ?? { target: 'callback', format: 'json' },
    limits: parts.limits,
  };
}

export async function httpServer(t: Test, listener: http.RequestListener): Promise<number> {
  const server = http.createServer(listener);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return listening(server);
}

export async function tcpServer(t: Test, listener: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    listener(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listening(server);
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly agent?: http.Agent;
}

export function ask({ port, method = 'GET', path = '/', headers, body, agent }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, method, path, headers, agent: agent ?? false },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Writes text to a port and collects everything until the peer ends, or `enough` bytes have come. */
export function exchangeBytes(
  port: number,
  text: string,
  end = false,
  enough = Number.POSITIVE_INFINITY,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let answer = '';
    socket.on('error', reject);
    socket.on('data', (part) => {
      answer += part.toString('latin1');
      if (answer.length < enough) return;
      socket.end();
      resolve(answer);
    });
    socket.on('end', () => {
      socket.end();
      resolve(answer);
    });
    if (end) socket.end(text);
    else socket.write(text);
  });
}
