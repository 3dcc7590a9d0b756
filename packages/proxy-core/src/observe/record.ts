/** What stage observe is told: the facts of one exchange, tunnel or rejected connection, read while they are still valid. The codec and forward write them. */
import type { SocketAddress } from '../address.js';
import type { Direction } from '../config/config.js';
import type { Reason } from '../failure.js';
import type { Head } from '../message/head.js';
import type { ClusterObserver } from '../upstream/events.js';

interface CommonRecord {
  /** Monotonic ms when the head was whole, or the connection was accepted. */
  readonly startMs: number;
  readonly reason: Reason | '';
  /** For the operator's eyes only; may name addresses and identities, never secrets. */
  readonly detail: string;
  readonly route: string;
  /** `namespace/name` of the policy that decided, '' for none or the default. */
  readonly policy: string;
  /** The client's verified SPIFFE ID, '' without. */
  readonly peerUri: string;
  /** The server's verified SPIFFE ID, '' without TLS. */
  readonly upstreamUri: string;
  /** Where the client's connection was going. */
  readonly destination: SocketAddress;
  readonly clusterName: string;
  /** Endpoint of the last try. */
  readonly upstreamAddress: SocketAddress | undefined;
  readonly attempts: number;
  /** From the last try's start to the answer's head, or to the open connection; -1: it never came. */
  readonly upstreamMs: number;
}

export interface ExchangeRecord extends CommonRecord {
  readonly head: Head;
  readonly status: number;
  readonly downstream: {
    readonly remote: SocketAddress;
    readonly isTls: boolean;
    readonly protocol: string;
    readonly bodyBytesReceived: number;
    readonly bodyBytesSent: number;
  };
}

export interface TunnelRecord extends CommonRecord {
  readonly downstream: { readonly remote: SocketAddress; readonly isTls: boolean };
  /** From the client, and to it. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** A connection that ended before it was anything, or bytes that were no request. */
export interface RejectionRecord {
  readonly remote: SocketAddress;
  readonly destination: SocketAddress;
  readonly isTls: boolean;
  /** The bytes came where HTTP is spoken. */
  readonly isHttp: boolean;
  /** As far as they could be read, '' where not; the target as it was sent. */
  readonly method: string;
  readonly target: string;
  readonly reason: Reason;
  readonly detail: string;
  /** Of the answer; 0 without one. */
  readonly status: number;
}

/** Stage observe as the data plane calls it. None of these may throw, block or keep a reference. */
export interface Observer {
  readonly upstream: ClusterObserver;
  accepted(direction: Direction): void;
  closed(direction: Direction): void;
  exchange(direction: Direction, record: ExchangeRecord, nowMs: number): void;
  tunnel(direction: Direction, record: TunnelRecord, nowMs: number): void;
  rejected(direction: Direction, record: RejectionRecord): void;
  /** Writes what waits; called when it has waited long enough and before the end. */
  flush(): void;
}
