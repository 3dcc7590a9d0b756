/** The admin pages of `tulle proxy`. */
import { createServer, type Server } from 'node:http';
import { formatAddress, type Proxy as RunningProxy, type SocketAddress } from '@tulle/proxy-core';

/** `isReady` is asked at each request for /ready. Rejects when the address cannot be bound. */
export function serveAdmin(proxy: RunningProxy, address: SocketAddress, isReady: () => boolean): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return void response.writeHead(405).end();
    if (request.url === '/metrics')
      return void response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(proxy.metrics());
    if (request.url === '/ready') {
      return void (isReady() ? response.writeHead(200).end('ready\n') : response.writeHead(503).end('draining\n'));
    }
    if (request.url === '/clusters') {
      return void proxy.clusters().then(
        (clusters) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(clusters)}\n`),
        (error: unknown) => response.writeHead(500).end(`${error instanceof Error ? error.message : String(error)}\n`),
      );
    }
    response.writeHead(404).end('try /ready, /metrics or /clusters\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`admin address ${formatAddress(address)}: ${error.message}`)));
    server.listen(address.port, address.host, () => resolve(server));
  });
}
