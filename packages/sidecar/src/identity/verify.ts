import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { svidUri } from '@tulle/xds';

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
  const found = svidUri(parsed);
  if ('error' in found) throw new CertificateError(`the certificate is ${found.error}, not of ${spiffeId}`);
  if (found.uri !== spiffeId) throw new CertificateError(`the certificate is of ${found.uri}, not of ${spiffeId}`);
  const notAfterMs = Date.parse(parsed.validTo);
  if (nowMs !== 'any' && !(notAfterMs > nowMs))
    throw new CertificateError(`the certificate ended at ${parsed.validTo}`);
  return notAfterMs;
}
