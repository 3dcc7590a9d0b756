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
  /**
   * Instructions of one regular expression of a route (each character, class and repetition is about one; `{n}` multiplies): the most that one byte of a request can cost.
   * At the edge: the configuration is refused.
   */
  readonly maxRegexInstructions: number;
  /**
   * Bytes that one regular expression may hold for the states of its automaton that it has met; a data thread has its own. At the edge: they are forgotten and made again as
   * requests need them, which costs time, still linear.
   */
  readonly maxRegexCacheBytes: number;
  /** Bytes of a method; the longest registered one has 17. At the edge: 400. */
  readonly maxMethodBytes: number;
  /** 1xx answers before the final one, so that an upstream cannot keep an exchange open with them. At the edge: 502. */
  readonly maxInterimResponses: number;
  /** Bytes of one chunk extension; none is forwarded. At the edge: the message is malformed. */
  readonly maxChunkExtensionBytes: number;
  /**
   * Bytes of chunk lines beyond 16 a chunk plus twice its payload, summed: tiny chunks with long extensions cost much and carry nothing (CVE-2023-39326).
   * At the edge: the message is malformed.
   */
  readonly maxChunkOverheadBytes: number;
  /** Bytes of a trailer section. At the edge: the message is malformed. */
  readonly maxTrailerBytes: number;
  /**
   * From accept (or the end of the last answer's first following byte) to a whole head; covers the sniff and the handshake, and the rest of a request that
   * was answered before it was whole. At the edge: closed, unless it may be an
   * opaque protocol in which both sides are silent for long.
   */
  readonly headTimeoutMs: number;
  /**
   * Where nothing declares the protocol, how long a silent client is given before the server is dialled, since it may be the one to speak first.
   * Long enough that a client which does speak is not dialled for in vain, short enough that nobody notices.
   */
  readonly detectDelayMs: number;
  /**
   * The same where the destination serves TLS too. A client that is going to speak TLS must get no byte of the server's greeting in plain text, and its ClientHello may be
   * late: lost once, it comes again within a retransmission timeout of 1 s (RFC 6298 section 2.1), and its process may be busy. The price is paid by plain clients of
   * server-first protocols only. At the edge: the server is dialled, and heard if it speaks before the client; a ClientHello that comes later than that finds plain text.
   */
  readonly tlsDetectDelayMs: number;
  /**
   * Bytes of a ClientHello that is read to tell whether the mesh or the application is meant; those of browsers have 2 KB, the largest key shares double that.
   * At the edge: refused.
   */
  readonly maxClientHelloBytes: number;
  /** A downstream connection with no exchange. Longer than `upstreamIdleTimeoutMs`, so that of two Tulle proxies the client side closes first. */
  readonly downstreamIdleTimeoutMs: number;
  /** An upstream connection in the pool with no exchange. At the edge: closed. */
  readonly upstreamIdleTimeoutMs: number;
  /** A body or tunnel in which no byte moved in either direction. At the edge: the exchange or tunnel is ended. */
  readonly streamIdleTimeoutMs: number;
  /** Client connections that one data thread holds, whatever is spoken on them. At the edge: accepted and closed at once, counted. */
  readonly maxDownstreamConnections: number;
  /** Body bytes kept so that a request which never reached the application can be sent again. Over it: no retry. */
  readonly maxReplayBytes: number;
  /** Unsent bytes a connection may hold before its source is paused. */
  readonly writeHighWaterBytes: number;
  /** Request body bytes read and dropped after an early answer, so that the client sees the answer. Over it: closed. */
  readonly maxDiscardBytes: number;
  /** After the last answer on a connection: how long the client may take to close too, while what it sends is dropped. At the edge: closed. */
  readonly lingerTimeoutMs: number;
  /** How long a drain leaves an idle client connection open, so that a request already under way is answered with `Connection: close`. At the edge: closed. */
  readonly drainIdleGraceMs: number;
  /** How long a drain waits for open exchanges. At the edge: closed. */
  readonly drainTimeoutMs: number;
}

/** What `Limits` are where a configuration does not say otherwise. */
export const defaultLimits: Limits = {
  maxHeadBytes: 65_536,
  maxHeaderFields: 128,
  maxTargetBytes: 16_384,
  maxRegexInstructions: 2_048,
  maxRegexCacheBytes: 262_144,
  maxMethodBytes: 32,
  maxInterimResponses: 32,
  maxChunkExtensionBytes: 256,
  maxChunkOverheadBytes: 16_384,
  maxTrailerBytes: 8_192,
  headTimeoutMs: 30_000,
  detectDelayMs: 5,
  tlsDetectDelayMs: 1_000,
  maxClientHelloBytes: 16_384,
  downstreamIdleTimeoutMs: 300_000,
  upstreamIdleTimeoutMs: 60_000,
  streamIdleTimeoutMs: 300_000,
  maxDownstreamConnections: 65_536,
  maxReplayBytes: 65_536,
  writeHighWaterBytes: 262_144,
  maxDiscardBytes: 1_048_576,
  lingerTimeoutMs: 2_000,
  drainIdleGraceMs: 1_000,
  drainTimeoutMs: 30_000,
};

/**
 * Points on the ring of a cluster with `ring-hash`. It is made anew on the data thread whenever endpoints or weights change, at about half a microsecond a point. Envoy's own bound is
 * 8,388,608. At the edge: a larger one is refused.
 */
export const maxRingSize = 65_536;
/** Envoy's default. */
export const defaultMinRingSize = 1_024;
/** Made in some 8 ms. Thirty-two endpoints of one weight have 512 points each, and a share of the keys within some five percent of their due; more have fewer. */
export const defaultMaxRingSize = 16_384;

/** Slots of the table of a cluster with `maglev`, made anew as a ring is. The larger of the two sizes that the Maglev paper measures. At the edge: refused. */
export const maxTableSize = 655_373;
/** Envoy's default and the smaller size of the paper: a hundred slots each for six hundred endpoints. */
export const defaultTableSize = 65_537;
