import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { generateLoad } from '../src/load/generate.js';
import { BadLoadOptions, type LoadOptions } from '../src/load/options.js';
import { serveBench } from '../src/server/serve.js';

const base: LoadOptions = {
  url: 'http://127.0.0.1/',
  connectTo: undefined,
  rate: 'max',
  schedule: 'fixed',
  seed: 1,
  burst: 1,
  connections: 4,
  durationS: 60,
  warmupS: 0,
  requests: 200,
  method: 'GET',
  headers: [],
  body: undefined,
  expectStatus: 200,
  expectBytes: undefined,
  verifyHash: false,
  requestTimeoutMs: 60_000,
  maxLatenessP99Us: 1000,
};

/** A server that answers the n-th request of all its connections with `answer(n, id)`; undefined closes the connection. */
async function scripted(t: Tap, answer: (n: number, id: string) => string | undefined): Promise<number> {
  let n = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const id = /x-tulle-bench-id: (\d+)/.exec(bytes.toString('latin1'))?.[1] ?? '';
      const text = answer(n++, id);
      if (text === undefined) socket.destroy();
      else socket.write(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as { port: number }).port;
}
type Tap = Pick<typeof t, 'teardown'>;

const ok = (id: string, body = 'hello'): string =>
  `HTTP/1.1 200 OK\r\nx-tulle-bench-id: ${id}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

const faults: [name: string, reason: string, answer: (n: number, id: string) => string | undefined][] = [
  ['another status', 'status', (n, id) => (n === 50 ? ok(id).replace('200 OK', '503 No') : ok(id))],
  ['another length', 'length', (n, id) => (n === 50 ? ok(id, 'hell') : ok(id))],
  ['the answer to somebody else', 'wrong-id', (n, id) => (n === 50 ? ok('999999') : ok(id))],
  ['no answer but the end of the connection', 'connection-lost', (n, id) => (n === 50 ? undefined : ok(id))],
  ['an answer twice', 'bad-response', (n, id) => (n === 50 ? ok(id) + ok(id) : ok(id))],
  ['half of a second answer', 'bad-response', (n, id) => (n === 50 ? `${ok(id)}HTTP` : ok(id))],
  ['something that is not HTTP', 'bad-response', (n, id) => (n === 50 ? 'hello\r\n\r\n' : ok(id))],
];

for (const [name, reason, answer] of faults) {
  t.test(`one request of 200 gets ${name}: the run is invalid and says so`, async (t) => {
    const port = await scripted(t, answer);
    const result = await generateLoad({ ...base, url: `http://127.0.0.1:${port}/` });
    t.equal(result.valid, false);
    t.strictSame(result.errors, { [reason]: 1 });
    t.match(result.invalid[0], `1 requests failed: 1 ${reason}`);
    t.equal(result.requests.sent, 200);
    t.equal(result.requests.answered, 199);
    t.equal(result.latencyUs.count, 199);
  });
}

t.test('an answer that does not come within the limit is a timeout', async (t) => {
  const port = await scripted(t, (n, id) => (n === 5 ? ok(id).slice(0, -1) : ok(id)));
  const result = await generateLoad({
    ...base,
    requests: 20,
    requestTimeoutMs: 2_000,
    url: `http://127.0.0.1:${port}/`,
  });
  t.strictSame(result.errors, { timeout: 1 });
});

t.test('a port where nobody listens stops the run after a bounded number of failures', async (t) => {
  const port = await scripted(t, () => undefined);
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const deadPort = (closed.address() as { port: number }).port;
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  const dead = await generateLoad({ ...base, requests: Infinity, url: `http://127.0.0.1:${deadPort}/` });
  // Those that were out when the limit was reached fail too.
  t.ok(dead.errors['connect-failed'] >= 1000 && dead.errors['connect-failed'] < 1000 + base.connections);
  t.match(dead.invalid, [/requests failed/, /stopped after 1000/, /no request was recorded/]);
  const hangUp = await generateLoad({ ...base, requests: Infinity, url: `http://127.0.0.1:${port}/` });
  t.match(hangUp.errors, { 'connection-lost': Number });
});

t.test('a connection that the server closes after its answer is opened again', async (t) => {
  const port = await scripted(t, (_, id) => ok(id).replace('OK\r\n', 'OK\r\nconnection: close\r\n'));
  const result = await generateLoad({ ...base, requests: 40, url: `http://127.0.0.1:${port}/` });
  t.equal(result.valid, true);
  t.equal(result.connects, 40);
});

for (const mode of ['length', 'chunked'] as const) {
  for (const path of ['/echo', '/hash']) {
    t.test(`bodies of 0 bytes to 1 MB to ${path}, ${mode}: each is whole and its own`, async (t) => {
      const server = await serveBench({ host: '127.0.0.1', port: 0, bodyBytes: 10 });
      t.teardown(() => server.close());
      const result = await generateLoad({
        ...base,
        url: `http://127.0.0.1:${server.port}${path}`,
        method: 'POST',
        body: { size: { min: 0, max: 1_000_000 }, mode },
        connections: 20,
        verifyHash: true,
      });
      t.strictSame(result.invalid, []);
      t.equal(result.requests.answered, 200);
      t.ok(result.bytes.sent > 1_000_000);
      if (path === '/echo') t.equal(result.bytes.received, result.bytes.sent);
      else t.equal(result.bytes.received, 200 * 64);
    });
  }
}

t.test('an echo that changes one byte is seen', async (t) => {
  const port = await scripted(t, (n, id) => ok(id, n === 50 ? 'x' : 'y'));
  const sha256 = { method: 'POST', body: { size: { min: 1, max: 1 }, mode: 'length' as const }, verifyHash: true };
  const result = await generateLoad({ ...base, ...sha256, url: `http://127.0.0.1:${port}/echo` });
  t.ok(result.errors.hash > 190);
});

t.test('HEAD has no body, and the hash of a fixed answer is checked', async (t) => {
  const server = await serveBench({ host: '127.0.0.1', port: 0, bodyBytes: 100_000 });
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${server.port}/any?thing`;
  const head = await generateLoad({ ...base, url, method: 'HEAD' });
  t.strictSame(head.invalid, []);
  t.equal(head.bytes.received, 0);
  const get = await generateLoad({ ...base, url, verifyHash: true, expectBytes: 100_000 });
  t.strictSame(get.invalid, []);
  t.equal(get.bytes.received, 200 * 100_000);
});

t.test('an interrupted run ends at once and is invalid', async (t) => {
  const server = await serveBench({ host: '127.0.0.1', port: 0, bodyBytes: 10 });
  t.teardown(() => server.close());
  const interrupt = new AbortController();
  interrupt.abort();
  const result = await generateLoad({ ...base, url: `http://127.0.0.1:${server.port}/` }, interrupt.signal);
  t.match(result.invalid, ['the run was interrupted', 'no request was recorded']);
});

const wrong: [Partial<LoadOptions>, RegExp][] = [
  [{ url: 'server' }, /no URL/],
  [{ url: 'https://server/' }, /only http/],
  [{ url: 'http://no-such-name.invalid/' }, /has no address/],
  [{ rate: 0 }, /--rate/],
  [{ connections: 0 }, /--connections/],
  [{ durationS: Infinity, requests: Infinity }, /no end/],
  [{ headers: [['a b', 'c']] }, /no header/],
];
for (const [change, message] of wrong) {
  t.test(`wrong use is refused: ${message}`, async (t) => {
    await t.rejects(generateLoad({ ...base, ...change }), new BadLoadOptions(''), 'is wrong use');
    await t.rejects(generateLoad({ ...base, ...change }), { message });
  });
}
