import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { svidIdentity } from '@tulle/xds';
import t from 'tap';
import { type AuthorityState, chainPem, issueSvid, rootsDer, trustBundleOf } from '../../src/ca/authority.js';
import { createRoot } from '../../src/ca/roots.js';
import { makeWorkload } from './workload.js';

const HOUR = 3600_000;
const now = Date.UTC(2026, 10, 24, 12);
const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'client' };

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
const opensslMissing = hasOpenssl() ? false : 'there is no openssl program on this machine';

async function setUp(): Promise<{ state: AuthorityState; publicKeyDer: Uint8Array }> {
  const state = { trustDomain: 'cluster.local', generation: 1, roots: [await createRoot('cluster.local', now)] };
  return { state, publicKeyDer: (await makeWorkload()).publicKeyDer };
}

t.test('a certificate carries the identity and nothing else', async (t) => {
  const { state, publicKeyDer } = await setUp();
  const issued = await issueSvid(state, { publicKeyDer, identity, ttlMs: HOUR }, now);
  const [leaf] = issued.chainDer.map((der) => new X509Certificate(der));
  t.equal(leaf.subject, undefined);
  t.equal(leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/client');
  t.same(svidIdentity(leaf.raw), identity);
  t.same(new Uint8Array(leaf.publicKey.export({ type: 'spki', format: 'der' })), publicKeyDer);
  t.equal(Date.parse(leaf.validTo), issued.notAfter);
  t.equal(issued.notAfter, now + HOUR);
  t.equal(Date.parse(leaf.validFrom), now - 60_000, 'begins a minute ago');
  t.notOk(leaf.ca);
  t.equal(leaf.serialNumber.toLowerCase(), issued.serial);
  t.match(issued.serial, /^[4-7][0-9a-f]{31}$/);
});

t.test('two certificates never share a serial number', async (t) => {
  const { state, publicKeyDer } = await setUp();
  const issue = async () => (await issueSvid(state, { publicKeyDer, identity, ttlMs: HOUR }, now)).serial;
  t.not(await issue(), await issue());
});

t.test('a certificate ends with its root at the latest', async (t) => {
  const { state, publicKeyDer } = await setUp();
  const late = state.roots[0].notAfter - 1000;
  const issued = await issueSvid(state, { publicKeyDer, identity, ttlMs: HOUR }, late);
  t.equal(issued.notAfter, state.roots[0].notAfter);
});

t.test('while roots overlap, both are trusted and the older signs', async (t) => {
  const { state, publicKeyDer } = await setUp();
  const roots = [await createRoot('cluster.local', now, now + HOUR), ...state.roots];
  const overlapping = { ...state, generation: 2, roots };
  const [younger, older] = rootsDer(trustBundleOf(overlapping)).map((der) => new X509Certificate(der));
  const request = { publicKeyDer, identity, ttlMs: HOUR };
  const before = new X509Certificate((await issueSvid(overlapping, request, now)).chainDer[0]);
  t.ok(before.checkIssued(older) && before.verify(older.publicKey));
  t.notOk(before.checkIssued(younger));
  const after = new X509Certificate((await issueSvid(overlapping, request, now + HOUR)).chainDer[0]);
  t.ok(after.checkIssued(younger) && after.verify(younger.publicKey));
});

t.test('openssl finds the certificates in order', { skip: opensslMissing }, async (t) => {
  const { state, publicKeyDer } = await setUp();
  const second = await createRoot('cluster.local', now, now + HOUR);
  const trust = trustBundleOf({ ...state, roots: [second, ...state.roots] });
  const dnsNames = ['control-plane.tulle-system.svc'];
  const issued = await issueSvid(state, { publicKeyDer, identity, dnsNames, ttlMs: HOUR }, now);
  const dir = t.testdir();
  const [rootFile, leafFile] = [join(dir, 'root.pem'), join(dir, 'leaf.pem')];
  writeFileSync(rootFile, trust.rootsPem);
  writeFileSync(leafFile, chainPem(issued.chainDer));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8' });
  const at = ['-attime', String(now / 1000)];
  for (const purpose of ['sslserver', 'sslclient']) {
    t.match(
      openssl('verify', '-x509_strict', ...at, '-purpose', purpose, '-CAfile', rootFile, leafFile),
      /: OK/,
      purpose,
    );
  }
  t.match(openssl('verify', '-x509_strict', ...at, '-check_ss_sig', '-CAfile', rootFile, rootFile), /: OK/);
  const text = openssl('x509', '-noout', '-text', '-in', leafFile);
  t.match(text, /Subject: \n/);
  t.match(text, /Basic Constraints: critical\n\s+CA:FALSE/);
  t.match(text, /Key Usage: critical\n\s+Digital Signature\n/);
  t.match(text, /Extended Key Usage: \n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/);
  t.match(text, /Subject Alternative Name: critical\n\s+URI:spiffe:\S+client, DNS:control-plane\.tulle-system\.svc\n/);
  t.match(text, /Authority Key Identifier/);
  const rootText = openssl('x509', '-noout', '-text', '-in', rootFile);
  t.match(rootText, /CA:TRUE, pathlen:0/);
  t.match(rootText, /Key Usage: critical\n\s+Certificate Sign, CRL Sign\n/);
  t.match(rootText, /URI:spiffe:\/\/cluster\.local\n/);
});
