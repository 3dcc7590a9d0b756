import { spiffeId, type WorkloadIdentity } from '@tulle/xds';
import { MAX_CSR_BYTES } from './limits.js';
import { type AlternativeName, alternativeNames } from './names.js';
import { Pkcs10CertificateRequest } from './x509.js';

/** A signing request that is refused: it is unsound (`invalid`), or asks for what its sender is not (`denied`). */
export class CsrError extends Error {
  override readonly name = 'CsrError';
  readonly code: 'invalid' | 'denied';

  constructor(code: 'invalid' | 'denied', message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The error travels in a header: what it repeats of the request is cut. */
const MAX_QUOTED = 200;

const CURVES: readonly string[] = ['P-256', 'P-384', 'P-521'];
const HASHES: readonly string[] = ['SHA-256', 'SHA-384', 'SHA-512'];

/**
 * Checks a PKCS #10 request of a workload, whose identity is known from its token.
 *
 * Nothing but the public key is taken from the request: names and usages in the certificate are the authority's own.
 * @returns the public key as SubjectPublicKeyInfo, DER.
 * @throws CsrError
 */
export async function verifyCsr(csrDer: Uint8Array, identity: WorkloadIdentity): Promise<Uint8Array> {
  if (csrDer.length === 0) throw new CsrError('invalid', 'csr_der is empty');
  if (csrDer.length > MAX_CSR_BYTES) {
    throw new CsrError('invalid', `csr_der has ${csrDer.length} bytes, more than ${MAX_CSR_BYTES}`);
  }
  try {
    return await check(new Pkcs10CertificateRequest(csrDer), identity);
  } catch (cause) {
    if (cause instanceof CsrError) throw cause;
    // The library decodes piece by piece, at first use, and throws errors of its own for the bytes of a peer.
    throw new CsrError('invalid', 'csr_der is not a PKCS #10 request in DER', { cause });
  }
}

async function check(request: Pkcs10CertificateRequest, identity: WorkloadIdentity): Promise<Uint8Array> {
  checkKey(request);
  if (!(await signatureHolds(request))) {
    throw new CsrError('invalid', 'the request is not signed by the key that it asks a certificate for');
  }
  checkNames(alternativeNames(request.extensions), identity);
  return new Uint8Array(request.publicKey.rawData);
}

function checkKey(request: Pkcs10CertificateRequest): void {
  const algorithm: { name?: string; namedCurve?: string } = request.publicKey.algorithm;
  if (algorithm.name !== 'ECDSA' || !CURVES.includes(algorithm.namedCurve ?? '')) {
    throw new CsrError(
      'invalid',
      `the key must be of ${CURVES.join(', ')}, not ${algorithm.namedCurve ?? algorithm.name}`,
    );
  }
  const hash = request.signatureAlgorithm.hash?.name ?? 'none';
  if (!HASHES.includes(hash))
    throw new CsrError('invalid', `the request must be signed with SHA-256 or better, not ${hash}`);
}

async function signatureHolds(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    return false; // Points off the curve, signatures of the wrong length: WebCrypto throws for them.
  }
}

function checkNames(names: readonly AlternativeName[], identity: WorkloadIdentity): void {
  if (names.length !== 1 || names[0].type !== 'url') {
    throw new CsrError(
      'invalid',
      `the request must have exactly one subject alternative name, a URI; it has ${names.length}`,
    );
  }
  const expected = spiffeId(identity);
  if (names[0].value !== expected) {
    const asked = JSON.stringify(names[0].value.slice(0, MAX_QUOTED));
    throw new CsrError('denied', `the request asks for ${asked}, but the token is of ${expected}`);
  }
}
