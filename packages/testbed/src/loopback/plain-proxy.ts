import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ServedService } from '../provider.js';
import { attemptOrder } from '../service-proxy/balance.js';
import { forward } from '../service-proxy/forward.js';

/** An HTTP proxy that knows the services. */
export interface PlainProxy {
  update(services: readonly ServedService[]): void;
  close(): void;
}

/**
 * What DNS and kube-proxy are to a pod without a sidecar, where there is neither: a plain HTTP proxy (`http_proxy`) that resolves
 * the names of services to their ready endpoints in turn. CONNECT serves opaque TCP. No mesh is in it: no routes, no TLS, no identity.
 */
export async function servePlainProxy(ip: string, port: number): Promise<PlainProxy & { port: number }> {
  let services: readonly ServedService[] = [];
  let turn = 0;
  const endpoints = (authority: string) => {
    turn += 1;
    return attemptOrder(resolveService(authority, services), turn, 1);
  };
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => proxyRequest(incoming, outgoing, endpoints));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (incoming, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const found = endpoints(incoming.url ?? '');
    if (found.length === 0) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    forward(socket, found);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ip, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    update: (now) => {
      services = now;
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function proxyRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  endpoints: (authority: string) => readonly { ip: string; port: number }[],
): void {
  const refuse = (status: number, text: string): void => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  if (!URL.canParse(incoming.url ?? '')) {
    refuse(400, 'this is a proxy: ask with the whole URL (http_proxy)');
    return;
  }
  const url = new URL(incoming.url ?? '');
  const [endpoint] = endpoints(`${url.hostname}:${url.port || '80'}`);
  if (endpoint === undefined) {
    refuse(502, `no service or no ready endpoint: ${url.host}`);
    return;
  }
  const headers = { ...incoming.headers };
  delete headers['proxy-connection'];
  const upstream = request({
    host: endpoint.ip,
    port: endpoint.port,
    method: incoming.method,
    path: `${url.pathname}${url.search}`,
    headers,
    agent: false,
  });
  upstream.on('response', (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
    response.on('error', () => outgoing.destroy());
  });
  upstream.on('error', (error) => refuse(502, error.message));
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}

/** Ready endpoints of `name[.ns[.svc[.cluster.local]]]:port` or `clusterIP:port`; an address that is no service is dialled as it is. Pure. */
export function resolveService(
  authority: string,
  services: readonly ServedService[],
): readonly { ip: string; port: number }[] {
  const colon = authority.lastIndexOf(':');
  const host = authority.slice(0, colon).toLowerCase();
  const port = Number(authority.slice(colon + 1));
  const name = host
    .replace(/\.$/, '')
    .replace(/\.cluster\.local$/, '')
    .replace(/\.svc$/, '');
  for (const service of services) {
    const inDefault = service.namespace === 'default' && name === service.name;
    if (!inDefault && name !== `${service.name}.${service.namespace}` && host !== service.clusterIp) continue;
    const found = service.ports.find((candidate) => candidate.port.port === port);
    return found?.endpoints.filter((endpoint) => endpoint.ready) ?? [];
  }
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? [{ ip: host, port }] : [];
}
