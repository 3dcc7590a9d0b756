/** Bounds of the gRPC servers and of what they push. Each: default, reason, consequence at the bound. */

/** A request of a sidecar holds names, not resources. A longer message ends its stream with RESOURCE_EXHAUSTED. */
export const MAX_REQUEST_BYTES: number = 4 * 1024 * 1024;

/** A sidecar opens one stream; some room for one that reconnects. More on one connection wait at the client (RFC 9113). */
export const MAX_STREAMS_PER_CONNECTION: number = 16;

/** Streams of all sidecars; each costs its subscriptions in memory. One more is refused with RESOURCE_EXHAUSTED. */
export const MAX_ADS_STREAMS: number = 20_000;

/** Names that one stream may subscribe to, for each type. More end the stream with RESOURCE_EXHAUSTED. */
export const MAX_SUBSCRIBED_NAMES: number = 50_000;

/** The text of a refusal is a sidecar's: it is kept and logged up to this many characters. */
export const MAX_ERROR_TEXT = 2000;

/** Certificates being signed at once; each takes a few milliseconds of CPU. One more is refused with RESOURCE_EXHAUSTED. */
export const MAX_CONCURRENT_SIGNINGS: number = 64;

/** A silent connection is asked for a sign of life, so that sidecars that vanished do not stay listed. */
export const KEEPALIVE_TIME_MS: number = 30_000;

/** Without the sign of life within this time the connection is closed. */
export const KEEPALIVE_TIMEOUT_MS: number = 10_000;

/** How long a response may go unanswered before what depends on it is sent anyway: a sidecar that hangs must not hold old rules. */
export const MAX_ANSWER_WAIT_MS: number = 2000;

/** A change is pushed when nothing more came for this long: editors and `cp -r` write many files. */
export const PUSH_QUIET_MS: number = 20;

/** A change is pushed after this long at the latest, however many follow. */
export const PUSH_MAX_DELAY_MS: number = 200;

/** When asked to stop, open calls get this long before they are cut. */
export const SHUTDOWN_GRACE_MS: number = 2000;

/** The control plane's own certificate is replaced when this share of its life has passed. */
export const RENEW_AT_SHARE_OF_LIFE: number = 2 / 3;

/** After a failed renewal of it, the next try. */
export const RENEW_RETRY_MS: number = 5000;
