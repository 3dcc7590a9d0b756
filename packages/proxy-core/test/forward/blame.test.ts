import t from 'tap';
import { cluster, config, toCluster } from '../proxy/fixture.js';
import { get, ok, type Peer, post, Stage } from './stage.js';

const answering = (peer: Peer): void => {
  peer.onText = () => peer.send(ok);
};

/** Two endpoints in turn, both with a kept connection; the one on 8080 is next. */
function kept(): { stage: Stage; upstream: Peer[] } {
  const stage = new Stage(config({ port: 80, clusters: [cluster('up', [8080, 8081], { balancer: 'round-robin' })] }));
  const upstream = stage.server(8080, answering);
  stage.server(8081, answering);
  // An even number: the round begins anywhere, and with this seed at 8080.
  for (let i = 0; i < 4; i++) t.match(stage.client(get).received, /^HTTP\/1\.1 200 /);
  return { stage, upstream };
}

function avoided({ plane }: Stage): boolean[] {
  return [...plane.clusters()].flatMap(({ known }) => known.map(({ avoidUntilMs }) => avoidUntilMs > 0));
}

t.test(
  'a kept connection that the server closed before the request reached it is not held against its endpoint',
  (t) => {
    const { stage, upstream } = kept();
    const client = stage.client();
    // The proxy hears of both in one turn, of the request first.
    client.send(get);
    upstream[0].reset();
    stage.settle();
    t.match(client.received, /^HTTP\/1\.1 200 /);
    t.equal(stage.lines.at(-1)?.attempts, 2, 'sent again to the other endpoint');
    t.same(avoided(stage), [false, false]);
    t.end();
  },
);

t.test('an endpoint that fails with the request in its hands is passed over', (t) => {
  const { stage, upstream } = kept();
  upstream[0].onText = () => upstream[0].reset();
  const client = stage.client(get);
  t.match(client.received, /^HTTP\/1\.1 502 /);
  t.same(avoided(stage), [true, false]);
  t.end();
});

t.test('an endpoint that refuses connections is passed over', (t) => {
  const { stage, upstream } = kept();
  upstream[0].reset();
  stage.settle();
  stage.io.inject({ host: '127.0.0.1', port: 8080 }, { kind: 'refuse' });
  t.match(stage.client(get).received, /^HTTP\/1\.1 200 /);
  t.same(avoided(stage), [true, false]);
  t.end();
});

function detecting(limits: object, action: object = {}): Stage {
  const outlierDetection = { consecutive5xx: 2, maxEjectionPercent: 100 };
  const route = toCluster('up');
  return new Stage(
    config({
      port: 80,
      clusters: [cluster('up', [8080], { outlierDetection })],
      routes: [{ ...route, action: { ...route.action, ...action } as typeof route.action }],
      limits,
    }),
  );
}

t.test(
  'an endpoint that leaves requests without an answer is taken out, and then used all the same for want of others',
  (t) => {
    for (const [limits, action] of [
      [{ streamIdleTimeoutMs: 500 }, {}],
      [{}, { timeoutMs: 500 }],
      [{}, { retry: { attempts: 0, on: [], perTryTimeoutMs: 500 } }],
    ]) {
      const stage = detecting(limits, action);
      stage.server(8080);
      for (let i = 0; i < 2; i++) {
        t.same(stage.notes.upstream.told, []);
        stage.client(get);
        stage.advance(600);
      }
      t.same(stage.notes.upstream.told, ['up ejected 5xx']);
      stage.client(get);
      t.same(stage.notes.upstream.told, ['up ejected 5xx', 'up panicked']);
      stage.advance(1_000_000);
      t.same(stage.notes.upstream.told.at(-1), 'up restored');
    }
    t.end();
  },
);

t.test('a client that does not send its body to the end is not held against the endpoint', (t) => {
  const stage = detecting({ streamIdleTimeoutMs: 500 });
  stage.server(8080);
  for (let i = 0; i < 3; i++) {
    stage.client(post('a', 100));
    stage.advance(600);
  }
  t.same(avoided(stage), [false]);
  t.same(stage.notes.upstream.told, []);
  t.end();
});

t.test('the last try is told of, not what an earlier one had', (t) => {
  const route = toCluster('up');
  const action = { ...route.action, retry: { attempts: 1, on: ['5xx'] } } as typeof route.action;
  const clusters = [cluster('up', [8080, 8081])];
  const stage = new Stage(config({ port: 80, clusters, routes: [{ ...route, action }] }));
  const seen: { attempts: number; upstreamMs: number }[] = [];
  stage.notes.exchange = (_direction, { attempts, upstreamMs }) => void seen.push({ attempts, upstreamMs });
  for (const [port, other] of [
    [8080, 8081],
    [8081, 8080],
  ]) {
    stage.server(port, (peer) => {
      peer.onText = () => {
        stage.io.inject({ host: '127.0.0.1', port: other }, { kind: 'refuse' });
        peer.send('HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n');
      };
    });
  }
  const client = stage.client(get);
  stage.advance(1_000);
  t.match(client.received, /^HTTP\/1\.1 50[23] /);
  t.same(seen, [{ attempts: 2, upstreamMs: -1 }]);
  t.end();
});
