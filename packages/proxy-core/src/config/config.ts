/**
 * What a proxy is told to do: plain data that can cross a thread boundary, complete each time (a new configuration replaces the old as a whole,
 * open connections stay). The names are Envoy's where Envoy has one.
 */
import type { SocketAddress } from '../address.js';
import type { Limits } from '../limits.js';
import type { PathOptions } from '../message/path-options.js';
import type { AccessLogEntry } from './access-log-entry.js';

/** All that a proxy is told. Names are referred to by others of its parts, and each kind of name is unique. */
export interface ProxyConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly clusters: readonly ClusterConfig[];
  /** Route tables by name, referred to by `HttpChainConfig.routes`. */
  readonly routes: readonly RouteTableConfig[];
  /** Certificates and trust bundles by name, referred to by TLS settings. */
  readonly identities: readonly IdentityConfig[];
  readonly trust: readonly TrustConfig[];
  readonly accessLog: AccessLogConfig;
  /** Modules of the operator's by name, referred to by `HttpChainConfig.filters`. */
  readonly filters?: readonly FilterConfig[];
  readonly limits?: Partial<Limits>;
}

/** A certificate chain, leaf first, and its key, as PEM texts. */
export interface IdentityConfig {
  readonly name: string;
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

/** CAs that the other side's certificate must come from, as PEM text. */
export interface TrustConfig {
  readonly name: string;
  readonly caPem: string;
  /** Trust domain that peers must belong to; undefined where plain X.509 without SPIFFE is wanted. */
  readonly trustDomain: string | undefined;
}

/** Where a line for each exchange, tunnel and refusal goes: `AccessLogEntry` says what it has. */
export interface AccessLogConfig {
  /**
   * A file path, `-` for standard output, `off`, `callback` (lines go to the `onAccessLog` of `createProxy`), or a function that is given each entry as an object,
   * whatever the format is. It runs on the thread that called `createProxy`; what it throws is thrown there, and what it does not keep up with is dropped and counted.
   */
  readonly target: string | ((entry: AccessLogEntry) => void);
  readonly format: 'json' | 'text';
}

/** A module that is called for requests and answers: `FilterModule` says what it exports. */
export interface FilterConfig {
  readonly name: string;
  /**
   * `file:` URL or absolute path of an ES module without top-level await (or a CommonJS module). It is loaded once in each data thread; a changed file is noticed by a new
   * process only, so give a new version a new name.
   */
  readonly module: string;
  /** Given to each call. Plain data. */
  readonly options?: unknown;
  /** Of one call; longer ones are counted as faults, but cannot be interrupted: a filter that does not return holds up its data thread. Default 1. */
  readonly budgetMs?: number;
  /**
   * Faults (calls that throw, or exceed the budget) within a minute at which it is switched off until its configuration changes, where they are also half of its calls or more;
   * default 100.
   */
  readonly maxFaults?: number;
  /**
   * What becomes of a message whose filter fails or is switched off. `closed`, the default, refuses it (`filter-failed`), since a filter may be there for safety;
   * `open` lets it pass as if there were no such filter.
   */
  readonly onFault?: 'closed' | 'open';
}

/** Whose traffic a listener takes: that of the application beside the proxy, or that for it. For the order of the stages, and a label of logs and metrics. */
export type Direction = 'outbound' | 'inbound';

/** A bound socket and what is done with the connections it accepts (Envoy: Listener). */
export interface ListenerConfig {
  readonly name: string;
  readonly bind: SocketAddress;
  readonly direction: Direction;
  /** `original`: connections are redirected here, their destination is SO_ORIGINAL_DST. `local`: the destination is the address bound. */
  readonly destination: 'original' | 'local';
  /** The most specific match wins: address and port, then port, then none; among equals transport and ALPN decide. */
  readonly chains: readonly FilterChainConfig[];
}

/** What happens to connections with one destination (Envoy: FilterChain). No chain matches: the connection is closed and counted. */
export interface FilterChainConfig {
  readonly name: string;
  readonly match: ChainMatchConfig;
  /** Ends TLS; only for chains whose `match.transport` is `tls`. Such a chain without it passes TLS on as it came, with protocol `tcp`: its clients have no identity. */
  readonly tls?: ServerTlsConfig;
  /** `auto`: the first bytes decide between HTTP/1 and opaque TCP, and a server that speaks first is not kept waiting. Needs both `http` and `tcp`. */
  readonly protocol: 'http' | 'tcp' | 'auto';
  readonly http?: HttpChainConfig;
  readonly tcp?: TcpChainConfig;
  /** Checked for each exchange (http) or connection (tcp). Empty: all is allowed. */
  readonly authorization: readonly AuthorizationConfig[];
}

/** Which connections a filter chain takes: all that is given must match. */
export interface ChainMatchConfig {
  readonly address?: string;
  readonly port?: number;
  /** `tls`: the first bytes are a ClientHello. `plain`: they are not. undefined: both, where no chain of the destination says `tls` and takes it first. */
  readonly transport?: 'tls' | 'plain';
  /** ALPN protocols, one of which the client offers; undefined: whatever no other chain claims. Only with `transport: 'tls'`. */
  readonly alpn?: readonly string[];
}

/** TLS 1.3 towards clients. */
export interface ServerTlsConfig {
  readonly identity: string;
  /** Trust bundle for client certificates; undefined: none is asked for. */
  readonly clientTrust?: string;
  readonly requireClientCertificate: boolean;
  /** URIs that a client certificate may carry; empty or undefined: any of the trust domain. */
  readonly allowedUris?: readonly string[];
}

/** What becomes of requests on a filter chain. */
export interface HttpChainConfig {
  /** Name of a route table. */
  readonly routes: string;
  /** What is left out is as `defaultPathOptions` says. */
  readonly path?: Partial<PathOptions>;
  /** Names of filters, called in this order for requests and in the opposite one for answers. */
  readonly filters?: readonly string[];
}

/** What becomes of opaque connections on a filter chain. */
export interface TcpChainConfig {
  readonly clusters: readonly WeightedCluster[];
  /** Nothing goes over a connection for this long in either direction; 0: it may be silent for ever. Default: the limit `streamIdleTimeoutMs`. */
  readonly idleTimeoutMs?: number;
  /** The key of a cluster with `ring-hash` or `maglev`; undefined: none. */
  readonly hashPolicy?: 'source-address';
}

/** One of several clusters, chosen by weight. */
export interface WeightedCluster {
  readonly cluster: string;
  /** 0 to 2^31 - 1; the sum must not be 0. */
  readonly weight: number;
}

/** Envoy: RouteConfiguration. */
export interface RouteTableConfig {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHostConfig[];
}

/** The routes of some domains (Envoy: VirtualHost). */
export interface VirtualHostConfig {
  readonly name: string;
  /** `*`, an exact host or `*.suffix`, each with or without port. Longest match wins (config.route.v3.VirtualHost.domains). */
  readonly domains: readonly string[];
  /** The first that matches wins. */
  readonly routes: readonly RouteConfig[];
}

/** What becomes of requests that match (Envoy: Route). */
export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatchConfig;
  readonly action: RouteActionConfig;
}

/** Which requests a route takes: all that is given must match. */
export interface RouteMatchConfig {
  /**
   * Compared with the normal form, without the query. `prefix` matches whole segments: `/a` matches `/a` and `/a/b`, not `/ab` (Gateway API PathPrefix).
   * `regex` matches the whole path, in linear time (Envoy: safe_regex); `route/regex/syntax.ts` has the syntax, a part of RE2's.
   */
  readonly path: { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string };
  readonly method?: string;
  /** All must match. Names are lower case. A field that is there more than once meets no rule that compares, inverted or not. */
  readonly headers?: readonly HeaderMatchConfig[];
  readonly query?: readonly ValueMatchConfig[];
}

/** A parameter or field that must be there, or have that value. */
export interface ValueMatchConfig {
  readonly name: string;
  /** `regex`: the whole value, as in `RouteMatchConfig.path`. */
  readonly kind: 'exact' | 'prefix' | 'present' | 'regex';
  readonly value: string;
}

/** A header field that must be there, or have that value. */
export interface HeaderMatchConfig extends ValueMatchConfig {
  /** A value that does not match meets the rule; a field that is absent does so for `present` only (Envoy: HeaderMatcher.invert_match). */
  readonly invert?: boolean;
}

/** Forward to a cluster, redirect, or answer. */
export type RouteActionConfig =
  | {
      readonly kind: 'forward';
      readonly clusters: readonly WeightedCluster[];
      /** Whole exchange, from the request's head to the answer's last byte; 0 or undefined: none. */
      readonly timeoutMs?: number;
      /** No byte of the exchange moves for this long in either direction; 0: it may take for ever. Default: the limit `streamIdleTimeoutMs`. Envoy: RouteAction.idle_timeout. */
      readonly idleTimeoutMs?: number;
      readonly retry?: RetryConfig;
      /** What of a request is the key of a cluster with `ring-hash` or `maglev`. All that are there count, in their order, up to one that is `terminal`. */
      readonly hashPolicy?: readonly HashPolicyConfig[];
      readonly rewrite?: RewriteConfig;
      readonly requestHeaders?: HeaderEditsConfig;
      readonly responseHeaders?: HeaderEditsConfig;
    }
  | {
      readonly kind: 'redirect';
      readonly status: 301 | 302 | 303 | 307 | 308;
      readonly scheme?: string;
      readonly host?: string;
      readonly port?: number;
      /** Replaces the matched prefix, or the whole path. */
      readonly path?: { readonly kind: 'full' | 'prefix'; readonly value: string };
      readonly responseHeaders?: HeaderEditsConfig;
    }
  | {
      readonly kind: 'direct';
      readonly status: number;
      readonly body: string;
      readonly responseHeaders?: HeaderEditsConfig;
    };

/** Envoy: RouteAction.HashPolicy. */
export type HashPolicyConfig =
  | { readonly kind: 'header'; readonly name: string; readonly terminal?: boolean }
  /** The client's IP address, without its port. */
  | { readonly kind: 'source-address'; readonly terminal?: boolean };

/** What the upstream is asked for instead. */
export interface RewriteConfig {
  readonly host?: string;
  readonly path?: { readonly kind: 'full' | 'prefix'; readonly value: string };
}

/** Not of fields that belong to the connection or to the framing, nor of `host`; a route's `rewrite.host` replaces that one. */
export interface HeaderEditsConfig {
  /** Replaces all fields of that name. */
  readonly set?: readonly HeaderConfig[];
  readonly add?: readonly HeaderConfig[];
  readonly remove?: readonly string[];
}

/** A header field. */
export interface HeaderConfig {
  readonly name: string;
  readonly value: string;
}

/**
 * Which failed requests are sent again, and how often (Envoy: RetryPolicy).
 * What provably never reached the application is tried on another endpoint at once, up to `attempts` times, default 2. `on` names what the route's owner declares
 * repeatable besides; it applies to idempotent methods (RFC 9110 section 9.2.2) unless `anyMethod`. These, and whatever goes to an endpoint that it was sent to before,
 * wait a while and count against the cluster's retry budget.
 * Not concerned is a request that met a kept connection which its server had closed before it arrived: it is sent again whatever stands here.
 */
export interface RetryConfig {
  /** Further tries after the first; 0 switches all of these retries off. */
  readonly attempts: number;
  /** `reset`: the connection was lost, or a try ran out of time. `5xx`: the same, and any such answer. `gateway-error`: the same, of 502, 503 and 504. */
  readonly on: readonly ('reset' | '5xx' | 'gateway-error' | 'connect-failure')[];
  readonly perTryTimeoutMs?: number;
  readonly anyMethod?: boolean;
  readonly backOff?: BackOffConfig;
}

/** Envoy: RetryPolicy.RetryBackOff. The n-th wait is of random length, up to (2^n - 1) × base. */
export interface BackOffConfig {
  /** Default 25. */
  readonly baseIntervalMs: number;
  /** No wait is longer. Default ten times the base. */
  readonly maxIntervalMs?: number;
}

/** A named upstream (Envoy: Cluster with its ClusterLoadAssignment). */
export interface ClusterConfig {
  readonly name: string;
  /** `original`: the connection's own destination is the endpoint (Envoy: ORIGINAL_DST). */
  readonly endpoints: readonly EndpointConfig[] | 'original';
  /**
   * `p2c`: the less loaded of two by peak-EWMA latency. `least-request`: by exchanges under way. `ring-hash`, `maglev`: by the hash of a request's key, see
   * `hashPolicy` of its route; a request without key goes anywhere. All heed the endpoints' weights.
   */
  readonly balancer: BalancerName;
  readonly leastRequest?: LeastRequestConfig;
  readonly ringHash?: RingHashConfig;
  readonly maglev?: MaglevConfig;
  readonly connectTimeoutMs: number;
  /** How endpoints with `tls: true` are reached. */
  readonly tls?: ClientTlsConfig;
  readonly circuitBreaker?: CircuitBreakerConfig;
  /** Takes endpoints that keep failing out for a while; undefined: none is taken out. Not for `original`. */
  readonly outlierDetection?: OutlierDetectionConfig;
  /** With less than this share of the endpoints in service, ejection counts for nothing; 0: it always counts. Default 50. */
  readonly panicThresholdPercent?: number;
  readonly idleTimeoutMs?: number;
}

/** Envoy: OutlierDetection, the detection of consecutive failures. Its names and defaults. */
export interface OutlierDetectionConfig {
  /** Answers of 500 and above in a row; failures of this proxy's own count too, unless they are split off. 0: not looked at. Default 5. */
  readonly consecutive5xx?: number;
  /** The same of 502, 503 and 504. Default 0, as Envoy's `enforcing_consecutive_gateway_failure`. */
  readonly consecutiveGatewayFailure?: number;
  /** Tell failures to connect, resets and timeouts from bad answers: they are counted by themselves. */
  readonly splitExternalLocalOriginErrors?: boolean;
  /** Such failures in a row, where they are split off. 0: not looked at. Default 5. */
  readonly consecutiveLocalOriginFailure?: number;
  /** How often it is looked whether an ejection is over. Default 10 s. */
  readonly intervalMs?: number;
  /** The first ejection takes this long, the second twice as long. Default 30 s. */
  readonly baseEjectionTimeMs?: number;
  /** Default 300 s, or the base where that is more. */
  readonly maxEjectionTimeMs?: number;
  /** Of all endpoints, out at a time. Default 10. */
  readonly maxEjectionPercent?: number;
  /** One may be out whatever the percentage says. */
  readonly alwaysEjectOneHost?: boolean;
}

/** How an endpoint is chosen among those of a cluster. */
export type BalancerName = 'p2c' | 'round-robin' | 'least-request' | 'ring-hash' | 'maglev';

/** Envoy: Cluster.LeastRequestLbConfig. */
export interface LeastRequestConfig {
  /** Endpoints drawn and compared, 2 or more; undefined: all are compared. */
  readonly choiceCount?: number;
}

/** Envoy: Cluster.RingHashLbConfig. */
export interface RingHashConfig {
  /** Points on the ring; more of them share the keys more evenly. */
  readonly minimumRingSize?: number;
  /** Where weights differ much the ring grows up to this, so that the least of them has a point. */
  readonly maximumRingSize?: number;
}

/** Envoy: Cluster.MaglevLbConfig. */
export interface MaglevConfig {
  /** A prime, at least as many as there are endpoints with a weight. */
  readonly tableSize?: number;
}

/** TLS 1.3 towards endpoints. Host names are not compared: `allowedUris` and the trust bundle say who an endpoint may be. */
export interface ClientTlsConfig {
  /** undefined: no client certificate is shown. */
  readonly identity?: string;
  readonly trust: string;
  readonly alpn: readonly string[];
  readonly serverName?: string;
  /** URIs, one of which the server's certificate must carry; empty or undefined: any of the trust domain. An endpoint's own list comes first. */
  readonly allowedUris?: readonly string[];
}

/** One address of a cluster. */
export interface EndpointConfig {
  readonly address: SocketAddress;
  /** Share of the choice. 0: known but never chosen, open work on it finishes. */
  readonly weight: number;
  /** Use the cluster's TLS settings for this endpoint. */
  readonly tls: boolean;
  /** URIs, one of which this endpoint's certificate must carry. */
  readonly allowedUris?: readonly string[];
  /** `ns/pod`, for logs. */
  readonly workload?: string;
}

/** How much a cluster may have at once on each data thread, beyond which requests wait or are answered with `upstream-overflow` (Envoy: CircuitBreakers). */
export interface CircuitBreakerConfig {
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  /** Requests that are sent again at a time. Not with `retryBudget`. */
  readonly maxRetries?: number;
  /** The same, as a part of the requests under way. Default where `maxRetries` says nothing: 20 percent, at least 3. */
  readonly retryBudget?: RetryBudgetConfig;
}

/** Envoy: CircuitBreakers.Thresholds.RetryBudget. */
export interface RetryBudgetConfig {
  readonly budgetPercent?: number;
  readonly minRetryConcurrency?: number;
}

/** One list of rules. All `deny` lists are asked first; if any `allow` list exists, one of its policies must match. */
export interface AuthorizationConfig {
  readonly action: 'allow' | 'deny';
  readonly policies: readonly PolicyConfig[];
}

/** Who may do what: a principal and a permission must match. */
export interface PolicyConfig {
  /** `namespace/name`, as the log line shows it. */
  readonly name: string;
  /** One must match. */
  readonly principals: readonly Predicate[];
  /** One must match. */
  readonly permissions: readonly Predicate[];
}

/** Predicates over a request or connection (Envoy: rbac.v3.Principal and Permission, the part that is understood). */
export type Predicate =
  | { readonly kind: 'any' }
  | { readonly kind: 'all-of'; readonly of: readonly Predicate[] }
  | { readonly kind: 'any-of'; readonly of: readonly Predicate[] }
  | { readonly kind: 'not'; readonly of: Predicate }
  /** The peer's verified URI SAN. An unauthenticated peer has none and never matches. */
  | { readonly kind: 'principal'; readonly match: 'exact' | 'prefix'; readonly value: string }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'method'; readonly method: string }
  | { readonly kind: 'path'; readonly match: 'exact' | 'prefix'; readonly value: string }
  | {
      readonly kind: 'header';
      readonly name: string;
      readonly match: 'exact' | 'prefix' | 'present';
      readonly value: string;
    };
