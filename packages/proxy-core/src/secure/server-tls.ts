/** TLS settings of a filter chain, compiled: what its clients are offered and asked for. */
import type { PeerCertificate, TlsContext } from '../io/io.js';
import { type PeerExpectation, type PeerVerdict, verifyPeer } from './peer.js';

export interface ServerTls {
  readonly context: TlsContext;
  readonly requireClientCertificate: boolean;
  /** undefined: no client certificate is asked for. */
  readonly expected: PeerExpectation | undefined;
}

/** Is the client, whose chain the io layer has verified, one that may be here? The URI is '' for one that shows no certificate where none is required. */
export function verifyClient(peer: PeerCertificate | undefined, tls: ServerTls): PeerVerdict {
  if (tls.expected === undefined || (peer === undefined && !tls.requireClientCertificate))
    return { kind: 'accepted', uri: '' };
  return verifyPeer(peer, tls.expected);
}
