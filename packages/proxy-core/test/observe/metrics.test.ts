import t from 'tap';
import { jsonLines } from '../../src/observe/access-log.js';
import { ClusterMeter } from '../../src/observe/cluster-series.js';

import { MeteringObserver, maxClusterSeries } from '../../src/observe/observer.js';
import { renderPrometheus } from '../../src/observe/prometheus.js';
import type { ExchangeRecord, RejectionRecord } from '../../src/observe/record.js';
import { latencyBuckets, Registry, type SeriesDefinition } from '../../src/observe/registry.js';
import { Breaker } from '../../src/pool/breaker.js';
import { headOf } from '../route/head-of.js';

const shared = headOf('/');

interface Scene {
  readonly registry: Registry;
  readonly definitions: SeriesDefinition[];
  text(): string;
}

function scene(slots?: number): Scene {
  const definitions: SeriesDefinition[] = [];
  const registry = new Registry((definition) => definitions.push(definition), slots);
  const values = new Float64Array(registry.memory);
  return { registry, definitions, text: () => renderPrometheus([{ definitions, values }]) };
}

void t.test('Prometheus text: help and type once a family, cumulative buckets, escaped labels', async (t) => {
  const { registry, text } = scene();
  registry.add(registry.counter('c_total', 'Counted.', { name: 'a"b\\c\nd' }), 2);
  registry.add(registry.counter('c_total', 'Counted.', { name: 'other one' }), 1);
  const slot = registry.histogram('h_seconds', 'Measured.', { x: 'y' });
  registry.observe(slot, 0.0001);
  registry.observe(slot, 0.0002);
  registry.observe(slot, 99);
  registry.add(registry.gauge('g', 'Now.', {}), -1);
  const lines = text().split('\n');
  t.same(lines.slice(0, 4), [
    '# HELP c_total Counted.',
    '# TYPE c_total counter',
    'c_total{name="a\\"b\\\\c\\nd"} 2',
    'c_total{name="other one"} 1',
  ]);
  t.ok(lines.includes('h_seconds_bucket{x="y",le="0.0001"} 1'), 'a bound is inclusive');
  t.ok(lines.includes('h_seconds_bucket{x="y",le="10"} 2'));
  t.ok(lines.includes('h_seconds_bucket{x="y",le="+Inf"} 3'));
  t.ok(lines.includes('h_seconds_count{x="y"} 3'));
  t.match(text(), /h_seconds_sum\{x="y"\} 99\.0003/);
  t.ok(lines.includes('g -1'));
  t.ok(text().endsWith('\n'));
});

void t.test('series of several threads are added up', async (t) => {
  const [one, two] = [scene(), scene()];
  one.registry.add(one.registry.counter('c', 'C.', { x: '1' }), 1);
  two.registry.counter('before', 'Shifts the slots.', {});
  two.registry.add(two.registry.counter('c', 'C.', { x: '1' }), 2);
  const threads = [one, two].map(({ registry, definitions }) => ({
    definitions,
    values: new Float64Array(registry.memory),
  }));
  t.match(renderPrometheus(threads), /^c\{x="1"\} 3$/m);
});

void t.test('past the room for series, new label sets share one and nothing is lost', async (t) => {
  const { registry, definitions, text } = scene(2_048);
  for (let i = 0; i < 5_000; i++) {
    registry.add(registry.counter('c_total', 'C.', { name: String(i), more: 'x' }), 1);
    registry.observe(registry.histogram('h', 'H.', { name: String(i) }), 0.5);
  }
  t.ok(definitions.length < 200);
  const total = [...text().matchAll(/^c_total\{.*\} (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
  t.equal(total, 5_000);
  t.match(text(), /^c_total\{name="other",more="other"\} \d+$/m);
  t.match(text(), /^h_count\{name="other"\} \d+$/m);
});

void t.test('lines wait for the flush, a full buffer is written early, dropped lines are counted', async (t) => {
  const { registry, text } = scene();
  const clock = { nowMs: () => 1, turnMs: () => 1, wallMs: () => 1 };
  const batches: number[] = [];
  let takes = true;
  const observer = new MeteringObserver(
    registry,
    clock,
    () => jsonLines,
    () => ({
      write(lines) {
        const count = Buffer.from(lines).toString().split('\n').length - 1;
        batches.push(count);
        return takes ? 0 : count;
      },
    }),
  );
  const address = { host: '10.0.0.1', port: 1 };
  const rejection: RejectionRecord = {
    remote: address,
    destination: address,
    isTls: false,
    isHttp: true,
    method: '',
    target: '',
    reason: 'bad-request',
    detail: 'x'.repeat(3_000),
    status: 400,
  };
  observer.flush();
  observer.rejected('inbound', rejection);
  t.same(batches, []);
  observer.flush();
  observer.flush();
  t.same(batches, [1]);
  takes = false;
  for (let i = 0; i < 40; i++) observer.rejected('inbound', rejection);
  observer.flush();
  t.equal(
    batches.reduce((sum, one) => sum + one),
    41,
    'each line once',
  );
  t.match(text(), /^tulle_access_log_dropped_total 40$/m);
  t.match(text(), /^tulle_failures_total\{direction="inbound",reason="bad-request"\} 41$/m);
});

void t.test('past the room for series the direction is still told', async (t) => {
  const { registry, text } = scene(2_048);
  for (let i = 0; i < 5_000; i++) {
    registry.add(
      registry.counter('c_total', 'C.', { direction: i % 2 === 0 ? 'inbound' : 'outbound', name: String(i) }),
      1,
    );
  }
  t.match(text(), /^c_total\{direction="inbound",name="other"\} \d+$/m);
  t.match(text(), /^c_total\{direction="outbound",name="other"\} \d+$/m);
});

void t.test('clusters that come and go do not make the series grow for ever', async (t) => {
  const { registry, definitions, text } = scene();
  const clock = { nowMs: () => 1, turnMs: () => 1, wallMs: () => 1 };
  const observer = new MeteringObserver(
    registry,
    clock,
    () => undefined,
    () => ({ write: () => 0 }),
  );
  const downstream = { bodyBytesReceived: 0, bodyBytesSent: 0 };
  for (let i = 0; i < maxClusterSeries + 500; i++) {
    const record = { startMs: 0, clusterName: `c${i}`, status: 200, attempts: 1, reason: '', downstream };
    observer.exchange('outbound', record as unknown as ExchangeRecord, 1);
  }
  const retries = definitions.filter(({ name }) => name === 'tulle_retries_total');
  t.equal(retries.length, maxClusterSeries + 1);
  t.match(text(), /^tulle_requests_total\{direction="outbound",cluster="other",status="200"\} 500$/m);
});

void t.test('what happens to a cluster is counted under its name, of which there are so many', async (t) => {
  const { registry, text } = scene();
  const meter = new ClusterMeter(registry, 2);
  meter.ejected('a', '5xx');
  meter.ejected('a', 'gateway-failure');
  meter.restored('a');
  meter.panicked('b');
  meter.overflowed('c', 'retries');
  meter.overflowed('d', 'retries');
  const lines = text().split('\n');
  for (const line of [
    'tulle_ejections_total{cluster="a",cause="5xx"} 1',
    'tulle_ejections_total{cluster="a",cause="gateway-failure"} 1',
    'tulle_ejected_endpoints{cluster="a"} 1',
    'tulle_panic_picks_total{cluster="b"} 1',
    'tulle_overflows_total{cluster="other",limit="retries"} 2',
  ])
    t.ok(lines.includes(line), line);
});

void t.test(
  'a hundred thousand hosts, paths, routes and peers define no series, and the memory is what it was',
  async (t) => {
    const { registry, definitions, text } = scene();
    const observer = new MeteringObserver(
      registry,
      { nowMs: () => 1, wallMs: () => 1, turnMs: () => 1 } as never,
      () => jsonLines,
      () => ({ write: () => 0 }),
    );
    const bytes = registry.memory.byteLength;
    const address = { host: '10.0.0.1', port: 1 };
    const downstream = { remote: address, isTls: false, protocol: 'http/1.1', bodyBytesReceived: 0, bodyBytesSent: 0 };
    let most = 0;
    for (let i = 0; i < 100_000; i++) {
      const head = i % 1_000 === 0 ? headOf(`/${i}?${i}`, [`host: h${i}.test`, `user-agent: ${i}`]) : shared;
      const names = { route: `r${i}`, policy: `p${i}`, peerUri: `spiffe://x/${i}`, upstreamUri: '', detail: `d${i}` };
      const record = {
        ...names,
        startMs: 0,
        clusterName: 'c',
        status: 200,
        attempts: 1,
        reason: '',
        downstream,
        head,
        upstreamMs: 1,
      };
      const facts = { requestId: shared.bytes, destination: address, upstreamAddress: address };
      observer.exchange('outbound', { ...record, ...facts } as unknown as ExchangeRecord, 1);
      if (i === 0) most = definitions.length;
      if (i % 100 === 0) observer.flush();
    }
    t.equal(definitions.length, most);
    t.equal(registry.memory.byteLength, bytes);
    t.match(text(), /^tulle_requests_total\{direction="outbound",cluster="c",status="200"\} 100000$/m);
  },
);

void t.test(
  "a breaker's counts are the metrics, for as many clusters as have series; others count for themselves",
  async (t) => {
    const { registry, text } = scene();
    const meter = new ClusterMeter(registry, 1);
    const first = new Breaker(undefined, meter.load('first'));
    first.connections += 2;
    first.requests++;
    const [second, third] = [new Breaker(undefined, meter.load('second')), new Breaker(undefined, meter.load('third'))];
    second.connections = 5;
    t.equal(third.connections, 0);
    t.equal(second.maxConnections, first.maxConnections);
    const lines = text().split('\n');
    for (const line of [
      'tulle_upstream_connections{cluster="first"} 2',
      'tulle_upstream_pending_requests{cluster="first"} 0',
      'tulle_upstream_active_requests{cluster="first"} 1',
      'tulle_circuit_breaker_limit{cluster="first",limit="pending"} 1024',
    ])
      t.ok(lines.includes(line), line);
    t.notMatch(text(), /second|third|other/);
    const again = new Breaker(undefined, meter.load('first'));
    t.equal(again.connections, 2, 'a cluster that comes again under its name goes on where it was');
  },
);

void t.test('the last clusters with series of their own have all of them, those behind none', async (t) => {
  // From the first size that leaves room for something to one that leaves it for two clusters.
  const spare = 64 * (latencyBuckets.length + 2);
  for (let room = 0; room < 16; room++) {
    const { registry } = scene(spare + room);
    const meter = new ClusterMeter(registry, 1_024);
    const loads = [meter.load('one'), meter.load('two')];
    for (const load of loads) load.fill(5);
    for (let i = 0; i < 9; i++) registry.add(registry.counter('c', 'C.', { i: String(i) }), 1);
    for (const load of loads) t.same([...load], new Array(7).fill(5), `room for ${room}`);
  }
});
