/** TLS settings of a filter chain, compiled: what its clients are offered and asked for. */
import type { TlsContext } from '../io/io.js';
import type { PeerExpectation } from './peer.js';

export interface ServerTls {
  readonly context: TlsContext;
  readonly requireClientCertificate: boolean;
  /** undefined: no client certificate is asked for. */
  readonly expected: PeerExpectation | undefined;
}
