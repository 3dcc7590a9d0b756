// The access log as objects: each request is one entry, given to a function.
import { once } from 'node:events';
import http from 'node:http';
import { createProxy, forward } from '@tulle/proxy-core';

const server = http.createServer((_request, response) => response.end('hello'));
await once(server.listen(0, '127.0.0.1'), 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

/** @type {import('@tulle/proxy-core').AccessLogEntry[]} */
const entries = [];
const proxy = await createProxy(
  forward({
    listen: '127.0.0.1:0',
    to: [`127.0.0.1:${port}`],
    protocol: 'http',
    accessLog: (entry) => {
      entries.push(entry);
    },
  }),
);
await (await fetch(`http://127.0.0.1:${proxy.address().port}/some/path?with=query`)).text();

// All entries have been given when the proxy has ended.
await proxy.close();
for (const { method, path, status, bytes_sent, duration_us } of entries) {
  console.log(`${method} ${path} ${status}, ${bytes_sent} bytes, measured: ${duration_us > 0}`);
}
server.close();
