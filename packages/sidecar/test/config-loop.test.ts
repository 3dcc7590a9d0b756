import { createServer } from 'node:net';
import { alpn } from '@tulle/xds';
import { TrafficDirection } from '@tulle/xds/gen/envoy/config/core/v3/base_pb';
import t from 'tap';
import { ConfigLoop } from '../src/config-loop.js';
import { APPLY_QUIET_MS, APPLY_RETRY_MS } from '../src/limits.js';
import { ResourceStore } from '../src/xds/resource-store.js';
import { TestOutside } from './clock.js';
import { makeAuthority } from './identity/authority.js';
import * as envoy from './translate/resources-of-envoy.js';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/client';

/** A loop with a proxy of its own, and a promise for each thing that happens next. */
async function setUp(t: { teardown: (work: () => unknown) => void }) {
  const authority = await makeAuthority();
  const { certPem, keyPem } = await authority.issue([{ type: 'url', value: spiffeId }]);
  const outside = new TestOutside();
  const store = new ResourceStore();
  const events: string[] = [];
  let wake = (): void => {};
  const happened = (what: string): void => {
    events.push(what);
    wake();
  };
  const { error } = outside.log;
  const log = {
    ...outside.log,
    error: (fields: object, message: string) => {
      error(fields, message);
      happened('failed');
    },
  };
  const loop = new ConfigLoop({
    store,
    identity: () => ({
      spiffeId,
      certificateChainPem: certPem,
      privateKeyPem: keyPem,
      trustPem: authority.rootPem,
      issuedAtMs: 0,
      notAfterMs: 1,
    }),
    facts: {
      trustDomain: 'cluster.local',
      podIp: '127.0.0.1',
      isRedirected: true,
      outboundProxy: undefined,
      accessLog: { target: 'off', format: 'json' },
    },
    proxy: { engine: 'portable' },
    onApplied: () => happened('applied'),
    onSetAside: () => {},
    onFatal: (fatal) => happened(`fatal: ${fatal.message}`),
    outside: { now: outside.now, setTimer: outside.setTimer, random: outside.random, log },
  });
  t.teardown(async () => {
    await loop.stop();
    await loop.proxy?.close();
  });
  const next = async (ms: number): Promise<string> => {
    await outside.pass(ms);
    if (events.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return events.shift()!;
  };
  return { loop, store, next, outside };
}

const bound = (name: string, port: number) =>
  envoy.listener({
    name,
    address: envoy.address('127.0.0.1', port),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [{ name, filters: [envoy.tcpProxy('c')] }],
  });

async function takenPort(t: { teardown: (work: () => unknown) => void }): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as { port: number }).port;
}

t.test('a version that mends what failed is applied at once', async (t) => {
  const { loop, store, next } = await setUp(t);
  const port = await takenPort(t);
  store.accept('cds', '1', [envoy.originalCluster('c')]);
  store.accept('lds', '1', [bound('a', 0)]);
  loop.changed();
  t.equal(await next(APPLY_QUIET_MS), 'applied');
  store.accept('lds', '2', [bound('a', 0), bound('b', port)]);
  loop.changed();
  t.equal(await next(APPLY_QUIET_MS), 'failed');
  store.accept('lds', '3', [bound('a', 0), bound('b', 0)]);
  loop.changed();
  t.equal(await next(APPLY_QUIET_MS), 'applied');
  t.same(
    loop.proxy
      ?.addresses()
      .map(({ name }) => name)
      .sort(),
    ['a', 'b'],
  );
});

t.test('what failed is tried again when nothing new comes', async (t) => {
  const { loop, store, next } = await setUp(t);
  const port = await takenPort(t);
  store.accept('cds', '1', [envoy.originalCluster('c')]);
  store.accept('lds', '1', [bound('a', 0)]);
  loop.changed();
  t.equal(await next(APPLY_QUIET_MS), 'applied');
  store.accept('lds', '2', [bound('a', 0), bound('b', port)]);
  loop.changed();
  t.equal(await next(APPLY_QUIET_MS), 'failed');
  t.equal(await next(APPLY_RETRY_MS), 'failed');
  t.equal(loop.failures, 2);
});

t.test('resources that do not go together are left out and told, and the rest is served', async (t) => {
  const { loop, store, next, outside } = await setUp(t);
  const virtual = (name: string, protocol: string, requireClientCertificate: boolean) =>
    envoy.listener({
      name,
      address: envoy.address('10.96.0.5', 80),
      bindToPort: false,
      trafficDirection: TrafficDirection.INBOUND,
      filterChains: [
        {
          name,
          filterChainMatch: { transportProtocol: 'tls', applicationProtocols: [protocol] },
          transportSocket: envoy.meshTls(protocol, requireClientCertificate),
          filters: [envoy.tcpProxy('c')],
        },
      ],
    });
  const redirected = envoy.listener({
    name: 'in',
    address: envoy.address('127.0.0.1', 0),
    useOriginalDst: true,
    trafficDirection: TrafficDirection.INBOUND,
    filterChains: [{ name: 'rest', filters: [envoy.tcpProxy('c')] }],
  });
  t.same(store.accept('cds', '1', [envoy.originalCluster('c')]), []);
  const all = [bound('a', 0), redirected, virtual('x', alpn.http1, true), virtual('y', alpn.tcp, false)];
  t.same(store.accept('lds', '1', all), []);
  loop.changed();
  t.equal(await next(APPLY_QUIET_MS), 'failed');
  t.equal(await next(0), 'applied');
  t.same(
    loop.config?.listeners.flatMap(({ chains }) => chains.map(({ name }) => name)),
    ['a', 'x', 'rest'],
  );
  t.match(outside.lines, [/^error does not go together with others: left out .*Listener \\"y\\".*differs from chain/]);
  t.equal(store.version('lds'), '', 'a new stream is sent all listeners');
});
