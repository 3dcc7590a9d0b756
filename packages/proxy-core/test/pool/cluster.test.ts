import t from 'tap';
import type { SocketAddress } from '../../src/address.js';
import type { ClusterConfig, EndpointConfig } from '../../src/config/config.js';
import { noHash } from '../../src/message/hash.js';
import { breakerCounts } from '../../src/pool/breaker.js';
import type { Pool } from '../../src/pool/pool.js';
import { createTimerWheel } from '../../src/time/hashed-wheel.js';
import { Cluster, type EndpointFactory } from '../../src/upstream/cluster.js';
import { Endpoint } from '../../src/upstream/endpoint.js';

class FakePool {
  isRetired = false;
  isEmpty = true;
  retire(): void {
    this.isRetired = true;
  }
}

let nowMs = 1_000;
const timers = createTimerWheel(() => nowMs);
const told: string[] = [];

const factory: EndpointFactory = {
  timers,
  observer: {
    ejected: (_cluster, cause) => told.push(`ejected ${cause}`),
    restored: () => told.push('restored'),
    panicked: () => told.push('panicked'),
    load: () => new Float64Array(breakerCounts.length),
    overflowed: (_cluster, limit) => told.push(`overflowed ${limit}`),
  },
  tls: () => ({ settings: undefined, key: 'plain' }),
  make: (_cluster: Cluster, address: SocketAddress, _settings: unknown, weight: number) =>
    new Endpoint(address, undefined, weight, () => new FakePool() as unknown as Pool),
};

function endpoint(port: number, weight = 1): EndpointConfig {
  return { address: { host: '10.0.0.1', port }, weight, tls: false };
}

function config(endpoints: ClusterConfig['endpoints'], balancer: ClusterConfig['balancer'] = 'p2c'): ClusterConfig {
  return { name: 'it', endpoints, balancer, connectTimeoutMs: 1_000 };
}

const destination = { host: '10.9.9.9', port: 9 };

function ports(cluster: Cluster, picks = 100): number[] {
  let seed = 0;
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const chosen = Array.from(
    { length: picks },
    () => cluster.pick(destination, [], 1_000, random, noHash)?.address.port ?? 0,
  );
  return [...new Set(chosen)].sort();
}

for (const balancer of ['p2c', 'round-robin', 'least-request', 'ring-hash', 'maglev'] as const) {
  void t.test(`${balancer}: an endpoint of weight 0 is known and never chosen`, async (t) => {
    const cluster = new Cluster(config([endpoint(1), endpoint(2, 0), endpoint(3)], balancer), factory);
    t.same(ports(cluster), [1, 3]);
    t.equal(cluster.known.length, 3);
    const [, drained] = cluster.known;
    t.notOk((drained.pool as unknown as FakePool).isRetired, 'what is open on it stays');
    cluster.apply(config([endpoint(2, 0)], balancer));
    t.same(ports(cluster), [0], 'there is none to choose');
    cluster.apply(config([endpoint(2, 5)], balancer));
    t.same(ports(cluster), [2]);
    t.equal(cluster.known[0], drained, 'it is the same endpoint all the time');
  });
}

void t.test('endpoints that stay keep their figures, those that go are retired', async (t) => {
  const cluster = new Cluster(config([endpoint(1), endpoint(2)]), factory);
  const [kept, gone] = cluster.known;
  kept.active = 3;
  cluster.apply(config([endpoint(3), endpoint(1, 7)]));
  t.equal(cluster.known[1], kept);
  t.same([kept.active, kept.weight], [3, 7]);
  t.ok((gone.pool as unknown as FakePool).isRetired);
});

void t.test('an original cluster makes endpoints of destinations, and has one for each', async (t) => {
  const cluster = new Cluster(config('original'), factory);
  const first = cluster.pick(destination, [], 0, Math.random, noHash);
  t.equal(cluster.pick(destination, [], 0, Math.random, noHash), first);
  t.ok(cluster.hasUntried([]));
  t.notOk(cluster.hasUntried([first!]), 'whatever other destinations there are');
});

void t.test('a cluster that changes between a list and original retires what it leaves behind', async (t) => {
  const cluster = new Cluster(config([endpoint(1)]), factory);
  const [listed] = cluster.known;
  cluster.apply(config('original'));
  t.ok((listed.pool as unknown as FakePool).isRetired);
  const original = cluster.pick(destination, [], 0, Math.random, noHash)!;
  cluster.apply(config([endpoint(1)]));
  t.ok((original.pool as unknown as FakePool).isRetired);
  t.same(ports(cluster), [1]);
});

void t.test('past the bound, destinations with nothing open are forgotten', async (t) => {
  const cluster = new Cluster(config('original'), factory);
  const at = (port: number): Endpoint => cluster.pick({ host: '10.0.0.1', port }, [], 0, Math.random, noHash)!;
  const busy = at(1);
  busy.active = 1;
  for (let port = 2; port <= 4_097; port++) at(port);
  const known = cluster.known.map(({ address }) => address.port);
  t.equal(known.length, 3_585);
  t.same([known[0], known[1], known.at(-1)], [1, 514, 4_097], 'the busy one and the youngest');
  t.equal(at(1), busy);
});

void t.test('an endpoint that keeps failing is out until a sweep finds its time over', async (t) => {
  told.length = 0;
  const cluster = new Cluster(
    { ...config([endpoint(1), endpoint(2)]), outlierDetection: { maxEjectionPercent: 50, consecutive5xx: 2 } },
    factory,
  );
  const [bad] = cluster.known;
  for (let i = 0; i < 2; i++) cluster.answered(bad, 500, 1, nowMs);
  t.same(told, ['ejected 5xx']);
  t.same(ports(cluster), [2]);
  for (let i = 0; i < 3; i++) {
    t.ok(bad.ejected, `after ${10 * i} s`);
    nowMs += 10_100;
    timers.advance(nowMs);
  }
  t.same(told, ['ejected 5xx', 'restored']);
  t.same(ports(cluster), [1, 2]);
  cluster.retire();
  nowMs += 1e6;
  timers.advance(nowMs);
});

void t.test('with less than the panic threshold in service, all are used and it is told', async (t) => {
  told.length = 0;
  const cluster = new Cluster(
    { ...config([endpoint(1), endpoint(2)]), outlierDetection: { maxEjectionPercent: 100, consecutive5xx: 1 } },
    factory,
  );
  const [first, second] = cluster.known;
  cluster.answered(first, 500, 1, nowMs);
  t.same(ports(cluster, 20), [2], 'half is enough');
  cluster.answered(second, 500, 1, nowMs);
  t.ok(cluster.isPanicking);
  t.same(ports(cluster, 20), [1, 2]);
  t.same(new Set(told), new Set(['ejected 5xx', 'panicked']));
  cluster.apply(config([endpoint(1), endpoint(2)]));
  t.same([first.ejected, second.ejected, cluster.isPanicking], [false, false, false], 'no detection, no ejection');
});
