/** What bounds an exchange: the retry budget and back-off, the limits of the circuit breaker, silence. */
import t, { type Test } from 'tap';
import type { CircuitBreakerConfig, ClusterConfig, ProxyConfig, RetryConfig } from '../../src/config/config.js';
import { cluster, config, toCluster } from '../proxy/fixture.js';
import { get, ok, type Peer, post, Stage } from './stage.js';

const repeatable: RetryConfig = { attempts: 2, on: ['reset', '5xx'], anyMethod: true };

function proxied(more: Partial<ClusterConfig>, action: object = {}, ports = [8080]): ProxyConfig {
  const route = toCluster('up');
  return config({
    port: 80,
    clusters: [cluster('up', ports, { balancer: 'round-robin', ...more })],
    routes: [{ ...route, action: { ...route.action, ...action } as typeof route.action }],
  });
}

const resetting = (peer: Peer): void => {
  peer.onText = () => peer.reset();
};
const answering = (peer: Peer): void => {
  peer.onText = () => peer.send(ok);
};

function breakerOf({ plane }: Stage): { retries: number; retryLimit: number; connections: number } {
  return [...plane.clusters()][0].breaker;
}

function ends(t: Test, stage: Stage, clients: readonly Peer[]): void {
  for (const client of clients) client.connection.destroy(true);
  stage.isQuiet(t);
  t.equal(breakerOf(stage).retries, 0, 'the budget is whole again');
  stage.closes(t);
}

void t.test(
  'a request that meets closed connections one after the other is sent again, whatever the route says',
  async (t) => {
    const never: RetryConfig = { attempts: 0, on: [] };
    const stage = new Stage(proxied({ circuitBreaker: { maxRetries: 0 } }, { retry: never }));
    const upstream = stage.server(8080);
    const clients = Array.from({ length: 5 }, () => stage.client(get));
    for (const server of upstream) {
      server.send(ok);
      server.onText = () => server.send(ok);
    }
    stage.settle();
    t.equal(upstream.length, 5, 'five connections are kept');
    const last = stage.client();
    last.send(post('body'));
    // The proxy hears of the request first, and of each end only when it has tried that connection.
    for (const server of upstream) server.reset();
    stage.settle();
    const fresh = upstream[5];
    t.match(fresh.received, /^POST [\s\S]*body$/, 'a new connection');
    fresh.send(ok);
    stage.settle();
    t.match(last.received, /^HTTP\/1\.1 200 /);
    const [up] = [...stage.plane.clusters()];
    t.equal(up.known[0].avoidUntilMs, 0, 'the endpoint is not to blame');
    ends(t, stage, [...clients, last]);
  },
);

void t.test('what never arrived goes elsewhere at once, and needs no budget', async (t) => {
  const stage = new Stage(proxied({ circuitBreaker: { maxRetries: 0 } }, {}, [8080, 8081, 8082]));
  stage.server(8082, answering);
  const clients = Array.from({ length: 9 }, () => stage.client(post('body')));
  for (const client of clients) t.match(client.received, /^HTTP\/1\.1 200 /);
  t.same(stage.notes.upstream.told, []);
  ends(t, stage, clients);
});

void t.test('what goes to the same endpoint again waits, and takes from the budget', async (t) => {
  const stage = new Stage(proxied({ circuitBreaker: { maxRetries: 1 } }));
  const clients = [stage.client(get), stage.client(get)];
  t.equal(clients[0].received, '', 'it waits');
  t.match(clients[1].received, /^HTTP\/1\.1 503 [\s\S]*upstream-connect-failed/, 'no budget is left');
  t.same(stage.notes.upstream.told, ['up overflowed retries']);
  stage.server(8080, answering);
  stage.advance(50);
  t.match(clients[0].received, /^HTTP\/1\.1 200 /);
  ends(t, stage, clients);
});

void t.test('the budget is a part of what is under way, and never less than its least', async (t) => {
  for (const [retryBudget, allowed] of [
    [{ budgetPercent: 20, minRetryConcurrency: 0 }, 2],
    [{ budgetPercent: 20, minRetryConcurrency: 4 }, 4],
    [{ budgetPercent: 100, minRetryConcurrency: 0 }, 10],
    [undefined, 3],
  ] as const) {
    const stage = new Stage(proxied({ circuitBreaker: { retryBudget } }, { retry: repeatable }));
    const upstream = stage.server(8080);
    const clients = Array.from({ length: 10 }, () => stage.client(get));
    for (const server of [...upstream]) server.reset();
    stage.settle();
    const { retries } = breakerOf(stage);
    // Each that is refused ends, and leaves the others a smaller part.
    t.ok(retries <= allowed && retries >= Math.min(allowed, retryBudget?.minRetryConcurrency ?? 1), `${retries}`);
    t.equal(stage.notes.upstream.told.length, 10 - retries);
    t.equal(stage.lines.length, 10 - retries, 'those are answered at once');
    ends(t, stage, clients);
  }
});

void t.test('a bad answer that may not be repeated any more is the answer', async (t) => {
  const busy = 'HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy';
  const stage = new Stage(proxied({ circuitBreaker: { maxRetries: 0 } }, { retry: repeatable }));
  stage.server(8080, (peer) => {
    peer.onText = () => peer.send(busy);
  });
  const client = stage.client(get);
  t.match(client.received, /^HTTP\/1\.1 503 Busy[\s\S]*busy$/);
  t.match(stage.lines, [{ status: 503, reason: '', attempts: 1 }]);
  ends(t, stage, [client]);
});

void t.test('waits grow and differ, and end with the exchange', async (t) => {
  const backOff = { baseIntervalMs: 1_000 };
  for (const [how, action, reason] of [
    ['timeout', { timeoutMs: 300 }, 'request-timeout'],
    ['client', {}, 'downstream-closed'],
    ['proxy', {}, ''],
  ] as const) {
    const stage = new Stage(proxied({}, { ...action, retry: { ...repeatable, backOff } }));
    const upstream = stage.server(8080, resetting);
    const client = stage.client(get);
    t.equal(upstream.length, 1);
    t.equal(breakerOf(stage).retries, 1);
    stage.advance(how === 'timeout' ? 350 : 1);
    if (how === 'client') client.connection.destroy(true);
    stage.settle();
    if (how !== 'proxy') t.match(stage.lines, [{ reason, attempts: 1 }]);
    ends(t, stage, [client]);
    t.equal(upstream.length, 1, 'nothing is sent later');
  }
  const stage = new Stage(proxied({}, { retry: { ...repeatable, backOff } }));
  const upstream = stage.server(8080, resetting);
  const client = stage.client(get);
  const times = [0];
  for (let ms = 10; ms < 5_000; ms += 10) {
    stage.advance(10);
    if (upstream.length > times.length) times.push(ms);
  }
  const waits = times.slice(1).map((time, i) => time - times[i]);
  t.equal(waits.length, 2);
  t.ok(waits[0] > 10 && waits[0] <= 1_020 && waits[1] > 10 && waits[1] <= 3_020, `${waits}`);
  ends(t, stage, [client]);
});

void t.test('each limit of the circuit breaker at its edge', async (t) => {
  const cases: [limits: CircuitBreakerConfig, served: number, told: string[]][] = [
    [{ maxRequests: 2 }, 2, ['up overflowed requests']],
    // One connection is busy, the second request waits for it, and no third may.
    [{ maxConnections: 1, maxPendingRequests: 1 }, 2, ['up overflowed connections', 'up overflowed pending']],
    [{ maxConnections: 2, maxPendingRequests: 0 }, 0, new Array<string>(3).fill('up overflowed pending')],
    [{ maxConnections: 3, maxPendingRequests: 1, maxRequests: 3 }, 3, []],
  ];
  for (const [circuitBreaker, served, told] of cases) {
    const stage = new Stage(proxied({ circuitBreaker }));
    const upstream = stage.server(8080);
    const clients = [get, get, get].map((text) => stage.client(text));
    t.same(stage.notes.upstream.told, told);
    for (const client of clients.slice(served)) t.match(client.received, /^HTTP\/1\.1 503 [\s\S]*upstream-overflow/);
    for (let i = 0; i < served; i++) {
      for (const server of upstream) if (server.received.split('GET / ').length - 1 > i) server.send(ok);
      stage.settle();
    }
    for (const client of clients.slice(0, served)) t.match(client.received, /^HTTP\/1\.1 200 /);
    const again = stage.client(get);
    if (served > 0) t.equal(again.received, '', 'there is room again');
    ends(t, stage, [...clients, again]);
  }
});

void t.test('opaque connections are bounded where that is asked for', async (t) => {
  const tcp = config({
    port: 80,
    clusters: [cluster('up', [8080], { circuitBreaker: { maxConnections: 2 } })],
    chain: { protocol: 'tcp' },
  });
  const stage = new Stage(tcp);
  stage.server(8080, (peer) => peer.connection.end());
  const clients = ['a', 'b', 'c'].map((text) => stage.client(text));
  t.same(
    clients.map(({ ending }) => ending),
    ['ended', 'ended', 'reset'],
  );
  t.same(stage.notes.upstream.told, ['up overflowed connections']);
  t.match(stage.lines, [{ kind: 'tunnel', reason: 'upstream-overflow', attempts: 0 }]);
  clients[0].connection.end();
  stage.settle();
  const next = stage.client('d');
  t.equal(next.ending, 'ended', 'there is room again');
  ends(t, stage, [...clients, next]);
  const many = new Stage({ ...tcp, clusters: [cluster('up', [8080])] });
  many.server(8080);
  const crowd = Array.from({ length: 1_100 }, () => many.client('x'));
  t.equal(breakerOf(many).connections, 1_100);
  ends(t, many, crowd);
});

void t.test('a route says how long an exchange may be silent', async (t) => {
  for (const [idleTimeoutMs, afterMs, status] of [
    [500, 600, 504],
    [900_000, 600_000, 0],
    [undefined, 310_000, 504],
    [0, 10_000_000, 0],
  ] as const) {
    const stage = new Stage(proxied({}, { idleTimeoutMs }));
    stage.server(8080);
    const client = stage.client(get);
    stage.advance(afterMs);
    if (status === 0) t.equal(client.received, '');
    else t.match(client.received, /^HTTP\/1\.1 504 [\s\S]*stream-idle/);
    ends(t, stage, [client]);
  }
});
