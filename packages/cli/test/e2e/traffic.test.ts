/** Ten thousand requests of every kind over a hundred connections, through the whole line: every body right, none lost, none twice. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type LogLine, type Mesh, type Provider, repository, startMesh } from './mesh.js';
import { noNamespaces } from './possible.js';

t.setTimeout(480_000);

const requests = 10_000;
const connections = 100;
/** 40 bodies of 1 to 10 MB, some 220 MB each way. */
const large = { count: 40, minBytes: 1_000_000, maxBytes: 10_000_000 };

interface Result {
  answered: number;
  bytesSent: number;
  bytesReceived: number;
  gets: number;
  lengths: number;
  chunked: number;
  large: number;
  connections: number;
  failed: number;
  failures: string[];
  seconds: number;
}

async function everyRequestOnce(t: Test, mesh: Mesh): Promise<void> {
  const order = { url: 'http://server', connections, requests, large };
  const client = join(repository, 'packages/cli/test/e2e/traffic-client.mjs');
  const { stdout, stderr } = await mesh.run('client', [process.execPath, client, JSON.stringify(order)]);
  const result = JSON.parse(stdout || `{"failures":[${JSON.stringify(stderr)}]}`) as Result;
  t.same(result.failures, [], 'no request failed and every body had the right hash');
  t.equal(result.answered, requests, 'every request was answered');
  t.equal(result.large, large.count);
  t.ok(result.gets > 3000 && result.lengths > 3000 && result.chunked > 3000, 'of every kind', { ...result });
  t.equal(result.connections, connections, 'the client kept its connections');
  t.comment(
    `${requests} requests, ${result.bytesSent} bytes there and ${result.bytesReceived} back, in ${result.seconds.toFixed(1)} s`,
  );

  const isOne = ({ path }: LogLine): boolean => path.includes('?number=');
  const servers = ['server-v1', 'server-v2'];
  await mesh.until(async () => {
    const lines = await Promise.all(servers.map((pod) => mesh.log(pod)));
    return lines.flat().filter(isOne).length >= requests;
  });
  const arrived = (await Promise.all(servers.map((pod) => mesh.log(pod)))).flat().filter(isOne);
  t.equal(arrived.length, requests, 'the sidecars of the servers logged as many, so none arrived twice');
  t.equal(new Set(arrived.map(({ path }) => path)).size, requests, 'each of them once');
  t.ok(
    arrived.every(({ tls, peer }) => tls && peer.endsWith('/sa/client')),
    'all over mutual TLS from the client',
  );
  const left = (await mesh.logWith('client', (lines) => lines.filter(isOne).length >= requests)).filter(isOne);
  t.equal(left.length, requests, 'and the sidecar of the client as many');
  t.equal(left.filter(({ attempts }) => attempts !== 1).length, 0, 'none was tried again');
}

for (const [provider, skip] of [
  ['netns', await noNamespaces()],
  ['process', false],
] as [Provider, string | false][]) {
  t.test(`ten thousand requests over a hundred connections (${provider})`, { skip }, async (t) => {
    await everyRequestOnce(t, await startMesh(t, `traffic-${provider}`, { provider }));
  });
}
