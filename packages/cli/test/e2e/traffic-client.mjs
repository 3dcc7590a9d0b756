// A program that knows nothing of any mesh: many keep-alive connections, each with one request after the other, of every method and
// framing, each body compared by its hash. Told as JSON in the first argument, its result as JSON on standard output.
//   {"url","connections","requests","large":{"count","minBytes","maxBytes"}}
import { createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';

const { url, connections, requests, large } = JSON.parse(process.argv[2]);
const proxy = process.env.http_proxy === undefined ? undefined : new URL(process.env.http_proxy);
const target = new URL(url);
// Bodies are pieces of one block: to make hundreds of megabytes of random bytes would be the slowest part of the test.
const block = randomBytes(large.maxBytes);
const sockets = new Set();
const failures = [];
const result = { answered: 0, bytesSent: 0, bytesReceived: 0, gets: 0, lengths: 0, chunked: 0, large: 0 };
const largeEvery = Math.floor(requests / large.count);

/** Length of the body of a request: mostly small, from nothing on, each so many a large one. */
function bodyLength(number) {
  if (number % largeEvery === largeEvery - 1) {
    result.large++;
    const steps = Math.max(1, large.count - 1);
    return Math.round(large.minBytes + ((large.maxBytes - large.minBytes) * Math.floor(number / largeEvery)) / steps);
  }
  return (number * 7919) % 3 === 0 ? (number * 31) % 64 : (number * 7919) % 16_384;
}

function ask(agent, number) {
  const kind = number % largeEvery === largeEvery - 1 ? 1 + (Math.floor(number / largeEvery) % 2) : number % 3;
  // A large body of known length is answered with its hash when it is whole: to an answer that begins earlier a sidecar adds `connection: close`,
  // since it cannot know whether the server will read the rest.
  const isHashed = kind === 1 && number % largeEvery === largeEvery - 1;
  const path = `/${['get', isHashed ? 'hash' : 'echo', 'echo'][kind]}?number=${number}`;
  const from = (number * 104_729) % block.length;
  const length = kind === 0 ? 0 : Math.min(bodyLength(number), block.length);
  const body = Buffer.concat([
    block.subarray(from, from + length),
    block.subarray(0, Math.max(0, from + length - block.length)),
  ]);
  const headers = { host: target.host };
  if (kind === 1) headers['content-length'] = String(body.length);
  return new Promise((resolve) => {
    const fail = (why) => {
      failures.push(`request ${number} (${path}, ${body.length} bytes): ${why}`);
      resolve();
    };
    const outgoing = request(
      {
        agent,
        host: proxy?.hostname ?? target.hostname,
        port: proxy?.port ?? (target.port || 80),
        method: kind === 0 ? 'GET' : 'POST',
        path,
        headers,
        timeout: 60_000,
      },
      (response) => {
        const hash = createHash('sha256');
        let received = 0;
        let text = '';
        response.on('data', (chunk) => {
          hash.update(chunk);
          received += chunk.length;
          if (kind === 0 || isHashed) text += chunk;
        });
        response.on('error', (error) => fail(error.message));
        response.on('end', () => {
          result.bytesReceived += received;
          if (response.statusCode !== 200)
            return fail(`status ${response.statusCode} ${response.headers['x-tulle-reason'] ?? ''}`);
          if (kind === 0 && !text.endsWith(`GET ${path}\n`)) return fail(`the answer is of another request: ${text}`);
          const expected = createHash('sha256').update(body).digest('hex');
          const actual = isHashed ? JSON.parse(text).sha256 : hash.digest('hex');
          if (kind !== 0 && actual !== expected) return fail(`wrong body, ${received} bytes came back`);
          result.answered++;
          result[['gets', 'lengths', 'chunked'][kind]]++;
          resolve();
        });
      },
    );
    outgoing.on('socket', (socket) => sockets.add(socket));
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', (error) => fail(error.code ?? error.message));
    result.bytesSent += body.length;
    if (kind !== 2) return outgoing.end(body);
    // In chunks of odd sizes.
    const half = Math.floor(body.length / 3);
    if (half > 0) outgoing.write(body.subarray(0, half));
    outgoing.end(body.subarray(half));
  });
}

let next = 0;
const startedAt = performance.now();
await Promise.all(
  Array.from({ length: connections }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let number = next++; number < requests; number = next++) await ask(agent, number);
    agent.destroy();
  }),
);
const seconds = (performance.now() - startedAt) / 1000;
process.stdout.write(
  `${JSON.stringify({ ...result, connections: sockets.size, failed: failures.length, failures: failures.slice(0, 10), seconds })}\n`,
);
