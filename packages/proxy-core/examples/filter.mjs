// Own code on the way of each request: a module that is loaded into the proxy's data threads.
import { once } from 'node:events';
import http from 'node:http';
import { createProxy, forward } from '@tulle/proxy-core';

const server = http.createServer((request, response) => response.end(`tenant ${request.headers['x-tenant']}`));
await once(server.listen(0, '127.0.0.1'), 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

const proxy = await createProxy(
  forward({
    listen: '127.0.0.1:0',
    to: [`127.0.0.1:${port}`],
    protocol: 'http',
    filters: [{ name: 'add-header', module: new URL('./add-header-filter.mjs', import.meta.url).href }],
  }),
);

/** @param {string} path */
async function ask(path) {
  const request = http.get({ port: proxy.address().port, path, headers: { host: 'blue.example' } });
  const [response] = await once(request, 'response');
  let body = '';
  for await (const part of response) body += part;
  return { status: response.statusCode, servedBy: response.headers['x-served-by'], body: body.trim() };
}
const answer = await ask('/');
console.log(`${answer.status} ${answer.body}, served by ${answer.servedBy}`);
const refused = await ask('/private');
console.log(`${refused.status} ${refused.body}`);

await proxy.close();
server.close();
