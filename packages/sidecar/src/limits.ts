/** Bounds of the sidecar, beside those of the proxy. Each: default, reason, consequence at the bound. */

/** A response of the control plane holds all resources of a type. A longer one ends the stream; the last good configuration stays. */
export const MAX_RESPONSE_BYTES: number = 64 * 1024 * 1024;

/** The text of a refusal goes to the control plane and to the log. What is longer is cut: the first refusals say enough. */
export const MAX_REFUSAL_TEXT = 2000;

/** A silent connection to the control plane is asked for a sign of life, so that one that vanished is noticed. */
export const KEEPALIVE_TIME_MS: number = 30_000;

/** Without the sign of life within this time the connection counts as lost, and the sidecar connects again. */
export const KEEPALIVE_TIMEOUT_MS: number = 10_000;

/** From the start of a stream to its first response. Past it the sidecar connects again, perhaps to another instance. */
export const FIRST_RESPONSE_TIMEOUT_MS: number = 30_000;

/** The first wait before the control plane is tried again; each further one is twice as long, up to the longest. All are jittered. */
export const RECONNECT_FIRST_MS: number = 500;

/** So that one that is overwhelmed (it hangs, resets, ends streams) is not held down by those who come back. */
export const RECONNECT_LONGEST_MS: number = 10_000;

/**
 * While it refuses connections nothing runs there, and a try costs one packet each way: this is the longest wait, so that edits arrive soon after a restart. 10,000 sidecars
 * knock 6,700 times a second at a closed port, and are spread over a second when it opens; whom it then cannot serve in time fails otherwise and waits the longer time.
 */
export const RECONNECT_REFUSED_LONGEST_MS: number = 2000;

/** A certificate is to be signed within this time; then the attempt counts as failed and is repeated. */
export const SIGN_TIMEOUT_MS: number = 10_000;

/** The first wait before a failed signing is repeated; each further one is twice as long, up to the longest. */
export const SIGN_RETRY_FIRST_MS: number = 1000;

/** A certificate lives an hour and is renewed at 40 minutes: at this interval there are many tries left. */
export const SIGN_RETRY_LONGEST_MS: number = 30_000;

/** A certificate is renewed when this share of its life has passed, so that a control plane may be away for the rest of it. */
export const RENEW_AT_SHARE_OF_LIFE: number = 2 / 3;

/** Renewals of many sidecars that started together are spread over this share of the life, towards the earlier. */
export const RENEW_JITTER_SHARE = 0.1;

/** The shortest time between two renewals, whatever clocks and lifetimes say. */
export const RENEW_MIN_INTERVAL_MS: number = 1000;

/** Kubernetes' tokens have about 1 KB. A longer file is not a token, and is not sent. */
export const MAX_TOKEN_BYTES: number = 16 * 1024;

/** A bootstrap has about 1 KB. A longer file is something else. */
export const MAX_BOOTSTRAP_BYTES: number = 64 * 1024;

/** Responses that come together (clusters, endpoints, listeners, routes) are taken as one change. */
export const APPLY_QUIET_MS = 5;

/** A configuration that the proxy could not take, mostly for a port that is taken, is tried again after this time. */
export const APPLY_RETRY_MS = 5000;

/** The last good configuration is written at most this often: a restart may find a state that is this old. */
export const SAVE_INTERVAL_MS = 1000;

/** Bytes of the saved configuration; a larger one is not saved, with a warning. */
export const MAX_SAVED_BYTES: number = 256 * 1024 * 1024;

/** A drain is over by then: Kubernetes kills 30 seconds after it has asked. What is still open is cut. */
export const DRAIN_LIMIT_MS = 28_000;

/** While requests of others are still answered, outbound works on: the application may need it for the answers. Then both end. */
export const INBOUND_DRAIN_MS = 20_000;

/** The least that the second part of a drain gets, in which outbound ends too. */
export const LAST_DRAIN_MS = 1000;

/** How often a drain looks whether the last inbound request is answered. */
export const DRAIN_CHECK_MS = 50;

/** A page of the admin server that is not read is given up after this time. */
export const ADMIN_REQUEST_TIMEOUT_MS = 10_000;
