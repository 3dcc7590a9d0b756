import { create } from '@bufbuild/protobuf';
import { type ServiceError, status } from '@grpc/grpc-js';
import { typeUrl } from '@tulle/xds';
import type { DiscoveryResponse } from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb';
import { StatusSchema } from '@tulle/xds/gen/google/rpc/status_pb';
import t from 'tap';
import { openAuthority } from '../../src/ca/open.js';
import { clientFacts, identityOf, issueTo, modelOf, type Svid, startMesh, TestSidecar } from './mesh.js';

const mesh = await startMesh(t.testdir());
t.teardown(() => mesh.close());
const clientSvid = await issueTo(mesh.authority, identityOf('client'));
let generation = 0;

function connect(t: Test, svid: Svid | undefined = clientSvid, rootsPem?: string): TestSidecar {
  const sidecar = new TestSidecar(mesh, svid, rootsPem);
  t.teardown(() => sidecar.close());
  return sidecar;
}

type Test = Pick<typeof t, 'teardown'>;

function nextModel(): void {
  mesh.setModel(modelOf(++generation));
}

t.test('a stream opened before the first configuration waits for it', async (t) => {
  const sidecar = connect(t);
  sidecar.request('cds');
  const first = sidecar.next();
  while (mesh.service.report().length === 0) await new Promise(setImmediate);
  nextModel();
  t.match(await first, { typeUrl: typeUrl.cds, nonce: '1', controlPlane: { identifier: 'tulle' } });
});

t.test('a sidecar gets its clusters, acknowledges, and gets the next ones when they change', async (t) => {
  nextModel();
  const sidecar = connect(t);
  sidecar.request('cds');
  const first = (await sidecar.next()) as DiscoveryResponse;
  t.equal(first.resources.length, 1);
  sidecar.request('cds', { responseNonce: first.nonce }, null);
  sidecar.request('lds', {}, null);
  t.match(await sidecar.next(), { typeUrl: typeUrl.lds });
  nextModel();
  const second = (await sidecar.next()) as DiscoveryResponse;
  t.equal(second.typeUrl, typeUrl.cds, 'listeners have not changed: only clusters come');
  t.not(second.versionInfo, first.versionInfo);
  const message = 'cluster "generation-3": lb_policy: not supported';
  sidecar.request('cds', { responseNonce: second.nonce, errorDetail: create(StatusSchema, { code: 3, message }) });
  sidecar.request('sds', { resourceNames: ['trust'] });
  t.match(await sidecar.next(), { typeUrl: typeUrl.sds });
  const [report] = mesh.service.report();
  t.match(report, {
    node: 'sidecar~10.244.0.5~client.default~default.svc.cluster.local',
    identity: 'spiffe://cluster.local/ns/default/sa/client',
    types: { cds: { sent: 2, acked: 1, nacked: 1, error: message, ackedVersion: first.versionInfo } },
  });
  t.match(mesh.logged.join('\n'), /configuration refused .*lb_policy/);
});

t.test('two streams of a node cost one translation for each model', async (t) => {
  nextModel();
  const [a, b] = [connect(t), connect(t)];
  for (const sidecar of [a, b]) sidecar.request('cds');
  await Promise.all([a.next(), b.next()]);
  const before = mesh.translations;
  nextModel();
  await Promise.all([a, b].map((sidecar) => sidecar.request('lds')));
  await Promise.all([a.next(), b.next()]);
  while (mesh.translations === before) await new Promise(setImmediate);
  t.equal(mesh.translations, before + 1);
});

t.test('many changes at once come as one push', async (t) => {
  nextModel();
  const sidecar = connect(t);
  sidecar.request('cds');
  const first = (await sidecar.next()) as DiscoveryResponse;
  sidecar.request('cds', { responseNonce: first.nonce });
  for (let i = 0; i < 10; i++) nextModel();
  const second = (await sidecar.next()) as DiscoveryResponse;
  t.match(new TextDecoder().decode(second.resources[0].value), new RegExp(`generation-${generation}$`));
  t.equal(second.nonce, '2');
});

t.test('without a client certificate there is no stream', async (t) => {
  const sidecar = new TestSidecar(mesh, undefined);
  t.teardown(() => sidecar.close());
  sidecar.request('cds');
  t.match(await sidecar.next(), { code: status.UNAVAILABLE });
});

t.test('a certificate of another authority opens no stream', async (t) => {
  const other = await openAuthority({ stateDir: t.testdir(), trustDomain: 'cluster.local' });
  const sidecar = connect(t, await issueTo(other, identityOf('client')));
  sidecar.request('cds');
  t.match(await sidecar.next(), { code: status.UNAVAILABLE });
});

t.test('a certificate of another trust domain is refused', async (t) => {
  const svid = await issueTo(mesh.authority, { ...identityOf('client'), trustDomain: 'elsewhere' });
  const sidecar = connect(t, svid);
  sidecar.request('cds');
  t.match(await sidecar.next(), { code: status.UNAUTHENTICATED, details: /SPIFFE ID of cluster.local/ });
});

t.test('the certificate of another pod does not get this pod its configuration', async (t) => {
  const sidecar = connect(t, await issueTo(mesh.authority, identityOf('server')));
  sidecar.request('cds');
  t.match(await sidecar.next(), {
    code: status.PERMISSION_DENIED,
    details: 'the certificate is of service account default/server, the node says default/client',
  });
});

t.test('a node that claims the pod of another service account is refused', async (t) => {
  const sidecar = connect(t);
  sidecar.request('cds', {}, { ...clientFacts, pod: 'server' });
  t.match(await sidecar.next(), {
    code: status.PERMISSION_DENIED,
    details: /pod default\/server has service account server/,
  });
});

t.test('a pod that is not in the configuration, or leaves it, is refused', async (t) => {
  const stranger = connect(t);
  stranger.request('cds', {}, { ...clientFacts, pod: 'unknown' });
  t.match(await stranger.next(), { code: status.PERMISSION_DENIED, details: /no pod default\/unknown/ });
  const leaving = connect(t);
  leaving.request('cds');
  await leaving.next();
  mesh.setModel(modelOf(++generation, ['server']));
  t.match(await leaving.next(), { code: status.PERMISSION_DENIED, details: /no pod default\/client/ });
  nextModel();
});

t.test('a stream that makes no sense ends with the reason', async (t) => {
  const anonymous = connect(t);
  anonymous.request('cds', {}, null);
  t.match(await anonymous.next(), { code: status.INVALID_ARGUMENT, details: 'the first request has no node' });
  const strange = connect(t);
  strange.request('type.googleapis.com/envoy.service.runtime.v3.Runtime');
  t.match(await strange.next(), { code: status.INVALID_ARGUMENT, details: /Runtime" is none of .*Cluster/ });
});

t.test('a stream ends with the certificate that opened it', async (t) => {
  const sidecar = connect(t, await issueTo(mesh.authority, identityOf('client'), 1500));
  sidecar.request('cds');
  t.match(await sidecar.next(), { typeUrl: typeUrl.cds });
  t.match(await sidecar.next(), { code: status.UNAUTHENTICATED, details: /has expired: connect again/ });
});

t.test('the own certificate is replaced without a restart, and open streams stay', async (t) => {
  const before = connect(t);
  before.request('cds');
  await before.next();
  await mesh.certificate.renew();
  const after = connect(t);
  after.request('cds');
  t.match(await after.next(), { typeUrl: typeUrl.cds });
  before.request('lds');
  t.match(await before.next(), { typeUrl: typeUrl.lds });
});

t.test('every stream that was opened is forgotten in the end', async (t) => {
  while (mesh.service.report().length > 0) await new Promise(setImmediate);
  const count = (event: string) => mesh.counted.filter((counted) => counted === event).length;
  t.equal(count('closed'), count('opened'));
});

t.test('stopping tells sidecars to come again', async (t) => {
  const sidecar = connect(t);
  sidecar.request('cds');
  await sidecar.next();
  mesh.service.close();
  t.match((await sidecar.next()) as ServiceError, {
    code: status.UNAVAILABLE,
    details: 'the control plane is stopping',
  });
});
