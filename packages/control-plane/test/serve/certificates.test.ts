import { X509Certificate } from 'node:crypto';
import { type ServiceError, status } from '@grpc/grpc-js';
import { svidIdentity } from '@tulle/xds';
import type { SignCertificateResponse } from '@tulle/xds/gen/tulle/identity/v1/certificate_pb';
import t from 'tap';
import { openAuthority } from '../../src/ca/open.js';
import { makeWorkload, uriNames } from '../ca/workload.js';
import { identityOf, requestCertificate, startMesh } from './mesh.js';

const own = 'spiffe://cluster.local/ns/default/sa/client';
const mesh = await startMesh(t.testdir());
t.teardown(() => mesh.close());
const { csrDer, publicKeyDer } = await makeWorkload({ names: uriNames(own) });

t.test('a workload with its token gets a certificate of its key and identity', async (t) => {
  const answer = await requestCertificate(mesh, csrDer, [`Bearer ${await mesh.token()}`]);
  const { chainDer, trustDer, notAfter } = answer as SignCertificateResponse;
  const leaf = new X509Certificate(chainDer[0]);
  const root = new X509Certificate(trustDer[0]);
  t.same(svidIdentity(chainDer[0]), identityOf('client'));
  t.same(new Uint8Array(leaf.publicKey.export({ type: 'spki', format: 'der' })), publicKeyDer);
  t.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey));
  t.equal(Number(notAfter?.seconds), Date.parse(leaf.validTo) / 1000);
  t.match(mesh.logged.join('\n'), /certificate signed .*ns\/default\/sa\/client/);
});

const cases: [title: string, authorization: () => Promise<string[]>, code: status, details: RegExp][] = [
  ['no token', async () => [], status.UNAUTHENTICATED, /"authorization" is missing/],
  ['another scheme', async () => ['Basic abc'], status.UNAUTHENTICATED, /one "Bearer <token>"/],
  ['a token that is none', async () => ['Bearer abc'], status.UNAUTHENTICATED, /not a signed JWT/],
  ['a token of a stranger', async () => [`Bearer ${await mesh.strangerToken()}`], status.UNAUTHENTICATED, /signature/],
  [
    'a token of another audience',
    async () => [
      `Bearer ${await mesh.token((claims) => {
        claims.aud = ['vault'];
      })}`,
    ],
    status.UNAUTHENTICATED,
    /"aud"/,
  ],
  [
    'an expired token',
    async () => [
      `Bearer ${await mesh.token((claims) => {
        claims.exp = 1000;
      })}`,
    ],
    status.UNAUTHENTICATED,
    /has expired/,
  ],
];

for (const [title, authorization, code, details] of cases) {
  t.test(`with ${title} there is no certificate`, async (t) => {
    const values = await authorization();
    t.match(await requestCertificate(mesh, csrDer, values), { code, details });
    t.equal(mesh.counted.at(-1), 'certificate UNAUTHENTICATED');
    for (const value of values) {
      const secret = value.split(' ')[1];
      if (secret.length > 10)
        t.notOk(
          mesh.logged.some((line) => line.includes(secret)),
          'and the token is not logged',
        );
    }
  });
}

t.test('a request for the identity of somebody else is denied', async (t) => {
  const other = await makeWorkload({ names: uriNames('spiffe://cluster.local/ns/default/sa/server') });
  const answer = await requestCertificate(mesh, other.csrDer, [`Bearer ${await mesh.token()}`]);
  t.match(answer, { code: status.PERMISSION_DENIED, details: /sa\/server.*but the token is of.*sa\/client/ });
});

t.test('a request that is no PKCS #10 is invalid', async (t) => {
  const answer = await requestCertificate(mesh, Uint8Array.of(1, 2, 3), [`Bearer ${await mesh.token()}`]);
  t.match(answer, { code: status.INVALID_ARGUMENT, details: /PKCS #10/ });
});

t.test('a client that trusts another root sends its token to nobody', async (t) => {
  const other = await openAuthority({ stateDir: t.testdir(), trustDomain: 'cluster.local' });
  const before = mesh.counted.length;
  const answer = await requestCertificate(mesh, csrDer, [`Bearer ${await mesh.token()}`], other.trust().rootsPem);
  t.match(answer, { code: status.UNAVAILABLE } as ServiceError);
  t.equal(mesh.counted.length, before);
});
