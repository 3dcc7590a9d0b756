import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { ClusterConfig, FilterChainConfig, ProxyConfig } from '../../src/config/config.js';
import { cluster, config } from '../proxy/fixture.js';
import { get, type Line, ok, type Peer, Stage } from './stage.js';

function tcp(
  protocol: FilterChainConfig['protocol'],
  more: Partial<ClusterConfig> = {},
  ports = [8080],
  limits: ProxyConfig['limits'] = {},
  chain: Partial<FilterChainConfig> = {},
): ProxyConfig {
  return config({ port: 80, clusters: [cluster('up', ports, more)], chain: { protocol, ...chain }, limits });
}

const denied: Partial<FilterChainConfig> = { authorization: [{ action: 'allow', policies: [] }] };

function over(t: Test, stage: Stage, ...lines: Partial<Line>[]): void {
  stage.isQuiet(t);
  t.match(stage.lines, lines);
  t.equal(stage.lines.length, lines.length, 'one line each');
  stage.closes(t);
}

const inOrder: Line = { kind: 'tunnel', reason: '', status: 0, attempts: 1 };

void t.test('bytes both ways, each direction ends on its own', async (t) => {
  for (const protocol of ['tcp', 'auto'] as const) {
    for (const first of ['client', 'server'] as const) {
      const stage = new Stage(tcp(protocol));
      const upstream = stage.server(8080);
      const client = stage.client('\u0001ping');
      const [server] = upstream;
      t.equal(server.received, '\u0001ping');
      const [one, other] = first === 'client' ? [client, server] : [server, client];
      one.connection.end();
      stage.settle();
      t.equal(other.ending, 'ended');
      other.send('pong');
      other.connection.end();
      stage.settle();
      t.match(one.received, /pong$/);
      t.same([one.ending, other.ending], ['closed', 'closed']);
      over(t, stage, inOrder);
    }
  }
});

void t.test('a reset is passed on, from either side', async (t) => {
  for (const [from, reason] of [
    ['client', 'downstream-closed'],
    ['server', 'upstream-reset'],
  ] as const) {
    const stage = new Stage(tcp('tcp'));
    const upstream = stage.server(8080);
    const client = stage.client('ping');
    const [one, other] = from === 'client' ? [client, upstream[0]] : [upstream[0], client];
    one.connection.destroy(true);
    stage.settle();
    t.equal(other.ending, 'reset');
    over(t, stage, { kind: 'tunnel', reason });
  }
});

void t.test('no byte for too long ends it', async (t) => {
  const stage = new Stage(tcp('tcp', {}, [8080], { streamIdleTimeoutMs: 1_000 }));
  const upstream = stage.server(8080);
  const client = stage.client('ping');
  stage.advance(900);
  upstream[0].send('pong');
  stage.advance(900);
  t.equal(client.ending, 'open', 'either direction counts');
  stage.advance(200);
  t.same([client.ending, upstream[0].ending], ['reset', 'reset']);
  over(t, stage, { reason: 'stream-idle' });
});

void t.test('endpoints that refuse: the next one, and nothing the client sent is lost', async (t) => {
  const stage = new Stage(tcp('tcp', { balancer: 'round-robin' }, [8081, 8082, 8080]));
  const upstream = stage.server(8080);
  const client = stage.client('ping');
  t.equal(upstream[0]?.received, 'ping');
  client.connection.destroy(true);
  stage.settle();
  t.equal(stage.lines.length, 1);
  stage.closes(t);
});

void t.test('no endpoint, none that answers, none that may be asked', async (t) => {
  const cases: [reason: string, config: ProxyConfig, attempts: number, kind: Line['kind']][] = [
    ['no-healthy-endpoint', tcp('tcp', {}, []), 0, 'tunnel'],
    ['upstream-connect-failed', tcp('tcp'), 1, 'tunnel'],
    ['upstream-connect-failed', tcp('tcp', {}, [8081, 8082, 8083, 8084]), 3, 'tunnel'],
    ['access-denied', tcp('tcp', {}, [8080], {}, denied), 0, 'rejected'],
    ['no-cluster', tcp('tcp', {}, [8080], {}, { tcp: { clusters: [{ cluster: 'other', weight: 1 }] } }), 0, 'rejected'],
  ];
  for (const [reason, it, attempts, kind] of cases) {
    const stage = new Stage(it);
    const client = stage.client('ping');
    t.equal(client.ending, 'reset', reason);
    over(t, stage, { kind, reason, attempts });
  }
});

void t.test('auto: a server that speaks first is reached within detectDelayMs', async (t) => {
  const stage = new Stage(tcp('auto'));
  const upstream = stage.server(8080, (peer) => peer.send('220 ready\r\n'));
  const client = stage.client();
  t.equal(client.received, '');
  stage.advance(20);
  t.equal(client.received, '220 ready\r\n');
  client.send('GET / HTTP/1.1\r\n\r\n');
  stage.settle();
  t.match(upstream[0].received, /^GET/, 'it is opaque now, whatever comes');
  upstream[0].connection.end();
  client.connection.end();
  over(t, stage, inOrder);
});

void t.test('auto: a client that speaks late is served as what it speaks', async (t) => {
  for (const [text, kind] of [
    [get, 'exchange'],
    ['\u0001bytes', 'tunnel'],
  ] as const) {
    const stage = new Stage(tcp('auto'));
    const upstream = stage.server(8080, (peer) => {
      peer.onText = () => peer.send(ok);
    });
    const client = stage.client();
    stage.advance(1_000);
    t.equal(upstream.length, 1, 'dialled ahead');
    t.equal(stage.notes.accepts, 0, 'a connection that is not decided is not counted as served');
    client.send(text);
    stage.settle();
    t.match(client.received, /200 OK/);
    t.equal(upstream[0].ending, kind === 'exchange' ? 'ended' : 'open', 'what was dialled for nothing is closed');
    t.equal(stage.notes.accepts, 1);
    client.connection.end();
    stage.settle();
    upstream.at(-1)?.connection.end();
    over(t, stage, { kind });
  }
});

void t.test('auto: the server ends or breaks while the client is silent', async (t) => {
  for (const how of ['end', 'reset'] as const) {
    const stage = new Stage(tcp('auto'));
    const upstream = stage.server(8080);
    const client = stage.client();
    stage.advance(20);
    if (how === 'end') upstream[0].connection.end();
    else upstream[0].connection.destroy(true);
    stage.settle();
    t.equal(client.ending, how === 'end' ? 'ended' : 'reset');
    client.connection.end();
    over(t, stage, { kind: 'tunnel', reason: how === 'end' ? '' : 'upstream-reset' });
  }
});

void t.test('auto: nobody to dial ahead is no reason to close a client that may speak HTTP', async (t) => {
  for (const [name, it] of [
    ['refused', tcp('auto')],
    ['no endpoint', tcp('auto', {}, [])],
    ['no cluster', tcp('auto', {}, [8080], {}, { tcp: { clusters: [{ cluster: 'other', weight: 1 }] } })],
    ['denied', tcp('auto', {}, [8080], {}, denied)],
  ] as const) {
    const stage = new Stage(it);
    const client = stage.client();
    stage.advance(1_000);
    t.same([client.ending, stage.lines], ['open', []], name);
    client.send(get);
    stage.advance(1_000);
    t.match(client.received, /^HTTP\/1\.1 (503|403|200) /, name);
    client.connection.end();
    stage.isQuiet(t);
    t.equal(stage.lines.length, 1);
    stage.closes(t);
  }
});

void t.test('auto: both silent is an opaque connection in the end, and too little to tell is passed on', async (t) => {
  for (const text of ['', 'G']) {
    const stage = new Stage(tcp('auto'));
    const upstream = stage.server(8080);
    const client = stage.client(text);
    stage.advance(31_000);
    t.equal(client.ending, 'open');
    t.equal(upstream[0].received, text);
    stage.advance(300_000);
    t.equal(client.ending, 'reset');
    over(t, stage, { kind: 'tunnel', reason: 'stream-idle' });
  }
});

void t.test('a client that goes before it said anything is no bad request', async (t) => {
  for (const waitMs of [0, 100]) {
    const stage = new Stage(tcp('auto'));
    const upstream = stage.server(8080);
    const client = stage.client();
    stage.advance(waitMs);
    client.connection.destroy(true);
    stage.settle();
    if (waitMs > 0) t.equal(upstream[0].ending, 'ended');
    over(t, stage, { kind: 'rejected', reason: 'downstream-closed', status: 0 });
  }
});

void t.test(
  'a client that ends before it said anything is opaque: the server may still have something to say',
  async (t) => {
    for (const waitMs of [0, 100]) {
      const stage = new Stage(tcp('auto'));
      const upstream = stage.server(8080);
      const client = stage.client();
      stage.advance(waitMs);
      client.connection.end();
      stage.settle();
      t.equal(upstream.length, 1);
      t.equal(upstream[0].ending, 'ended');
      upstream[0].send('the time is 12:00');
      upstream[0].connection.end();
      stage.settle();
      t.same([client.received, client.ending], ['the time is 12:00', 'closed']);
      over(t, stage, inOrder);
    }
  },
);

void t.test('connections that are not decided yet count, and end with the proxy', async (t) => {
  const stage = new Stage(tcp('auto', {}, [8080], { maxDownstreamConnections: 2 }));
  const upstream = stage.server(8080);
  const clients = [stage.client(), stage.client()];
  t.equal(stage.client().ending, 'reset');
  stage.advance(100);
  t.equal(stage.client().ending, 'reset', 'dialled ahead, each is still one');
  stage.plane.close();
  stage.settle();
  for (const peer of [...clients, ...upstream]) t.not(peer.ending, 'open');
  over(t, stage, { reason: 'overloaded' }, { reason: 'overloaded' }, { reason: 'draining' }, { reason: 'draining' });
});

void t.test('a drain waits for what is open and gives the undecided as long as the idle', async (t) => {
  const stage = new Stage(tcp('auto'));
  const upstream = stage.server(8080);
  const [silent, late, busy] = [stage.client(), stage.client(), stage.client('\u0001')];
  stage.advance(100);
  let cut = -1;
  stage.plane.drain((count) => {
    cut = count;
  });
  late.send(get);
  stage.settle();
  upstream.at(-1)?.send(ok);
  stage.settle();
  t.match(late.received, /connection: close/i);
  late.connection.end();
  stage.advance(1_100);
  t.not(silent.ending, 'open');
  t.equal(busy.ending, 'open');
  stage.advance(28_000);
  t.equal(cut, -1);
  stage.advance(2_000);
  t.equal(cut, 1, 'the one that did not end was cut off at the limit');
  t.equal(busy.ending, 'reset');
  over(
    t,
    stage,
    { kind: 'exchange', status: 200 },
    { kind: 'rejected', reason: 'head-timeout' },
    { kind: 'tunnel', reason: 'draining' },
  );
});

void t.test('closing ends a drain under way, which is told so', async (t) => {
  const stage = new Stage(tcp('tcp'));
  stage.server(8080);
  stage.client('ping');
  const cut: number[] = [];
  stage.plane.drain((count) => cut.push(count));
  stage.plane.close();
  t.same(cut, [1]);
  stage.advance(100_000);
  t.same(cut, [1]);
});

void t.test('a slow reader holds back the other side, and what is held stays bounded', async (t) => {
  for (const reader of ['client', 'server'] as const) {
    const stage = new Stage(tcp('tcp'), { kernelBufferBytes: 1_000, writeHighWaterBytes: 4_000 });
    const upstream = stage.server(8080);
    const client = stage.client('x');
    const [slow, quick] = reader === 'client' ? [client, upstream[0]] : [upstream[0], client];
    slow.connection.pause();
    let sent = 0;
    quick.send('y'.repeat(100_000));
    stage.settle();
    const before = slow.received.length;
    sent = quick.connection.bytesWritten;
    slow.connection.resume();
    stage.settle();
    t.equal(slow.received.length - before, 100_000);
    t.ok(sent >= 100_000);
    slow.connection.destroy(true);
    stage.settle();
    stage.closes(t);
  }
});

type Step =
  | 'client'
  | 'bytes'
  | 'http'
  | 'partial'
  | 'serverBytes'
  | 'serverEnd'
  | 'serverReset'
  | 'clientEnd'
  | 'clientReset'
  | 'wait'
  | 'long'
  | 'fault'
  | 'heal'
  | 'update'
  | 'turn';
const steps: Step[] = [
  'client',
  'client',
  'bytes',
  'http',
  'partial',
  'serverBytes',
  'serverEnd',
  'serverReset',
  'clientEnd',
  'clientReset',
  'wait',
  'wait',
  'long',
  'fault',
  'heal',
  'update',
  'turn',
  'turn',
];

void t.test(
  'whatever happens in whatever order: every count returns to zero and every connection ends with the proxy',
  async (t) => {
    const events = fc.array(fc.record({ step: fc.constantFrom(...steps), which: fc.nat(20) }), { maxLength: 40 });
    fc.assert(
      fc.property(events, fc.constantFrom('auto' as const, 'tcp' as const), (list, protocol) => {
        const ports = [8080, 8081];
        const configs = [
          tcp(protocol, {}, ports),
          tcp('auto', {}, [8081], { streamIdleTimeoutMs: 2_000 }),
          tcp(protocol, {}, ports, {}, denied),
        ];
        const stage = new Stage(configs[0]);
        const upstreams = ports.map((port) => stage.server(port));
        const clients: Peer[] = [];
        const choose = (from: Peer[], which: number): Peer | undefined => from[which % Math.max(1, from.length)];
        for (const { step, which } of list) {
          const client = choose(clients, which);
          const server = choose(upstreams[which % 2], which >> 1);
          const address = { host: '127.0.0.1', port: ports[which % 2] };
          if (step === 'client') clients.push(stage.client());
          else if (step === 'bytes') client?.send('\u0001bytes');
          else if (step === 'http') client?.send(get);
          else if (step === 'partial') client?.send('GE');
          else if (step === 'serverBytes') server?.send(ok);
          else if (step === 'serverEnd') server?.connection.end();
          else if (step === 'serverReset') server?.connection.destroy(true);
          else if (step === 'clientEnd') client?.connection.end();
          else if (step === 'clientReset') client?.reset();
          else if (step === 'wait') stage.advance(which);
          else if (step === 'long') stage.advance(5_000 * which);
          else if (step === 'fault') stage.io.inject(address, { kind: which > 10 ? 'silent' : 'refuse' });
          else if (step === 'heal') stage.io.inject(address, undefined);
          else if (step === 'update') stage.apply(configs[which % 3]);
          else stage.io.turn();
        }
        stage.plane.close();
        stage.settle();
        const { length } = stage.lines;
        stage.advance(1_000_000);
        const counts = [...stage.plane.clusters()].flatMap(({ breaker, known }) => [
          breaker.requests,
          breaker.pending,
          breaker.connections,
          ...known.map(({ active }) => active),
        ]);
        const clientsGone = clients.every(({ ending }) => ending !== 'open');
        return (
          stage.notes.active === 0 &&
          clientsGone &&
          counts.every((count) => count === 0) &&
          stage.lines.length === length
        );
      }),
      { numRuns: 400 },
    );
    t.pass();
  },
);

void t.test('what was dialled ahead under a former configuration is not joined', async (t) => {
  const stage = new Stage(tcp('auto'));
  const upstream = stage.server(8080);
  const refused = stage.client();
  stage.advance(20);
  t.equal(upstream.length, 1, 'dialled ahead');
  stage.apply(tcp('auto', {}, [8080], {}, denied));
  upstream[0].send('220 secret\r\n');
  stage.settle();
  t.equal(refused.received, '', 'policy is asked again');
  t.equal(refused.ending, 'reset');
  t.not(upstream[0].ending, 'open');
  stage.apply(tcp('auto'));
  const client = stage.client();
  stage.advance(20);
  stage.apply(tcp('auto', {}, [8081]));
  const other = stage.server(8081);
  client.send('\u0001bytes');
  stage.settle();
  t.equal(other[0]?.received, '\u0001bytes', 'and goes where it goes now');
  client.connection.destroy(true);
  over(t, stage, { kind: 'rejected', reason: 'access-denied' }, { kind: 'tunnel', reason: 'downstream-closed' });
});
