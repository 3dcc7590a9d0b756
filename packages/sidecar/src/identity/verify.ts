import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

/** A certificate that is not what was asked for. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/**
 * Checks that a certificate is this workload's: it belongs to the key, carries the SPIFFE ID as its only URI, and has not ended.
 * @param nowMs `any`: one that has ended will do, as it did before.
 * @returns when it ends, in milliseconds since the epoch.
 * @throws CertificateError
 */
export function verifyCertificate(
  certificate: string | Uint8Array,
  key: KeyObject | string,
  spiffeId: string,
  nowMs: number | 'any',
): number {
  let parsed: X509Certificate;
  let isOfKey: boolean;
  try {
    parsed = new X509Certificate(certificate);
    isOfKey = parsed.checkPrivateKey(typeof key === 'string' ? createPrivateKey(key) : key);
  } catch (cause) {
    throw new CertificateError('the certificate or its key cannot be read', { cause });
  }
  if (!isOfKey) throw new CertificateError('the certificate is of another key');
  const names = (parsed.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  if (names.length !== 1 || names[0] !== `URI:${spiffeId}`) {
    throw new CertificateError(`the certificate is of ${names.join(', ') || 'nobody'}, not of ${spiffeId}`);
  }
  const notAfterMs = Date.parse(parsed.validTo);
  if (nowMs !== 'any' && !(notAfterMs > nowMs))
    throw new CertificateError(`the certificate ended at ${parsed.validTo}`);
  return notAfterMs;
}
