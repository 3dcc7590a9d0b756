import { X509Certificate } from 'node:crypto';
import { parseSpiffeId, type WorkloadIdentity } from './identity.js';

/**
 * Whose a certificate is: its one URI name (X509-SVID section 2), which a leaf alone can be asked for. Strict: of a certificate that could be read in two ways
 * nothing is taken. The chain must have been verified.
 */
export function svidUri(certificate: X509Certificate): { uri: string } | { error: string } {
  // X509-SVID section 4.1: a signing certificate must not be used as one of a workload.
  if (certificate.ca) return { error: 'a certificate of an authority, which is nobody' };
  const names = alternativeNames(certificate.subjectAltName ?? '');
  if (names === undefined) return { error: 'with names that cannot be read' };
  const uris = names.flatMap(({ type, value }) => (type === 'URI' ? [value] : []));
  if (uris.length !== 1) return { error: uris.length === 0 ? 'without a SPIFFE ID' : `of ${uris.length} URIs` };
  return { uri: uris[0] };
}

/** The identity in an X.509-SVID, DER; undefined when it is none, or not one that Tulle issues. The chain must have been verified. */
export function svidIdentity(certificateDer: Uint8Array): WorkloadIdentity | undefined {
  const read = svidUri(new X509Certificate(certificateDer));
  return 'uri' in read ? parseSpiffeId(read.uri) : undefined;
}

/**
 * Reads `URI:spiffe://a/b, DNS:x`, the form of `X509Certificate.subjectAltName`, where a value that could be taken for several (with a comma, a quote or a
 * control character) is a JSON string. undefined: it is not of this form.
 */
function alternativeNames(text: string): { type: string; value: string }[] | undefined {
  const names: { type: string; value: string }[] = [];
  const entry = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, (?=.)|$)/y;
  while (entry.lastIndex < text.length) {
    const match = entry.exec(text);
    if (match === null) return undefined;
    const [, type, value] = match;
    names.push({ type, value: value.startsWith('"') ? (JSON.parse(value) as string) : value });
  }
  return names;
}
