import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { ClusterConfig, ProxyConfig, RetryConfig } from '../../src/config/config.js';
import { cluster, config, toCluster } from '../proxy/fixture.js';
import { answering, get, type Line, ok, type Peer, post, Stage } from './stage.js';

const retry: RetryConfig = { attempts: 2, on: ['reset', '5xx'], anyMethod: true };

function http(
  more: Partial<ClusterConfig> = {},
  action: object = {},
  ports = [8080],
  limits: ProxyConfig['limits'] = {},
): ProxyConfig {
  const route = toCluster('up');
  return config({
    port: 80,
    clusters: [cluster('up', ports, more)],
    routes: [{ ...route, action: { ...route.action, ...action } as typeof route.action }],
    limits,
  });
}

const whole: Line = { kind: 'exchange', reason: '', status: 200, attempts: 1 };

function over(t: Test, stage: Stage, ...lines: Partial<Line>[]): void {
  stage.isQuiet(t);
  t.match(stage.lines, lines);
  t.equal(stage.lines.length, lines.length, 'one line each');
  stage.closes(t);
}

void t.test('an exchange in order', async (t) => {
  const stage = new Stage(http());
  const upstream = stage.server(8080, answering(ok));
  const client = stage.client(get);
  t.match(client.received, /^HTTP\/1\.1 200 .*ok$/s);
  client.send(get);
  stage.settle();
  t.equal(upstream.length, 1, 'the connection is used again');
  client.connection.end();
  over(t, stage, whole, whole);
});

void t.test('the client goes: while the upstream is dialled, while it answers, while it is sent a body', async (t) => {
  const when: [name: string, text: string, answer: string, fault: boolean][] = [
    ['dialling', get, '', true],
    ['awaited', get, '', false],
    ['sending', post('a', 2), '', false],
    ['answering', get, 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', false],
  ];
  for (const [name, text, answer, isSilent] of when) {
    await t.test(name, async (t) => {
      const stage = new Stage(http());
      const upstream = stage.server(8080, answering(answer));
      if (isSilent) stage.io.inject({ host: '127.0.0.1', port: 8080 }, { kind: 'silent' });
      const client = stage.client(text);
      client.connection.destroy(true);
      stage.settle();
      t.equal(upstream[0]?.ending ?? 'reset', 'reset', 'a request that was given up is not taken for a whole one');
      over(t, stage, { reason: 'downstream-closed', status: answer === '' ? 0 : 200 });
    });
  }
});

void t.test('timeouts: of the exchange, of silence, while dialling and while answering', async (t) => {
  for (const [action, limits, reason] of [
    [{ timeoutMs: 500 }, {}, 'request-timeout'],
    [{}, { streamIdleTimeoutMs: 500 }, 'stream-idle'],
  ] as const) {
    for (const answer of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab']) {
      const stage = new Stage(http({}, action, [8080], limits));
      stage.server(8080, answering(answer));
      const client = stage.client(get);
      stage.advance(600);
      if (answer === '') t.match(client.received, /^HTTP\/1\.1 504 [\s\S]*x-tulle-reason: /);
      else t.equal(client.ending, 'reset', 'what was cut is seen as cut');
      stage.io.settle();
      client.connection.destroy(true);
      over(t, stage, { reason, status: answer === '' ? 504 : 200, attempts: 1 });
    }
  }
  const stage = new Stage(http({ connectTimeoutMs: 5_000 }, { timeoutMs: 500 }));
  stage.io.inject({ host: '127.0.0.1', port: 8080 }, { kind: 'silent' });
  const client = stage.client(get);
  stage.advance(600);
  client.connection.destroy(true);
  over(t, stage, { reason: 'request-timeout', status: 504 });
});

void t.test('a try that takes too long is repeated within the budget', async (t) => {
  const stage = new Stage(http({}, { retry: { ...retry, perTryTimeoutMs: 100 } }));
  const upstream = stage.server(8080, answering('', '', ok));
  const client = stage.client(post('body'));
  stage.advance(500);
  t.match(client.received, /200 OK/);
  t.same(
    upstream.map(({ received }) => received.slice(-4)),
    ['body', 'body', 'body'],
    'with its body',
  );
  client.connection.end();
  over(t, stage, { status: 200, attempts: 3 });
});

void t.test('a 5xx that the route declares repeatable, and the last one goes to the client', async (t) => {
  const failed = 'HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy';
  for (const [answers, status, attempts] of [
    [[failed, ok], 200, 2],
    [[failed], 503, 3],
  ] as const) {
    const stage = new Stage(http({}, { retry }, [8080, 8081]));
    const serve = answering(...answers);
    stage.server(8080, serve);
    stage.server(8081, serve);
    const client = stage.client(post('body'));
    stage.advance(1_000);
    t.match(client.received, new RegExp(`^HTTP/1\\.1 ${status} `));
    client.connection.end();
    over(t, stage, { status, attempts, reason: '' });
  }
});

void t.test('a connection that breaks: before, within and after the answer', async (t) => {
  const cases: [answer: string, action: object, status: number, reason: string, attempts: number][] = [
    ['', {}, 502, 'upstream-reset', 1],
    ['', { retry }, 502, 'upstream-reset', 3],
    ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', { retry }, 200, 'upstream-reset', 1],
    ['HTTP/1.1 200 OK\r\ncontent-le', {}, 502, 'upstream-reset', 1],
    ['HTTP/1.1 99 No\r\n\r\n', { retry }, 502, 'upstream-bad-response', 1],
  ];
  for (const [answer, action, status, reason, attempts] of cases) {
    const stage = new Stage(http({}, action));
    stage.server(8080, (peer) => {
      peer.onText = () => {
        if (answer !== '') peer.send(answer);
        peer.connection.end();
      };
    });
    const client = stage.client(get);
    stage.advance(1_000);
    client.connection.destroy(true);
    over(t, stage, { status, reason, attempts });
  }
});

void t.test('an upstream that refuses: each endpoint once, and all of them in the end', async (t) => {
  const stage = new Stage(http({}, {}, [8080, 8081, 8082]));
  const client = stage.client(get);
  t.match(client.received, /^HTTP\/1\.1 503 [\s\S]*upstream-connect-failed/);
  client.connection.end();
  over(t, stage, { status: 503, reason: 'upstream-connect-failed', attempts: 3 });
});

void t.test('an open circuit breaker answers at once and blames no endpoint', async (t) => {
  for (const circuitBreaker of [{ maxRequests: 1 }, { maxConnections: 1, maxPendingRequests: 1 }]) {
    const stage = new Stage(http({ circuitBreaker }));
    stage.server(8080);
    const clients = [get, get, get].map((text) => stage.client(text));
    const refused = clients.at(-1)!;
    t.match(refused.received, /^HTTP\/1\.1 503 [\s\S]*upstream-overflow/);
    const [up] = [...stage.plane.clusters()];
    t.equal(up.known[0].avoidUntilMs, 0);
    for (const line of stage.lines) t.ok(line.attempts <= 1, 'it is not asked again and again');
    for (const client of clients) client.connection.destroy(true);
    stage.isQuiet(t);
    t.equal(stage.lines.length, 3);
    stage.closes(t);
  }
});

void t.test(
  'an answer before the whole request reaches the client, and the upstream connection is given up',
  async (t) => {
    const stage = new Stage(http());
    const upstream = stage.server(8080, answering(ok));
    const client = stage.client(post('a', 100));
    t.match(client.received, /200 OK/);
    t.equal(upstream[0].ending, 'reset');
    client.send('b'.repeat(99));
    client.send(get);
    stage.settle();
    t.equal(client.received.split('200 OK').length, 3, 'the rest of the body was dropped, the next request answered');
    client.connection.end();
    over(t, stage, whole, whole);
  },
);

void t.test('pipelined requests are answered in order, one log line each', async (t) => {
  const stage = new Stage(http());
  const upstream = stage.server(8080, answering(ok));
  const client = stage.client(get + post('x') + get.replace('/', '/none\u0001') + get);
  t.same(
    [...client.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '200', '400'],
  );
  t.equal(upstream.length, 1);
  stage.advance(3_000);
  over(t, stage, whole, whole, { kind: 'rejected', reason: 'bad-request', status: 400 });
});

void t.test('a malformed body ends the exchange, which is answered and logged once', async (t) => {
  const stage = new Stage(http());
  stage.server(8080);
  const client = stage.client('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n');
  t.match(client.received, /^HTTP\/1\.1 400 /);
  t.equal(client.received.split('HTTP/1.1').length, 2);
  stage.advance(3_000);
  over(t, stage, { kind: 'exchange', reason: 'bad-request', status: 400 });
});

void t.test('an upgrade: opaque both ways, each direction ends on its own', async (t) => {
  const ask = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
  const accept = 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
  for (const first of ['client', 'server'] as const) {
    const stage = new Stage(http({}, { timeoutMs: 1_000 }));
    const upstream = stage.server(8080, (peer) => {
      peer.onText = () => {
        if (!peer.received.includes('\r\n\r\n') || peer.received.includes('ping')) return;
        peer.send(`${accept}hello`);
      };
    });
    const client = stage.client(`${ask}ping`);
    const [server] = upstream;
    t.match(client.received, /^HTTP\/1\.1 101 /);
    stage.advance(2_000);
    client.send(' more');
    stage.settle();
    t.match(server.received, /ping more$/, 'bytes behind the request, and the timeout of the exchange is over');
    const [one, other] = first === 'client' ? [client, server] : [server, client];
    one.connection.end();
    stage.settle();
    t.equal(other.ending, 'ended');
    other.send('still');
    stage.settle();
    t.match(one.received, /still$/);
    other.connection.end();
    stage.settle();
    t.same([one.ending, other.ending], ['closed', 'closed']);
    over(t, stage, { kind: 'exchange', status: 101, reason: '' });
  }
});

void t.test('an upgrade that the server declines is an ordinary exchange', async (t) => {
  const stage = new Stage(http());
  const upstream = stage.server(8080, answering(ok));
  const ask = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
  const client = stage.client(ask);
  client.send(get);
  stage.settle();
  t.equal(client.received.split('200 OK').length, 3);
  t.equal(upstream.length, 1, 'and its connection is used again');
  client.connection.end();
  over(t, stage, whole, whole);
});

void t.test('100-continue: the upstream decides, and the body follows', async (t) => {
  const stage = new Stage(http());
  const upstream = stage.server(8080, (peer) => {
    peer.onText = (all) => {
      if (all.endsWith('body')) peer.send(ok);
      else if (all.endsWith('\r\n\r\n')) peer.send('HTTP/1.1 100 Continue\r\n\r\n');
    };
  });
  const client = stage.client('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n');
  t.match(client.received, /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  client.send('body');
  stage.settle();
  t.match(client.received, /200 OK/);
  t.match(upstream[0].received, /body$/);
  client.connection.end();
  over(t, stage, whole);
});

void t.test('a body larger than what may wait is held back, kept whole and bounded', async (t) => {
  const stage = new Stage(http(), { kernelBufferBytes: 1_000, writeHighWaterBytes: 2_000 });
  const upstream = stage.server(8080, (peer) => peer.connection.pause());
  const client = stage.client(post('', 50_000));
  const body = 'x'.repeat(50_000);
  client.send(body);
  stage.settle();
  const up = upstream[0];
  up.connection.resume();
  up.onText = (all) => {
    if (all.endsWith(body)) up.send(ok);
  };
  stage.settle();
  t.match(client.received, /200 OK/);
  client.connection.end();
  over(t, stage, whole);
});

void t.test('an endpoint that changes while a request waits for its connection leaves nobody waiting', async (t) => {
  const stage = new Stage(http());
  stage.server(8080, answering(ok));
  stage.server(8081, answering(ok));
  const client = stage.client();
  client.send(get);
  // The request is read and its connection dialled, but not open yet.
  for (let i = 0; i < 20 && [...stage.plane.clusters()][0].breaker.pending === 0; i++) stage.io.turn();
  t.equal([...stage.plane.clusters()][0].breaker.pending, 1);
  stage.apply(http({}, {}, [8081]));
  stage.settle();
  t.match(client.received, /200 OK/);
  client.connection.end();
  over(t, stage, whole);
});

void t.test(
  'a request that waits beyond the circuit breaker follows its endpoint to the new configuration',
  async (t) => {
    const breaker = { circuitBreaker: { maxConnections: 1 } };
    const never = { retry: { attempts: 0, on: [] } };
    const stage = new Stage(http(breaker, never));
    const upstream = stage.server(8080);
    stage.server(8081, answering(ok));
    const [busy, waiting] = [stage.client(get), stage.client(get)];
    stage.apply(http(breaker, never, [8081]));
    stage.settle();
    t.match(waiting.received, /200 OK/);
    upstream[0].send(ok);
    stage.settle();
    t.match(busy.received, /200 OK/);
    for (const client of [busy, waiting]) client.connection.end();
    over(t, stage, whole, whole);
  },
);

void t.test('a cluster removed while it is busy: the exchange goes on, the next finds none', async (t) => {
  const stage = new Stage(http());
  const upstream = stage.server(8080);
  const client = stage.client(get);
  stage.apply({ ...http(), clusters: [], listeners: config({ port: 80, chain: { tcp: undefined } }).listeners });
  upstream[0].send(ok);
  stage.settle();
  t.match(client.received, /200 OK/);
  t.equal(upstream[0].ending, 'ended', 'its connection is not kept');
  client.send(get);
  stage.settle();
  t.match(client.received, /503 [\s\S]*no-cluster/);
  client.connection.end();
  over(t, stage, whole, { status: 503, reason: 'no-cluster', attempts: 0 });
});

type Step =
  | 'request'
  | 'body'
  | 'answer'
  | 'half'
  | 'unavailable'
  | 'serverReset'
  | 'serverEnd'
  | 'clientEnd'
  | 'clientReset'
  | 'wait'
  | 'longWait'
  | 'refuse'
  | 'heal'
  | 'update'
  | 'turn';
const steps: Step[] = [
  'request',
  'request',
  'body',
  'answer',
  'answer',
  'half',
  'unavailable',
  'serverReset',
  'serverEnd',
  'clientEnd',
  'clientReset',
  'wait',
  'longWait',
  'refuse',
  'heal',
  'update',
  'turn',
  'turn',
];

void t.test('whatever happens in whatever order: counts return to zero, and no request has two lines', async (t) => {
  const events = fc.array(fc.record({ step: fc.constantFrom(...steps), which: fc.nat(20) }), { maxLength: 40 });
  fc.assert(
    fc.property(events, (list) => {
      const ports = [8080, 8081];
      const configs = [
        http({}, { retry: { ...retry, perTryTimeoutMs: 400 }, timeoutMs: 900 }, ports),
        http({}, { retry }, [8081]),
        http({ circuitBreaker: { maxRequests: 2, maxConnections: 1, maxPendingRequests: 1 } }, {}, ports),
      ];
      const stage = new Stage(configs[0]);
      const upstreams = ports.map((port) => stage.server(port));
      const clients: Peer[] = [];
      const choose = (from: Peer[], which: number): Peer | undefined => from[which % Math.max(1, from.length)];
      for (const { step, which } of list) {
        const client = choose(clients, which);
        const server = choose(upstreams[which % 2], which >> 1);
        if (step === 'request') {
          if (client === undefined || which % 3 === 0) {
            const fresh = stage.client();
            clients.push(fresh);
            fresh.send(which % 2 === 0 ? get : post('ab', 4));
          } else client.send(which % 2 === 0 ? get : post('ab', 4));
        } else if (step === 'body') client?.send('ab');
        else if (step === 'answer') server?.send(ok);
        else if (step === 'half') server?.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab');
        else if (step === 'unavailable') server?.send('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n');
        else if (step === 'serverReset') server?.connection.destroy(true);
        else if (step === 'serverEnd') server?.connection.end();
        else if (step === 'clientEnd') client?.connection.end();
        else if (step === 'clientReset') client?.connection.destroy(true);
        else if (step === 'wait') stage.advance(100 * which);
        else if (step === 'longWait') stage.advance(10_000 * which);
        else if (step === 'refuse')
          stage.io.inject({ host: '127.0.0.1', port: ports[which % 2] }, { kind: which > 10 ? 'silent' : 'refuse' });
        else if (step === 'heal') stage.io.inject({ host: '127.0.0.1', port: ports[which % 2] }, undefined);
        else if (step === 'update') stage.apply(configs[which % 3]);
        else stage.io.turn();
      }
      for (const client of clients) client.connection.destroy(true);
      stage.settle();
      const counts = [...stage.plane.clusters()].flatMap(({ breaker, known }) => [
        breaker.requests,
        breaker.pending,
        ...known.map(({ active }) => active),
      ]);
      stage.plane.close();
      stage.settle();
      const { length } = stage.lines;
      stage.advance(1_000_000);
      const connections = [...stage.plane.clusters()].map(({ breaker }) => breaker.connections);
      return (
        stage.notes.active === 0 &&
        [...counts, ...connections].every((count) => count === 0) &&
        stage.lines.length === length
      );
    }),
    { numRuns: 300 },
  );
  t.pass();
});
