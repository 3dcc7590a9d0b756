/** One line of the access log as an object: an HTTP exchange, an opaque connection that has ended, or something that came to nothing. JSON lines have just these fields. */
export interface AccessLogEntry {
  /** When the head was whole or the connection was accepted: RFC 3339 in UTC with microseconds. */
  readonly start: string;
  readonly direction: 'outbound' | 'inbound';
  /** `tls`: a connection that ended before it was known what is spoken inside. */
  readonly protocol: 'http/1.1' | 'http/1.0' | 'tcp' | 'tls';
  /** '' where no request was read. */
  readonly method: string;
  /** Host and port that were asked for; of an opaque connection, its destination. */
  readonly authority: string;
  /** Path and query as they were routed; of a request that was refused by the parser as they came, as far as they could be read. */
  readonly path: string;
  /** What the client saw; 0: it was not answered with a status. */
  readonly status: number;
  /** '' for an exchange that ended in order, else a key of `reasons`. */
  readonly reason: string;
  /** Body bytes from the client, and to it. */
  readonly bytes_received: number;
  readonly bytes_sent: number;
  /** From `start` to the last byte. */
  readonly duration_us: number;
  /** The upstream's part: from the begin of the last try to the answer's head or the open connection; null: neither came. */
  readonly upstream_duration_us: number | null;
  /** The client's address and port. */
  readonly downstream: string;
  /** The endpoint of the last try, '' without one. */
  readonly upstream: string;
  /** Verified SPIFFE ID of the server, or of the client where the server has none; '' without. */
  readonly peer: string;
  /** Verified SPIFFE ID of the client, where `peer` is the server's and the client has one too. */
  readonly downstream_peer?: string;
  /** TLS towards at least one of the two sides. */
  readonly tls: boolean;
  readonly route: string;
  readonly cluster: string;
  /** The authorization policy that decided, '' for none or the default. */
  readonly policy: string;
  /** Tries on an upstream. */
  readonly attempts: number;
  /** '' without one. */
  readonly user_agent: string;
  /** `x-request-id`, '' for what is no HTTP exchange. */
  readonly request_id: string;
  /** What happened, for the operator's eyes only: it may name addresses. Not there when there is nothing to say. */
  readonly detail?: string;
}
