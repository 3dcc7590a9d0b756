import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { BulkReader } from '../../src/load/bulk.js';
import { ClosedLoop, type ClosedLoopSettings } from '../../src/load/closed-loop.js';
import { IdleHolder } from '../../src/load/idle.js';
import { serveBulk } from '../../src/server/bulk.js';
import { serveBench } from '../../src/server/serve.js';

const forever = Number.POSITIVE_INFINITY;

function settings(port: number, change: Partial<ClosedLoopSettings> = {}): ClosedLoopSettings {
  return {
    target: { host: '127.0.0.1', port, tls: undefined },
    connections: 4,
    keepAlive: true,
    requestBytes: 0,
    responseBytes: 100,
    ...change,
  };
}

async function server(t: { teardown: (end: () => unknown) => void }, bodyBytes = 100): Promise<number> {
  const started = await serveBench({ host: '127.0.0.1', port: 0, bodyBytes });
  t.teardown(() => started.close());
  return started.port;
}

t.test('a run of so many requests answers exactly so many, on the connections of the run before it', async (t) => {
  const loop = new ClosedLoop(settings(await server(t)));
  t.teardown(() => loop.close());
  await loop.open();
  for (const requests of [3, 500]) {
    const figures = await loop.run({ seconds: forever, requests });
    t.match(figures, { requests, connects: 0, bytes: { sent: 0, received: requests * 100 } });
    t.strictSame(figures.failures.counts, {});
    t.equal(figures.latencyUs.sparse().count, requests);
  }
});

t.test('without keep-alive each request has a connection of its own', async (t) => {
  const loop = new ClosedLoop(settings(await server(t), { keepAlive: false }));
  t.teardown(() => loop.close());
  await loop.open();
  const figures = await loop.run({ seconds: forever, requests: 50 });
  t.match(figures, { requests: 50, connects: 50 });
  t.strictSame(figures.failures.counts, {});
});

t.test('bodies go both ways, and progress is told', async (t) => {
  const loop = new ClosedLoop(settings(await server(t, 70_000), { requestBytes: 100_000, responseBytes: 70_000 }));
  t.teardown(() => loop.close());
  const told: number[] = [];
  const figures = await loop.run({ seconds: forever, requests: 100 }, 25, (requests) => told.push(requests));
  t.match(figures, { requests: 100, bytes: { sent: 10_000_000, received: 7_000_000 } });
  t.strictSame(told, [25, 50, 75, 100]);
});

t.test('the server refuses a body that has another hash than was announced', async (t) => {
  const port = await server(t);
  const answer = async (sha256: string): Promise<number> => {
    const headers = { 'x-tulle-bench-sha256': sha256 };
    return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'hello', headers })).status;
  };
  t.equal(await answer('2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'), 200);
  t.equal(await answer('2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9825'), 422);
});

t.test('a connection that is lost is one failure, and the loop goes on', async (t) => {
  let requests = 0;
  const sockets = new Set<Socket>();
  const flaky = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => {
      requests += 1;
      if (requests === 10) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => flaky.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    flaky.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = flaky.address() as { port: number };
  const loop = new ClosedLoop(settings(port, { responseBytes: 0 }));
  t.teardown(() => loop.close());
  const figures = await loop.run({ seconds: forever, requests: 40 });
  t.equal(figures.requests, 39);
  t.strictSame(figures.failures.counts, { 'connection-lost': 1 });
});

t.test('where nobody listens a run ends after a bounded number of failures', async (t) => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as { port: number };
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  const figures = await new ClosedLoop(settings(port)).run({ seconds: forever, requests: forever });
  t.equal(figures.requests, 0);
  t.ok((figures.failures.counts['connect-failed'] ?? 0) >= 1000);
});

t.test('idle connections are all opened, and each has had one answer', async (t) => {
  const holder = new IdleHolder(
    { host: '127.0.0.1', port: await server(t), tls: undefined },
    { kind: 'idle', connections: 120, responseBytes: 100 },
  );
  t.teardown(() => holder.close());
  t.match(await holder.run(), { requests: 120, connects: 120, errors: {} });
});

t.test('a bulk stream is counted, and one byte that differs is seen', async (t) => {
  const honest = await serveBulk('127.0.0.1', 0);
  t.teardown(() => honest.close());
  const target = { host: '127.0.0.1', port: honest.port, tls: undefined };
  const good = new BulkReader(target, 2);
  await good.open();
  const figures = await good.run(0.1);
  good.close();
  t.ok(figures.receivedBytes > 0);
  t.strictSame(figures.failures.counts, {});
  const liar = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(Buffer.alloc(1000));
  });
  await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
  t.teardown(() => liar.close());
  const bad = new BulkReader({ ...target, port: (liar.address() as { port: number }).port }, 1);
  await bad.open();
  t.ok(((await bad.run(0.1)).failures.counts.content ?? 0) >= 1);
  bad.close();
});
