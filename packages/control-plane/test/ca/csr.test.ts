import fc from 'fast-check';
import t from 'tap';
import { CsrError, verifyCsr } from '../../src/ca/csr.js';
import { MAX_CSR_BYTES } from '../../src/ca/limits.js';
import { SubjectAlternativeNameExtension } from '../../src/ca/x509.js';
import { makeWorkload, uriNames, type WorkloadOptions } from './workload.js';

const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'client' };
const own = 'spiffe://cluster.local/ns/default/sa/client';
const other = 'spiffe://cluster.local/ns/default/sa/server';

async function refusalOf(csrDer: Uint8Array): Promise<{ code: string; message: string } | undefined> {
  try {
    await verifyCsr(csrDer, identity);
    return undefined;
  } catch (error) {
    if (!(error instanceof CsrError)) throw error;
    return { code: error.code, message: error.message };
  }
}

t.test('a sound request for the own identity yields its public key', async (t) => {
  for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
    const workload = await makeWorkload({ names: uriNames(own), algorithm: { name: 'ECDSA', namedCurve } });
    t.same(await verifyCsr(workload.csrDer, identity), workload.publicKeyDer, namedCurve);
  }
});

const refused: [title: string, options: WorkloadOptions, code: string, message: RegExp][] = [
  [
    'another identity',
    { names: uriNames(other) },
    'denied',
    /asks for "spiffe.*server", but the token is of spiffe.*client/,
  ],
  ['no name', {}, 'invalid', /exactly one subject alternative name.*it has 0/],
  ['two URIs', { names: uriNames(own, other) }, 'invalid', /it has 2/],
  ['the same URI twice', { names: uriNames(own, own) }, 'invalid', /it has 2/],
  ['a DNS name beside the URI', { names: [...uriNames(own), { type: 'dns', value: 'a' }] }, 'invalid', /it has 2/],
  ['a DNS name only', { names: [{ type: 'dns', value: own }] }, 'invalid', /a URI/],
  [
    'a second name extension',
    {
      extensions: [
        new SubjectAlternativeNameExtension(uriNames(own)),
        new SubjectAlternativeNameExtension(uriNames(other)),
      ],
    },
    'invalid',
    /it has 2/,
  ],
  ['an RSA key', { names: uriNames(own), algorithm: rsa(2048) }, 'invalid', /the key must be of P-256/],
  ['a SHA-1 signature', { names: uriNames(own), hash: 'SHA-1' }, 'invalid', /SHA-256 or better, not SHA-1/],
];

function rsa(modulusLength: number): NonNullable<WorkloadOptions['algorithm']> {
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };
}

for (const [title, options, code, message] of refused) {
  t.test(`a request with ${title} is refused`, async (t) => {
    t.match(await refusalOf((await makeWorkload(options)).csrDer), { code, message });
  });
}

t.test('a refusal repeats only the beginning of a long name', async (t) => {
  const { csrDer } = await makeWorkload({ names: uriNames(`spiffe://${'x'.repeat(5000)}`) });
  const refusal = await refusalOf(csrDer);
  t.equal(refusal?.code, 'denied');
  t.ok((refusal?.message.length ?? 0) < 400);
});

t.test('a request that is none is refused, whatever its bytes', async (t) => {
  t.match(await refusalOf(new Uint8Array()), { code: 'invalid', message: /empty/ });
  t.match(await refusalOf(new Uint8Array(MAX_CSR_BYTES + 1)), { code: 'invalid', message: /more than/ });
  const { csrDer } = await makeWorkload({ names: uriNames(own) });
  t.match(await refusalOf(csrDer.subarray(0, -1)), { code: 'invalid' });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (bytes) => {
      return (await refusalOf(bytes))?.code === 'invalid';
    }),
  );
});

t.test('no changed bit makes a request that yields another key, and none in its signed part goes unseen', async (t) => {
  const { csrDer, publicKeyDer } = await makeWorkload({ names: uriNames(own) });
  // Two headers come first: of the whole (4 bytes), and of the signed part (3, of which the last is its length).
  const [signedFrom, signedTo] = [7, 7 + csrDer[6]];
  for (let bit = 0; bit < csrDer.length * 8; bit++) {
    const at = bit >> 3;
    const changed = Uint8Array.from(csrDer);
    changed[at] ^= 1 << (bit & 7);
    const key = await verifyCsr(changed, identity).catch((error: Error) => {
      if (!(error instanceof CsrError)) throw error;
      return undefined;
    });
    if (key === undefined) continue;
    if (at >= signedFrom && at < signedTo) t.fail(`byte ${at} is not covered by the signature`);
    if (!Buffer.from(key).equals(publicKeyDer)) t.fail(`byte ${at} changes the key`);
  }
  t.pass(`${csrDer.length} bytes`);
});
