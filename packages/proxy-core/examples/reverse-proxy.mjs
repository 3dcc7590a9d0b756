// A reverse proxy over two upstreams: one breaks each connection, and nobody notices, since a GET may be repeated and the other one answers.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { createProxy, forward } from '@tulle/proxy-core';

const good = http.createServer((request, response) => {
  if (request.url !== '/slow') response.end(`answered ${request.url}\n`);
});
const bad = net.createServer((socket) => void socket.once('data', () => socket.resetAndDestroy()));
const to = [];
for (const server of [good, bad]) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  to.push(`127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`);
}

const proxy = await createProxy(
  forward({
    listen: '127.0.0.1:0',
    to,
    protocol: 'http',
    balancer: 'round-robin',
    // A connection that was reset while the answer was awaited: the request may have been acted on, so only idempotent methods are repeated.
    retry: { attempts: 2, on: ['reset'] },
    timeoutMs: 500,
  }),
);
const { port } = proxy.address();

let answered = 0;
for (let i = 0; i < 10; i++) if ((await fetch(`http://127.0.0.1:${port}/${i}`)).ok) answered++;
console.log(`${answered} of 10 requests were answered`);

const slow = await fetch(`http://127.0.0.1:${port}/slow`);
console.log(`too slow: ${slow.status} ${slow.headers.get('x-tulle-reason')}`);

await proxy.close();
good.closeAllConnections();
good.close();
bad.close();
