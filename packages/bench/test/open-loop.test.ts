// Real time and the built worker thread: only bounds that a busy machine keeps, orders of magnitude and least values; the arithmetic itself is proved in
// dispatcher.test.ts on a virtual clock.
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { generateLoad, type LoadOptions, type LoadResult } from '../dist/index.js';

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A server that answers each request when `answerAt(now in ms)` has come. */
async function delayed(t: Tap, delayMs: (sinceStartMs: number) => number): Promise<string> {
  const sockets = new Set<Socket>();
  const startedAt = performance.now();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => {
      const ms = delayMs(performance.now() - startedAt);
      if (ms <= 0) socket.write(answer);
      else setTimeout(() => socket.write(answer), ms);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}
type Tap = Pick<typeof t, 'teardown'>;

function options(url: string): LoadOptions {
  return {
    url,
    connectTo: undefined,
    rate: 500,
    schedule: 'fixed',
    seed: 1,
    burst: 1,
    connections: 100,
    durationS: 2,
    warmupS: 0.2,
    requests: Infinity,
    method: 'GET',
    headers: [],
    body: undefined,
    expectStatus: 200,
    expectBytes: 2,
    verifyHash: false,
    requestTimeoutMs: 60_000,
    // A busy machine is no failure of the test; that the bound works is the last test.
    maxLatenessP99Us: 60_000_000,
  };
}

/**
 * A run whose quickest request was quicker than `belowUs`; after ten without one the last of them. On a machine that does not let a program run nothing is quick for a while;
 * a generator that adds to latencies does so every time.
 */
async function quick(belowUs: number, order: (rate: number) => LoadOptions): Promise<LoadResult> {
  let result = await generateLoad(order(500));
  for (let tries = 1; tries < 10 && result.latencyUs.min >= belowUs; tries++) result = await generateLoad(order(200));
  return result;
}

t.test('a server that answers after 5 ms is measured at 5 ms', async (t) => {
  const url = await delayed(t, () => 5);
  const result = await quick(10_000, (rate) => ({ ...options(url), rate }));
  t.strictSame(result.invalid, []);
  t.equal(result.requests.recorded, Number(result.rate) * 2);
  t.comment(`latency ${JSON.stringify(result.latencyUs)}`);
  t.comment(`lateness ${JSON.stringify(result.latenessUs)}`);
  // A timer of the server may be a millisecond early or late.
  t.ok(result.latencyUs.min > 3500, `min ${result.latencyUs.min}`);
  t.ok(result.latencyUs.min < 10_000, `min ${result.latencyUs.min}`);
  t.ok(result.latencyUs.p50 > 4000, `p50 ${result.latencyUs.p50}`);
});

t.test(
  'a server that stalls 100 ms each second shows about 90 ms at p99, not what a closed loop would see',
  async (t) => {
    const url = await delayed(t, (ms) => 100 - (ms % 1000));
    // One connection: everything behind the stalled request waits, and the wait must count.
    const result = await quick(20_000, (rate) => ({ ...options(url), rate, connections: 1 }));
    t.strictSame(result.invalid, []);
    t.comment(`latency ${JSON.stringify(result.latencyUs)}`);
    t.ok(result.latencyUs.min < 20_000, `min ${result.latencyUs.min}`);
    t.ok(result.latencyUs.p99 > 60_000, `p99 ${result.latencyUs.p99}`);
    t.ok(result.serviceUs.mean < result.latencyUs.mean, `service mean ${result.serviceUs.mean}`);
  },
);

t.test('a generator that was late beyond the bound makes the run invalid, with the reason', async (t) => {
  const run = generateLoad({ ...options(await delayed(t, () => 0)), durationS: 0.5, maxLatenessP99Us: 1000 });
  const busy = setInterval(() => {
    // What a starved generator is like: its thread does not get to run for 60 ms in every 120.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
  }, 60);
  const result = await run;
  clearInterval(busy);
  t.equal(result.valid, false);
  t.match(result.invalid, [/the generator was late/]);
});
