/** One endpoint of a cluster at run time: its load figures and its pool. Lives as long as address, identity, trust and expected peer stay the same. */
import { formatAddress, type SocketAddress } from '../address.js';
import type { Suspect } from '../balance/outlier.js';
import type { TlsContext } from '../io/io.js';
import type { Pool } from '../pool/pool.js';
import type { PeerExpectation } from '../secure/peer.js';

/** TLS towards an endpoint: undefined means plain text. */
export interface UpstreamTls {
  readonly context: TlsContext;
  readonly serverName: string;
  readonly expected: PeerExpectation;
}

export class Endpoint implements Suspect {
  readonly address: SocketAddress;
  readonly key: string;
  readonly tls: UpstreamTls | undefined;
  weight: number;
  active = 0;
  latencyMs = 0;
  measuredMs = 0;
  avoidUntilMs = 0;
  ejected = false;
  serverErrors = 0;
  gatewayFailures = 0;
  localOriginFailures = 0;
  ejections = 0;
  ejectedUntilMs = 0;
  /** Places for HTTP exchanges; opaque connections are dialled one by one. */
  readonly pool: Pool;

  constructor(
    address: SocketAddress,
    tls: UpstreamTls | undefined,
    weight: number,
    makePool: (endpoint: Endpoint) => Pool,
  ) {
    this.address = address;
    this.key = formatAddress(address);
    this.tls = tls;
    this.weight = weight;
    this.pool = makePool(this);
  }
}
