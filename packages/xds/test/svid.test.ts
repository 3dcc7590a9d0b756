import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { svidIdentity, svidUri } from '../src/index.js';

const own = 'spiffe://cluster.local/ns/default/sa/client';

/** A self-signed certificate with these names, as openssl writes them in a configuration file. */
function certificate(t: { testdir: (files: object) => string }, names: string[], more = ''): X509Certificate {
  const dir = t.testdir({
    cnf: `[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n[dn]\nCN=x\n[ext]\n${more}subjectAltName=@names\n[names]\n${names.join('\n')}\n`,
  });
  const out = join(dir, 'pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(dir, 'key')];
  execFileSync('openssl', ['req', '-x509', ...key, '-config', join(dir, 'cnf'), '-out', out], { stdio: 'ignore' });
  return new X509Certificate(readFileSync(out));
}

t.test('a certificate is of its only URI, whatever other names it has', async (t) => {
  const found = certificate(t, [`URI.1=${own}`, 'DNS.1=a.b', 'IP.1=::1']);
  t.same(svidUri(found), { uri: own });
  t.same(svidIdentity(found.raw), { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'client' });
});

t.test('a name cannot smuggle in another, and none or two are nobody', async (t) => {
  const smuggled = `DNS.1=x, URI:${own}`;
  t.same(svidUri(certificate(t, [smuggled])), { error: 'without a SPIFFE ID' });
  t.same(svidUri(certificate(t, [smuggled, 'URI.1=spiffe://cluster.local/ns/b/sa/b'])), {
    uri: 'spiffe://cluster.local/ns/b/sa/b',
  });
  t.same(svidUri(certificate(t, [`URI.1=${own}`, `URI.2=${own}`])), { error: 'of 2 URIs' });
  t.same(svidUri(certificate(t, [`URI.1=${own}, URI:b`])), { uri: `${own}, URI:b` });
  t.equal(svidIdentity(certificate(t, [`URI.1=${own}, URI:b`]).raw), undefined);
});

t.test('a certificate of an authority is nobody', async (t) => {
  const authority = certificate(t, [`URI.1=${own}`], 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n');
  t.match(svidUri(authority), { error: /of an authority/ });
  t.equal(svidIdentity(authority.raw), undefined);
});
