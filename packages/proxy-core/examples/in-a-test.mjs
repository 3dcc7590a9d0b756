// In a test: port 0, so that tests can run side by side, and everything is closed when the test is over. Run it with `node --test`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { createProxy, forward } from '@tulle/proxy-core';

test('a client is told why its upstream is not there', async (t) => {
  const server = http.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();

  const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: [`127.0.0.1:${port}`], protocol: 'http' }));
  t.after(() => proxy.close());

  const response = await fetch(`http://127.0.0.1:${proxy.address().port}/`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('x-tulle-reason'), 'upstream-connect-failed');
});
