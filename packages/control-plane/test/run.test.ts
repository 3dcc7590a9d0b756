import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { credentials, Metadata } from '@grpc/grpc-js';
import { AdsClient, CertificateClient, CONTROL_PLANE_SERVER_NAME, encodeNode, typeUrl } from '@tulle/xds';
import { DiscoveryRequestSchema, type DiscoveryResponse } from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb';
import {
  SignCertificateRequestSchema,
  type SignCertificateResponse,
} from '@tulle/xds/gen/tulle/identity/v1/certificate_pb';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import t from 'tap';
import { chainPem } from '../src/ca/authority.js';
import type { ControlPlaneOptions } from '../src/options.js';
import { makeWorkload, uriNames } from './ca/workload.js';
import { notBuilt, Program } from './program.js';

const CONFIG = `
apiVersion: v1
kind: Namespace
metadata: { name: default, labels: { tulle.dev/inject: enabled } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: client, namespace: default }
---
apiVersion: v1
kind: Service
metadata: { name: server, namespace: default }
spec:
  clusterIP: 10.96.0.5
  ports: [{ name: http, port: 80 }]
---
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: default }
spec: { serviceAccountName: client, containers: [{ name: app, command: [sleep] }] }
status: { podIP: 10.244.0.5 }
`;

const keyPair = await generateKeyPair('ES256');
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keyPair.publicKey)), kid: 'k' }] });

type Test = Pick<typeof t, 'testdir' | 'teardown' | 'passing' | 'comment'>;

function setUp(t: Test, config: string = CONFIG): { dir: string; options: ControlPlaneOptions } {
  const dir = t.testdir({ config: { 'mesh.yaml': config }, 'jwks.json': jwks });
  const options = {
    config: [join(dir, 'config')],
    state: join(dir, 'state'),
    ads: '127.0.0.1:0',
    certificates: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    tokenIssuer: 'issuer',
    tokenJwks: join(dir, 'jwks.json'),
  };
  return { dir, options };
}

function start(t: Test, options: ControlPlaneOptions): Program {
  const program = new Program(options);
  t.teardown(() => {
    if (!t.passing()) t.comment(`the log of the control plane:\n${program.log}`);
    return program.stop();
  });
  return program;
}

/** Gets an SVID with a token, and all clusters with the SVID: what a sidecar does first. */
async function bootstrap(stateDir: string, at: Record<string, string>): Promise<DiscoveryResponse> {
  const roots = readFileSync(join(stateDir, 'root-cert.pem'));
  const channelOptions = { 'grpc.ssl_target_name_override': CONTROL_PLANE_SERVER_NAME };
  const workload = await makeWorkload({ names: uriNames('spiffe://cluster.local/ns/default/sa/client') });
  const token = await new SignJWT({
    'kubernetes.io': {
      namespace: 'default',
      serviceaccount: { name: 'client', uid: 'u' },
      pod: { name: 'client', uid: 'u2' },
    },
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .setIssuer('issuer')
    .setAudience('tulle-ca')
    .setSubject('system:serviceaccount:default:client')
    .setExpirationTime('5m')
    .sign(keyPair.privateKey);
  const signer = new CertificateClient(at.certificates, credentials.createSsl(roots), channelOptions);
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const request = create(SignCertificateRequestSchema, { csrDer: workload.csrDer });
  const { chainDer } = await new Promise<SignCertificateResponse>((resolve, reject) => {
    signer.sign(request, metadata, {}, (error, response) => (error ? reject(error) : resolve(response!)));
  });
  signer.close();
  const key = Buffer.from(workload.privateKeyPem);
  const mutual = credentials.createSsl(roots, key, Buffer.from(chainPem(chainDer)));
  const client = new AdsClient(at.ads, mutual, channelOptions);
  const stream = client.stream(new Metadata());
  const facts = { pod: 'client', namespace: 'default', serviceAccount: 'client', podIp: '10.244.0.5' } as const;
  const node = encodeNode({ ...facts, interception: 'REDIRECT' }, 'test');
  stream.write(create(DiscoveryRequestSchema, { typeUrl: typeUrl.cds, node }));
  try {
    return await new Promise((resolve, reject) => stream.once('data', resolve).once('error', reject));
  } finally {
    stream.on('error', () => {});
    stream.cancel();
    client.close();
  }
}

t.test('a sidecar gets its certificate and its clusters, before and after a restart', { skip: notBuilt }, async (t) => {
  const { options } = setUp(t);
  const program = start(t, options);
  const at = await program.ready;
  const first = await bootstrap(options.state, at);
  t.ok(first.resources.length > 0);
  const ready = await fetch(`http://${at.admin}/ready`);
  t.same([ready.status, await ready.text()], [200, 'ready\n']);
  t.match(await (await fetch(`http://${at.admin}/metrics`)).text(), /tulle_certificates_total\{result="ok"\} 1\n/);
  t.match(await (await fetch(`http://${at.admin}/debug/config`)).json(), {
    generation: 1,
    problems: [],
    services: [
      { namespace: 'default', name: 'server', clusterIp: '10.96.0.5', ports: [{ port: 80, protocol: 'http' }] },
    ],
    pods: [{ namespace: 'default', name: 'client', serviceAccount: 'client', podIp: '10.244.0.5', injected: true }],
  });
  t.equal(await program.stop(), 0);
  const again = start(t, options);
  const second = await bootstrap(options.state, await again.ready);
  t.equal(second.versionInfo, first.versionInfo, 'the same content has the same version');
});

t.test('broken from the start: it stays up, is not ready, says why, and recovers', { skip: notBuilt }, async (t) => {
  const { dir, options } = setUp(t, CONFIG.replace('clusterIP', 'clusterIq'));
  const program = start(t, options);
  t.match(JSON.parse(await program.logged(/configuration refused/)), {
    level: 50,
    file: /mesh\.yaml$/,
    line: 14,
    message: /clusterIq/,
    remedy: /./,
    serving: 'nothing is served yet',
  });
  const { admin } = JSON.parse(await program.logged(/"listening"/)) as { admin: string };
  const response = await fetch(`http://${admin}/ready`);
  t.equal(response.status, 503);
  t.match(await response.text(), /^not ready: there is no good configuration yet\n.*mesh\.yaml:14:\d+: .*clusterIq/);
  const better = join(dir, 'better');
  writeFileSync(better, CONFIG);
  renameSync(better, join(dir, 'config', 'mesh.yaml'));
  const at = await program.ready;
  t.ok((await bootstrap(options.state, at)).resources.length > 0);
});

t.test('a restart while the files are broken serves what was good last, and says so', { skip: notBuilt }, async (t) => {
  const { dir, options } = setUp(t);
  const program = start(t, options);
  const first = await bootstrap(options.state, await program.ready);
  t.equal(await program.stop(), 0);
  const mesh = join(dir, 'config', 'mesh.yaml');
  writeFileSync(mesh, CONFIG.replace('clusterIP', 'clusterIq'));
  const again = start(t, options);
  const at = await again.ready;
  t.match(JSON.parse(await again.logged(/serving the last good configuration, from disk/)), {
    level: 40,
    services: 1,
    restoredFrom: /^\d{4}-/,
  });
  t.equal((await bootstrap(options.state, at)).versionInfo, first.versionInfo, 'the same content has the same version');
  t.match(JSON.parse(await again.logged(/configuration refused/)), {
    line: 14,
    serving: 'the last good configuration goes on serving',
  });
  const shown = async () =>
    (await fetch(`http://${at.admin}/debug/config`)).json() as Promise<{ restoredFrom: unknown }>;
  t.match(await shown(), { restoredFrom: /^\d{4}-/, problems: [{ line: 14 }], services: [{ name: 'server' }] });
  writeFileSync(mesh, CONFIG);
  await again.logged(/configuration taken/);
  t.match(await shown(), { restoredFrom: null, problems: [] });
});

t.test('a taken port ends it, with the port and a way on', { skip: notBuilt }, async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  for (const name of ['ads', 'certificates', 'admin'] as const) {
    const { options } = setUp(t);
    const program = start(t, { ...options, [name]: `127.0.0.1:${port}` });
    t.equal(await program.exit, 1, name);
    const last = program.log.trim().split('\n').at(-1)!;
    const msg = `cannot listen on 127.0.0.1:${port}: another program listens there: stop it, or give --${name} another ADDRESS:PORT`;
    t.match(JSON.parse(last), { level: 60, msg });
  }
});

t.test('what cannot be used ends it, with a way on', { skip: notBuilt }, async (t) => {
  const { dir, options } = setUp(t);
  const cases: [change: Partial<ControlPlaneOptions>, code: number, message: RegExp][] = [
    [{ config: [join(dir, 'missing')] }, 1, /--config .*missing: cannot be read .* Give a directory of YAML/],
    [{ config: [join(dir, 'jwks.json')] }, 1, /no directory/],
    [{ state: join(dir, 'jwks.json') }, 1, /Give --state a directory/],
    [{ ads: 'nowhere' }, 2, /--ads: \\"nowhere\\" is not ADDRESS:PORT/],
  ];
  for (const [change, code, message] of cases) {
    const program = start(t, { ...options, ...change });
    t.equal(await program.exit, code, JSON.stringify(change));
    t.match(program.log, message);
  }
});
