/** A peer's certificate, from node:crypto to facts: for every engine whose TLS is OpenSSL. */
import type { X509Certificate } from 'node:crypto';
import { certificateExtensions } from './certificate-extensions.js';
import type { PeerCertificate } from './io.js';

/** The facts that stages see of a certificate whose chain was verified. Throws when they cannot be read: such a peer has no identity. */
export function peerCertificate(certificate: X509Certificate): PeerCertificate {
  const names = alternativeNames(certificate.subjectAltName ?? '');
  return {
    uris: names.filter((name) => name.type === 'URI').map((name) => name.value),
    dnsNames: names.filter((name) => name.type === 'DNS').map((name) => name.value),
    serial: certificate.serialNumber.toLowerCase(),
    notAfterMs: Date.parse(certificate.validTo),
    ...certificateExtensions(certificate.raw),
  };
}

/**
 * Reads `URI:spiffe://a/b, DNS:x`, as `X509Certificate.subjectAltName` has it. A value that could be mistaken for more than one entry (with a comma, a quote or a
 * control character) is written there as a JSON string, so that a name cannot smuggle in another.
 */
export function alternativeNames(text: string): { type: string; value: string }[] {
  const names: { type: string; value: string }[] = [];
  const entry = /([^:,]+):("(?:[^"\\]|\\.)*"|[^",][^,]*|)(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const match = entry.exec(text);
    // Not the form that node documents: nothing of it can be trusted.
    if (match === null) return [];
    const [, type, value] = match;
    names.push({ type, value: value.startsWith('"') ? (JSON.parse(value) as string) : value });
  }
  return names;
}
