/**
 * Stage secure: is the peer, whose chain the io layer has verified, who it should be? Pure.
 * X.509-SVID section 2: exactly one URI SAN, which is the SPIFFE ID; there is no fall-back to DNS names or the common name.
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
  }
  if (expected.allowedUris.length > 0 && !expected.allowedUris.includes(uri)) {
    return rejected(
      `the peer is ${uri === '' ? 'without a URI name' : uri}, expected ${expected.allowedUris.join(' or ')}`,
    );
  }
  return { kind: 'accepted', uri };
}

function rejected(detail: string): PeerVerdict {
  return { kind: 'rejected', failure: failure('upstream-identity-mismatch', detail) };
}
