import { X509Certificate } from 'node:crypto';
import { createAuthority, type LeafOptions } from '@tulle/testkit';
import fc from 'fast-check';
import t from 'tap';
import { certificateExtensions } from '../../src/io/certificate-extensions.js';
import { alternativeNames, peerCertificate } from '../../src/io/peer-certificate.js';

const uri = 'spiffe://cluster.local/ns/default/sa/peer';

async function der(leaf: LeafOptions = {}): Promise<Buffer> {
  const authority = await createAuthority();
  return Buffer.from((await authority.leaf({ uris: [uri], ...leaf })).certificateDer);
}

/** The certificate with one piece of it changed in place. */
function changed(certificate: Buffer, from: string, to: string): Buffer {
  const text = certificate.toString('hex');
  if (text.split(from).length !== 2) throw new Error(`${from} is not there exactly once`);
  return Buffer.from(text.replace(from, to), 'hex');
}

t.test('alternative names are read with their quoting, so that no name smuggles in another', async (t) => {
  t.same(alternativeNames('URI:spiffe://a/b, DNS:x.test'), [
    { type: 'URI', value: 'spiffe://a/b' },
    { type: 'DNS', value: 'x.test' },
  ]);
  t.same(alternativeNames('URI:"spiffe://a/b, URI:spiffe://evil"'), [
    { type: 'URI', value: 'spiffe://a/b, URI:spiffe://evil' },
  ]);
  t.same(alternativeNames('DNS:"a\\"b, URI:spiffe://evil", URI:c'), [
    { type: 'DNS', value: 'a"b, URI:spiffe://evil' },
    { type: 'URI', value: 'c' },
  ]);
  t.same(alternativeNames(''), []);
  t.same(alternativeNames('URI:"unfinished'), [], 'what is not of the documented form is not trusted');
});

t.test('a certificate is read whole', async (t) => {
  const facts = peerCertificate(new X509Certificate(await der({ dnsNames: ['peer.test'] })));
  t.same(facts.uris, [uri]);
  t.same(facts.dnsNames, ['peer.test']);
  t.equal(facts.isCa, false);
  t.same(facts.keyUsage, { digitalSignature: true, keyCertSign: false, cRLSign: false });
});

t.test('a CA is one however its truth value is written, and whatever its key may do', async (t) => {
  const ca = await der({ ca: true });
  t.equal(new X509Certificate(ca).ca, false, 'node looks at the key usage as well');
  t.equal(certificateExtensions(ca).isCa, true);
  t.equal(certificateExtensions(changed(ca, '30030101ff', '3003010101')).isCa, true, 'OpenSSL takes it for true');
  t.equal(certificateExtensions(changed(ca, '30030101ff', '3003010100')).isCa, false);
  t.equal(certificateExtensions(changed(ca, '30030101ff', '30030201ff')).isCa, false, 'a path length only');
  t.throws(() => certificateExtensions(changed(ca, '30030101ff', '3003010200')), { message: /ends too early/ });
});

t.test('bits of the key usage count as far as they are used', async (t) => {
  const leaf = await der();
  const usage = (bits: string) => certificateExtensions(changed(leaf, '03020780', bits)).keyUsage;
  const none = { digitalSignature: false, keyCertSign: false, cRLSign: false };
  t.same(usage('030200ff'), { digitalSignature: true, keyCertSign: true, cRLSign: true });
  t.same(usage('030207ff'), { ...none, digitalSignature: true }, 'the other seven are not there');
  t.same(usage('03020006'), { ...none, keyCertSign: true, cRLSign: true });
  t.same(usage('03020000'), none);
  t.throws(() => usage('03020880'), { message: /bit string/ });
  t.throws(() => usage('04020780'), { message: /tag 4 where 3 belongs/ });
});

t.test('an extension that comes twice, or is absent', async (t) => {
  const leaf = await der();
  t.throws(() => certificateExtensions(changed(leaf, '0603551d0f', '0603551d13')), { message: /twice/ });
  const without = changed(changed(leaf, '0603551d0f', '0603551d7f'), '0603551d13', '0603551d7e');
  t.same(certificateExtensions(without), { isCa: false, keyUsage: undefined });
});

t.test('invariant: whatever the bytes are, there are facts or an Error that says what is wrong', async (t) => {
  const leaf = await der({ ca: true });
  const holds = (bytes: Uint8Array): boolean => {
    try {
      return typeof certificateExtensions(bytes).isCa === 'boolean';
    } catch (error) {
      return error instanceof Error && error.message.startsWith("the certificate's DER form is wrong: ");
    }
  };
  const edit = fc.tuple(fc.nat(leaf.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = Buffer.from(leaf);
      for (const [at, value] of edits) bytes[at] = value;
      return holds(bytes);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), holds));
  for (let length = 0; length < leaf.length; length++) {
    t.throws(() => certificateExtensions(leaf.subarray(0, length)), { message: /ends too early|a length/ });
  }
});
