// The metrics of a proxy that has done everything there is a series for, read by a strict reader.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  ask,
  cluster,
  config,
  exchangeBytes,
  freePort,
  httpServer,
  onEveryEngine,
  start,
  toCluster,
} from '../proxy/fixture.js';
import { type Family, lint, readExposition } from './exposition.js';

onEveryEngine(t, 'every series keeps the rules of names, and says what it says', async (t, engine) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-filter-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const module = join(folder, 'filter.cjs');
  writeFileSync(module, 'exports.onRequest = (request) => { if (request.path === "/bad") throw new Error("x"); };');
  let reached: (answer: () => void) => void = () => {};
  const asked = new Promise<() => void>((resolve) => {
    reached = resolve;
  });
  const upstream = await httpServer(t, (request, response) => {
    if (request.url === '/wait') reached(() => response.end('late'));
    else response.writeHead(request.url === '/fails' ? 500 : 200).end('ok');
  });
  const hostile = 'a"b\\c\nd';
  const clusters = [
    cluster(hostile, [upstream], { circuitBreaker: { maxConnections: 3, maxRequests: 7 } }),
    cluster('dead', [await freePort()]),
  ];
  const routes = [
    { ...toCluster('dead'), name: 'dead', match: { path: { kind: 'prefix', value: '/dead' } } } as const,
    toCluster(hostile),
  ];
  const it = config({ clusters, routes, chain: { http: { routes: 'table', filters: ['f'] } } });
  const { port, proxy, logged } = await start(t, engine, { ...it, filters: [{ name: 'f', module }] });
  for (const path of ['/', '/fails', '/dead', '/bad']) await ask({ port, path });
  await exchangeBytes(port, 'no request\r\n\r\n');
  await logged(5);
  const waiting = ask({ port, path: '/wait' });
  const families = (): Family[] => readExposition(proxy.metrics());
  const value = (name: string, labels: Record<string, string>): number | undefined =>
    families()
      .flatMap(({ samples }) => samples)
      .find(
        (sample) => sample.name === name && Object.entries(labels).every(([key, each]) => sample.labels[key] === each),
      )?.value;
  const answer = await asked;
  t.equal(value('tulle_upstream_active_requests', { cluster: hostile }), 1);
  t.equal(value('tulle_upstream_connections', { cluster: hostile }), 1);
  t.equal(value('tulle_upstream_pending_requests', { cluster: hostile }), 0);
  t.equal(value('tulle_circuit_breaker_limit', { cluster: hostile, limit: 'connections' }), 3);
  t.equal(value('tulle_circuit_breaker_limit', { cluster: hostile, limit: 'requests' }), 7);
  answer();
  await waiting;
  await logged(6);
  t.equal(value('tulle_upstream_active_requests', { cluster: hostile }), 0);
  t.same(lint(families()), []);
  t.equal(value('tulle_requests_total', { cluster: hostile, status: '500' }), 1 + 0);
  t.equal(value('tulle_failures_total', { reason: 'filter-failed' }), 1);
  t.equal(value('tulle_failures_total', { reason: 'bad-request' }), 1);
  t.equal(value('tulle_failures_total', { reason: 'upstream-connect-failed' }), 1);
  t.equal(value('tulle_build_info', { engine, node: process.versions.node }), 1);
  t.ok((value('process_resident_memory_bytes', {}) ?? 0) > 1e6);
  t.ok(Math.abs((value('process_start_time_seconds', {}) ?? 0) * 1000 - performance.timeOrigin) < 1_000);
  t.ok((value('process_cpu_seconds_total', {}) ?? 0) > 0);
});

void t.test('the reader takes nothing that is not the format', async (t) => {
  const good = '# HELP a_total A.\n# TYPE a_total counter\na_total{x="y"} 1\n';
  t.same(lint(readExposition(good)), []);
  for (const bad of [
    good.slice(0, -1),
    good.replace('# HELP a_total A.\n', ''),
    good.replace('counter', 'number'),
    good.replace('"y"', '"y'),
    good.replace('"y"', '"\\y"'),
    good.replace('} 1', '} one'),
    good.replace('a_total{', 'b_total{'),
    good + good,
  ])
    t.throws(() => readExposition(bad), JSON.stringify(bad));
  for (const named of ['a_ms_total', 'aB_total', 'a_count_total']) {
    t.equal(lint(readExposition(good.replaceAll('a_total', named))).length, 1, named);
  }
  t.equal(lint(readExposition(good.replace('counter', 'gauge'))).length, 1);
  t.equal(lint(readExposition(good.replace('a_total{x="y"} 1\n', 'a_total{x="y"} 1\na_total{x="y"} 2\n'))).length, 1);
});

onEveryEngine(t, 'hosts, paths and agents that never come again leave no series behind', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end());
  const { port, proxy, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const request = (i: number): string => `GET /${i}?${i} HTTP/1.1\r\nhost: host-${i}\r\nuser-agent: ${i}\r\n\r\n`;
  const socket = net.connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.resume();
  socket.write(request(0));
  await logged(1);
  const before = proxy.metrics().split('\n').length;
  socket.write(Array.from({ length: 500 }, (_, i) => request(i + 1)).join(''));
  await logged(501);
  t.equal(proxy.metrics().split('\n').length, before);
});
