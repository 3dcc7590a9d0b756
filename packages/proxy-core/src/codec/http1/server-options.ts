/** How a client's side of HTTP/1.1 is served, beyond the limits. */
export interface Http1ServerOptions {
  /** False: every answer ends its connection. Default true. */
  readonly keepAlive?: boolean;
  /** What is left for the first head, of `limits.headTimeoutMs` since accept; the default is all of it. */
  readonly headTimeoutMs?: number;
  /** The connection is gone; called once, last. */
  readonly closed?: () => void;
}
