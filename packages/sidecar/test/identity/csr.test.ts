import 'reflect-metadata';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import t from 'tap';
import { signingRequest } from '../../src/identity/csr.js';

const uri = 'spiffe://cluster.local/ns/default/sa/client';
const withoutOpenssl = spawnSync('openssl', ['version']).error === undefined ? false : 'there is no openssl';

t.test('a library of X.509 reads the request, and its signature holds', async (t) => {
  const request = new Pkcs10CertificateRequest(signingRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }), uri));
  t.ok(await request.verify());
  t.equal(request.subject, '');
  t.match(request.publicKey.algorithm, { name: 'ECDSA', namedCurve: 'P-256' });
  t.equal(request.extensions.length, 1);
  const { names } = new SubjectAlternativeNameExtension(request.extensions[0].rawData);
  t.same(
    names.items.map(({ type, value }) => [type, value]),
    [['url', uri]],
  );
});

t.test('names of any length keep its form', async (t) => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const length of [1, 60, 100, 127, 128, 200, 255, 256, 500, 600]) {
    const long = `spiffe://td/ns/n/sa/${'a'.repeat(length)}`;
    const request = new Pkcs10CertificateRequest(signingRequest(keys, long));
    t.ok(await request.verify(), `${length}`);
    const { names } = new SubjectAlternativeNameExtension(request.extensions[0].rawData);
    t.equal(names.items[0].value, long);
  }
});

t.test('openssl reads it too', { skip: withoutOpenssl }, async (t) => {
  const der = signingRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }), uri);
  const text = execFileSync('openssl', ['req', '-inform', 'DER', '-verify', '-noout', '-text'], {
    input: der,
    stdio: ['pipe', 'pipe', 'pipe'],
  }).toString();
  t.match(text, `URI:${uri}`);
  t.match(text, /ecdsa-with-SHA256/);
});
