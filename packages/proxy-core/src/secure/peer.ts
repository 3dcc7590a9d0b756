/**
 * Stage secure: is the peer, whose chain the io layer has verified, who it should be? Pure.
 * X.509-SVID section 2: exactly one URI SAN, which is the SPIFFE ID; there is no fall-back to DNS names or the common name.
 * Sections 4.1, 4.3 and 5.2: a certificate that may sign others is no workload's, or whoever holds an intermediate could pose as one.
 */
import { type Failure, failure } from '../failure.js';
import type { PeerCertificate } from '../io/io.js';

export interface PeerExpectation {
  /** Peers must be of this trust domain; undefined: plain X.509, where the chain alone decides unless `allowedUris` says more. */
  readonly trustDomain: string | undefined;
  /** The peer's URI must be one of these; empty: any. */
  readonly allowedUris: readonly string[];
}

export type PeerVerdict =
  | { readonly kind: 'accepted'; readonly uri: string }
  | { readonly kind: 'rejected'; readonly failure: Failure };

/** SPIFFE ID section 2: scheme, trust domain of lower-case letters, digits, dots, dashes and underscores, and a path of non-empty segments that are not dots. */
const spiffeId = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/;
const dotSegment = /\/\.{1,2}(?:\/|$)/;

export function verifyPeer(peer: PeerCertificate | undefined, expected: PeerExpectation): PeerVerdict {
  if (peer === undefined) return rejected('the peer showed no certificate');
  const [uri = ''] = peer.uris;
  if (expected.trustDomain !== undefined) {
    if (peer.uris.length !== 1)
      return rejected(`the peer's certificate has ${peer.uris.length} URI names, an X.509-SVID has exactly one`);
    const match = spiffeId.exec(uri);
    if (match === null || dotSegment.test(match[2]) || uri.length > 2048)
      return rejected(`${JSON.stringify(uri)} is no SPIFFE ID`);
    if (match[1] !== expected.trustDomain)
      return rejected(`the peer ${uri} is not of trust domain ${expected.trustDomain}`);
    const flaw = leafFlaw(peer);
    if (flaw !== '') return rejected(`the peer ${uri} shows a certificate that ${flaw}, which an X.509-SVID must not`);
  }
  if (expected.allowedUris.length > 0 && !expected.allowedUris.includes(uri)) {
    return rejected(
      `the peer is ${uri === '' ? 'without a URI name' : uri}, expected ${expected.allowedUris.join(' or ')}`,
    );
  }
  return { kind: 'accepted', uri };
}

/** What makes the certificate none of a workload; '' when nothing does. A leaf must have the key usage extension (X509-SVID section 4.3). */
function leafFlaw({ isCa, keyUsage }: PeerCertificate): string {
  if (isCa) return 'is a CA (basic constraints)';
  if (keyUsage === undefined) return 'does not say what its key is for (no key usage)';
  if (keyUsage.keyCertSign) return 'may sign certificates (key usage keyCertSign)';
  if (keyUsage.cRLSign) return 'may sign revocation lists (key usage cRLSign)';
  return keyUsage.digitalSignature ? '' : 'may not sign a handshake (key usage without digitalSignature)';
}

function rejected(detail: string): PeerVerdict {
  return { kind: 'rejected', failure: failure('upstream-identity-mismatch', detail) };
}
