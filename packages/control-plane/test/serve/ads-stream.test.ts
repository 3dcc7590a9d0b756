import { EventEmitter } from 'node:events';
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { encodeNode, typeUrl, type XdsType } from '@tulle/xds';
import { ClusterSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { DiscoveryRequestSchema, type DiscoveryResponse } from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb';
import { StatusSchema } from '@tulle/xds/gen/google/rpc/status_pb';
import t from 'tap';
import type { Model } from '../../src/model/model.js';
import { type AdsCall, AdsStream } from '../../src/serve/ads-stream.js';
import { MAX_ANSWER_WAIT_MS, MAX_ERROR_TEXT, MAX_SUBSCRIBED_NAMES } from '../../src/serve/limits.js';
import { NodeSnapshots } from '../../src/serve/node-snapshots.js';
import { clientFacts, identityOf, modelOf } from './mesh.js';

/** A call whose other side reads when it is told to. */
class FakeCall extends EventEmitter {
  readonly written: DiscoveryResponse[] = [];
  takes = true;
  paused = false;
  ended = false;
  failure: { code: status; details: string } | undefined;

  constructor() {
    super();
    this.on('error', (failure) => {
      this.failure = failure;
    });
  }
  write(response: DiscoveryResponse): boolean {
    this.written.push(response);
    return this.takes;
  }
  end(): void {
    this.ended = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  request(type: XdsType, fields: object = {}): void {
    const node = encodeNode(clientFacts, 'test');
    this.emit('data', create(DiscoveryRequestSchema, { typeUrl: typeUrl[type], node, ...fields }));
  }
  ack(type: XdsType, fields: object = {}): void {
    this.request(type, { responseNonce: this.written.at(-1)?.nonce, ...fields });
  }
  /** Type and nonce of what was written. */
  get sent(): string[] {
    const types = Object.entries(typeUrl);
    return this.written.map(({ typeUrl, nonce }) => `${types.find(([, url]) => url === typeUrl)?.[0]} ${nonce}`);
  }
}

function setUp() {
  const bench = {
    now: 1_000_000,
    timers: new Map<object, { at: number; callback: () => void }>(),
    model: modelOf(1) as Model | undefined,
    failing: false,
    logged: [] as string[],
    advance(ms: number) {
      bench.now += ms;
      for (const [key, timer] of [...bench.timers]) {
        if (timer.at > bench.now) continue;
        bench.timers.delete(key);
        timer.callback();
      }
    },
  };
  const call = new FakeCall();
  const log = (_fields: object, message: string) => bench.logged.push(message);
  const stream = new AdsStream(call as unknown as AdsCall, {
    svid: identityOf('client'),
    svidNotAfter: bench.now + 3600_000,
    config: () => bench.model && { model: bench.model, trust },
    snapshots: new NodeSnapshots((model) => {
      if (bench.failing) throw new Error('a bug');
      const clusters = [create(ClusterSchema, { name: `generation-${model.generation}` })];
      return { clusters, endpoints: [], listeners: [], routes: [], secrets: [] };
    }),
    events: { streamOpened() {}, streamClosed() {}, pushed() {}, answered() {}, certificate() {} },
    log: { info: log, warn: log, error: log },
    now: () => bench.now,
    setTimer: (ms, callback) => {
      const key = {};
      bench.timers.set(key, { at: bench.now + ms, callback });
      return () => bench.timers.delete(key);
    },
  });
  const setModel = (model: Model) => {
    bench.model = model;
    stream.refresh();
  };
  return { bench, call, stream, setModel };
}

const trust = { trustDomain: 'cluster.local', rootsPem: '', generation: 1 };

t.test('a sidecar that does not read is sent no more, and is not read from', async (t) => {
  const { call, setModel } = setUp();
  call.takes = false;
  call.request('cds');
  t.same(call.sent, ['cds 1']);
  t.ok(call.paused);
  call.request('lds');
  call.ack('cds');
  setModel(modelOf(2));
  t.same(call.sent, ['cds 1']);
  call.takes = true;
  call.emit('drain');
  t.notOk(call.paused);
  t.same(call.sent, ['cds 1', 'cds 2', 'lds 3'], 'what is sent then is the newest');
});

t.test('a sidecar that does not answer gets the next configuration after a wait', async (t) => {
  const { bench, call, setModel } = setUp();
  call.request('cds');
  setModel(modelOf(2));
  bench.advance(MAX_ANSWER_WAIT_MS - 1);
  t.same(call.sent, ['cds 1']);
  bench.advance(1);
  t.same(call.sent, ['cds 1', 'cds 2']);
});

t.test('a translation that fails leaves the stream with what it has, until one succeeds', async (t) => {
  const { bench, call, setModel } = setUp();
  call.request('cds');
  call.ack('cds');
  bench.failing = true;
  setModel(modelOf(2));
  t.equal(call.failure, undefined);
  t.match(bench.logged.join(), /configuration not translated/);
  bench.failing = false;
  setModel(modelOf(3));
  t.same(call.sent, ['cds 1', 'cds 2']);
});

t.test('a stream ends when its certificate does, and leaves no timer', async (t) => {
  const { bench, call } = setUp();
  call.request('cds');
  call.ack('cds');
  bench.advance(3600_000);
  t.match(call.failure, { code: status.UNAUTHENTICATED });
  t.equal(bench.timers.size, 0);
  const { length } = call.written;
  call.request('lds');
  t.equal(call.written.length, length, 'what still arrives is ignored');
});

t.test('the text of a refusal is kept up to a bound', async (t) => {
  const { call, stream } = setUp();
  call.request('cds');
  call.ack('cds', { errorDetail: create(StatusSchema, { code: 3, message: 'x'.repeat(MAX_ERROR_TEXT * 2) }) });
  t.equal(stream.report().types.cds?.error?.length, MAX_ERROR_TEXT);
});

t.test('too many names end the stream', async (t) => {
  const { call } = setUp();
  call.request('eds', { resourceNames: new Array(MAX_SUBSCRIBED_NAMES + 1).fill('a') });
  t.match(call.failure, { code: status.RESOURCE_EXHAUSTED, details: /more than 50000 resource_names/ });
});

t.test('a sidecar that ends its side is answered in kind', async (t) => {
  const { call } = setUp();
  call.emit('end');
  t.ok(call.ended);
});
