import { createServer } from 'node:net';
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { adsService, CONTROL_PLANE_SERVER_NAME, type NodeFacts, typeUrl, type XdsType, xdsTypeOf } from '@tulle/xds';
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb';
import t from 'tap';
import { FIRST_RESPONSE_TIMEOUT_MS } from '../../src/limits.js';
import { realTimer } from '../../src/outside.js';
import { AdsConnection } from '../../src/xds/ads-client.js';
import { ResourceStore } from '../../src/xds/resource-store.js';
import { TestOutside } from '../clock.js';
import { type Authority, makeAuthority } from '../identity/authority.js';
import * as envoy from '../translate/resources-of-envoy.js';

const clientId = 'spiffe://cluster.local/ns/default/sa/client';
const controlPlaneId = 'spiffe://cluster.local/ns/tulle-system/sa/control-plane';
const node: NodeFacts = {
  pod: 'client',
  namespace: 'default',
  serviceAccount: 'client',
  podIp: '10.244.0.5',
  interception: 'REDIRECT',
};

type Call = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;

/** A control plane of which the test is the mind: requests wait until they are asked for. */
class FakeControlPlane {
  readonly calls: Call[] = [];
  private server: Server | undefined;
  private readonly arrived: DiscoveryRequest[] = [];
  private waiting: ((request: DiscoveryRequest) => void) | undefined;

  async listen(authority: Authority, port = 0, uri = controlPlaneId): Promise<number> {
    const names = [
      { type: 'url' as const, value: uri },
      { type: 'dns' as const, value: CONTROL_PLANE_SERVER_NAME },
    ];
    const { certPem, keyPem } = await authority.issue(names);
    this.server = new Server();
    this.server.addService(adsService, {
      streamAggregatedResources: (call: Call) => {
        this.calls.push(call);
        call.on('data', (request: DiscoveryRequest) => this.arrive(request));
        call.on('error', () => {});
      },
      deltaAggregatedResources: () => {},
    } as never);
    const credentials = ServerCredentials.createSsl(
      Buffer.from(authority.rootPem),
      [{ private_key: Buffer.from(keyPem), cert_chain: Buffer.from(certPem) }],
      true,
    );
    return new Promise((resolve, reject) => {
      this.server!.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  next(): Promise<DiscoveryRequest> {
    const request = this.arrived.shift();
    if (request !== undefined) return Promise.resolve(request);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  /** The next request, in short. */
  async brief(): Promise<string> {
    const { typeUrl: url, versionInfo, responseNonce, errorDetail } = await this.next();
    return `${xdsTypeOf(url)} v=${versionInfo} n=${responseNonce}${errorDetail === undefined ? '' : ` ${errorDetail.message}`}`;
  }

  send(type: XdsType, versionInfo: string, nonce: string, resources: Any[]): void {
    this.calls
      .at(-1)!
      .write(create(DiscoveryResponseSchema, { typeUrl: typeUrl[type], versionInfo, nonce, resources }));
  }

  stop(): void {
    this.server?.forceShutdown();
  }

  private arrive(request: DiscoveryRequest): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting === undefined) this.arrived.push(request);
    else waiting(request);
  }
}

/** A log that can be waited for, and timers that are real, but for the waits between connects. */
class Hurried extends TestOutside {
  override readonly setTimer = realTimer;
  private readonly watchers: { pattern: RegExp; resolve: () => void }[] = [];

  constructor() {
    super();
    const push = this.lines.push.bind(this.lines);
    this.lines.push = (...lines) => {
      const length = push(...lines);
      for (const { pattern, resolve } of this.watchers) if (lines.some((line) => pattern.test(line))) resolve();
      return length;
    };
  }

  logged(pattern: RegExp): Promise<void> {
    if (this.lines.some((line) => pattern.test(line))) return Promise.resolve();
    return new Promise((resolve) => this.watchers.push({ pattern, resolve }));
  }
}

async function start(
  test: Pick<typeof t, 'teardown'>,
  authority: Authority,
  port: number,
  { roots = authority.rootPem, outside = new Hurried() }: { roots?: string; outside?: Hurried } = {},
) {
  const store = new ResourceStore();
  const shown = { ...(await authority.issue([{ type: 'url', value: clientId }])) };
  const connected: boolean[] = [];
  let refused = 0;
  const connection = new AdsConnection({
    address: `127.0.0.1:${port}`,
    serverName: CONTROL_PLANE_SERVER_NAME,
    trustDomain: 'cluster.local',
    node,
    version: 'test',
    store,
    credentials: () => ({ certificateChainPem: shown.certPem, privateKeyPem: shown.keyPem, trustPem: '' }),
    rootsPem: () => roots,
    events: {
      changed: () => {},
      refused: (count) => {
        refused += count;
      },
      connected: (isConnected) => connected.push(isConnected),
    },
    outside,
  });
  connection.start();
  test.teardown(() => connection.close());
  return { outside, store, shown, connected, refusals: () => refused };
}

const authority = await makeAuthority();

/**
 * So many waits between connects, over at once, and told; after the last of them it connects no more. (grpc-js keeps a socket open whose channel is closed in the middle of
 * its handshake: reconnects that go on keep the test from ending.)
 */
class Impatient extends Hurried {
  readonly waits: number[] = [];
  override chance = 1;
  readonly done: Promise<void>;
  readonly #count: number;
  #finish = (): void => {};

  constructor(count: number) {
    super();
    this.#count = count;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  override readonly setTimer = (ms: number, callback: () => void): (() => void) => {
    if (ms === FIRST_RESPONSE_TIMEOUT_MS) return realTimer(ms, callback);
    this.waits.push(ms);
    if (this.waits.length < this.#count) return realTimer(0, callback);
    this.#finish();
    return () => {};
  };
}

t.test(
  'a closed port is tried every two seconds at the latest, one that opens and fails ever more rarely',
  async (t) => {
    const refused = new Impatient(6);
    await start(t, authority, await freePort(), { outside: refused });
    await refused.done;
    t.same(refused.waits, [500, 1000, 2000, 2000, 2000, 2000]);

    const failing = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve));
    t.teardown(() => failing.close());
    const reset = new Impatient(7);
    await start(t, authority, (failing.address() as { port: number }).port, { outside: reset });
    await reset.done;
    t.same(reset.waits, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  },
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

t.test('it says who it is once, takes what is good, and refuses what is not by its name', async (t) => {
  const controlPlane = new FakeControlPlane();
  t.teardown(() => controlPlane.stop());
  const { connected, store, refusals } = await start(t, authority, await controlPlane.listen(authority));
  const first = await controlPlane.next();
  t.match(first, {
    typeUrl: typeUrl.cds,
    node: { id: 'sidecar~10.244.0.5~client.default~default.svc.cluster.local', userAgentName: 'tulle' },
  });
  t.equal((await controlPlane.next()).node, undefined);
  t.match(await controlPlane.brief(), /^lds/);
  controlPlane.send('cds', 'c1', 'n1', [envoy.edsCluster('a')]);
  t.equal(await controlPlane.brief(), 'cds v=c1 n=n1');
  t.match(await controlPlane.brief(), /^eds/);
  controlPlane.send('cds', 'c2', 'n2', [envoy.edsCluster('a', { respectDnsTtl: true })]);
  t.equal(await controlPlane.brief(), 'cds v=c1 n=n2 Cluster "a": respect_dns_ttl: this field is not understood');
  t.same([...store.parts().cds.keys()], ['a']);
  t.equal(refusals(), 1);
  t.same(connected, [true]);
});

t.test('a control plane that is gone is found again, and told what is held; with the newest certificate', async (t) => {
  const controlPlane = new FakeControlPlane();
  t.teardown(() => controlPlane.stop());
  const port = await controlPlane.listen(authority);
  const { outside, connected, shown } = await start(t, authority, port);
  for (let i = 0; i < 3; i++) await controlPlane.next();
  controlPlane.send('cds', 'c1', 'n1', [envoy.edsCluster('a')]);
  await controlPlane.next();
  await controlPlane.next();
  const before = controlPlane.calls[0].getAuthContext().sslPeerCertificate?.fingerprint256;
  Object.assign(shown, await authority.issue([{ type: 'url', value: clientId }]));
  controlPlane.stop();
  await outside.logged(/control plane lost/);
  const again = new FakeControlPlane();
  t.teardown(() => again.stop());
  await again.listen(authority, port);
  t.match(await again.next(), { typeUrl: typeUrl.cds, versionInfo: 'c1', responseNonce: '', node: {} });
  t.match(await again.next(), { typeUrl: typeUrl.eds, resourceNames: ['a'] });
  const after = again.calls[0].getAuthContext().sslPeerCertificate?.fingerprint256;
  t.ok(before !== undefined && after !== undefined && before !== after);
  again.send('cds', 'c2', 'm1', []);
  for (let brief = await again.brief(); brief !== 'cds v=c2 n=m1'; ) brief = await again.brief();
  t.same(connected, [true, false, true]);
});

t.test('a stream that is ended is opened again', async (t) => {
  const controlPlane = new FakeControlPlane();
  t.teardown(() => controlPlane.stop());
  await start(t, authority, await controlPlane.listen(authority));
  for (let i = 0; i < 3; i++) await controlPlane.next();
  controlPlane.calls[0].end();
  t.match(await controlPlane.next(), { typeUrl: typeUrl.cds, node: {} });
  t.equal(controlPlane.calls.length, 2);
});

t.test('a workload of the mesh is no control plane, nor is one of another root', async (t) => {
  const workload = new FakeControlPlane();
  const stranger = new FakeControlPlane();
  t.teardown(() => [workload, stranger].map((each) => each.stop()));
  const fooled = await start(t, authority, await workload.listen(authority, 0, clientId), {
    outside: new Impatient(1),
  });
  await fooled.outside.logged(
    /control plane lost.*the server is spiffe:\/\/cluster.local\/ns\/default\/sa\/client, not the control plane/,
  );
  const strangers = await makeAuthority();
  const other = await start(t, strangers, await stranger.listen(strangers), {
    roots: authority.rootPem,
    outside: new Impatient(1),
  });
  await other.outside.logged(/control plane lost.*(self.signed|unable to|certificate)/i);
  t.same([workload.calls.length, stranger.calls.length], [0, 0]);
});
