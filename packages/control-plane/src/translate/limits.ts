/**
 * What holds where no policy says otherwise. Each is a field of Envoy's configuration; a TrafficPolicy changes it for a Service.
 */

/** A connection to an endpoint that is not there in this time counts as failed, and may be tried elsewhere. Cluster.connect_timeout. */
export const CONNECT_TIMEOUT_MS = 5000;

/**
 * Connections of one sidecar to one Service port. Past it, requests wait and then fail with an overflow: a leak of connections hits
 * its own Service, not the file descriptors of the pod. CircuitBreakers.Thresholds.max_connections.
 */
export const MAX_CONNECTIONS = 10_000;

/** Requests of one sidecar waiting for a connection to one Service port; further ones fail at once. max_pending_requests. */
export const MAX_PENDING_REQUESTS = 1024;

/** Requests of one sidecar to one Service port at a time; further ones fail at once. max_requests. */
export const MAX_REQUESTS = 10_000;

/**
 * Of the requests of one sidecar to one Service port that are under way, so many may be such that are sent again, and always a few; further retries are not made, so
 * that they never feed an outage. Thresholds.retry_budget.
 */
export const RETRY_BUDGET_PERCENT = 20;
export const MIN_RETRY_CONCURRENCY = 16;

/** What Envoy takes for no limit in a threshold: an unsigned number of 32 bits. */
export const UNLIMITED = 4_294_967_295;

/** How often a request that provably never left is sent again. RetryPolicy.num_retries. */
export const SAFE_RETRIES = 2;

/**
 * How long a connection may be silent before it is taken for a protocol in which the server speaks first.
 * Longer delays such protocols where nothing declares them; shorter mistakes a slow client's HTTP or TLS for one.
 * Listener.listener_filters_timeout.
 */
export const DETECTION_TIMEOUT_MS = 1000;
