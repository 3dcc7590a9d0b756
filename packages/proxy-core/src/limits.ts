/**
 * Every bound of the data plane: its name, its default, why it is so, and what happens at its edge.
 * A configuration may change any of them; none can be switched off.
 */
export interface Limits {
  /** Bytes of a request or response head, start line included. At the edge: 431 towards the client, 502 from an upstream. */
  readonly maxHeadBytes: number;
  /** Header fields in a head. At the edge: as `maxHeadBytes`. */
  readonly maxHeaderFields: number;
  /** Bytes of a request target. At the edge: 414. */
  readonly maxTargetBytes: number;
  /** Bytes of one chunk extension; none is forwarded. At the edge: the message is malformed. */
  readonly maxChunkExtensionBytes: number;
  /** Bytes of a trailer section. At the edge: the message is malformed. */
  readonly maxTrailerBytes: number;
  /** From accept (or the end of the last answer's first following byte) to a whole head; covers the sniff and the handshake. At the edge: closed. */
  readonly headTimeoutMs: number;
  /** A downstream connection with no exchange. Longer than `upstreamIdleTimeoutMs`, so that of two Tulle proxies the client side closes first. */
  readonly downstreamIdleTimeoutMs: number;
  /** An upstream connection in the pool with no exchange. At the edge: closed. */
  readonly upstreamIdleTimeoutMs: number;
  /** A body or tunnel in which no byte moved in either direction. At the edge: the exchange or tunnel is ended. */
  readonly streamIdleTimeoutMs: number;
  /** Connections that one listener holds. At the edge: accepted and closed at once, counted. */
  readonly maxDownstreamConnections: number;
  /** Body bytes kept so that a request which never reached the application can be sent again. Over it: no retry. */
  readonly maxReplayBytes: number;
  /** Unsent bytes a connection may hold before its source is paused. */
  readonly writeHighWaterBytes: number;
  /** Request body bytes read and dropped after an early answer, so that the client sees the answer. Over it: closed. */
  readonly maxDiscardBytes: number;
  /** How long a drain waits for open exchanges. At the edge: closed. */
  readonly drainTimeoutMs: number;
}

export const defaultLimits: Limits = {
  maxHeadBytes: 65_536,
  maxHeaderFields: 128,
  maxTargetBytes: 16_384,
  maxChunkExtensionBytes: 256,
  maxTrailerBytes: 8_192,
  headTimeoutMs: 30_000,
  downstreamIdleTimeoutMs: 300_000,
  upstreamIdleTimeoutMs: 60_000,
  streamIdleTimeoutMs: 300_000,
  maxDownstreamConnections: 65_536,
  maxReplayBytes: 65_536,
  writeHighWaterBytes: 262_144,
  maxDiscardBytes: 1_048_576,
  drainTimeoutMs: 30_000,
};
