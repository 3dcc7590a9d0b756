/** A case as the runner and the report see it: every field has its value. The file that people write is read by `cases/read-case.ts`. */
export interface BenchCase {
  /** Lower case, digits and dashes: `pair-mtls-1k`. */
  name: string;
  /** For people: `1 KB answers, 16 connections, a pair of proxies with mTLS between`. */
  title: string;
  protocol: 'http1' | 'tcp';
  /** Proxies between client and server: 1, or 2 (one beside each). `direct` has none in any case. */
  hops: 1 | 2;
  /** Where mutual TLS 1.3 is: nowhere, between two proxies, or between the generator and its only proxy. */
  tls: 'none' | 'between' | 'downstream';
  work: Work;
  /** `one-cpu`: everything on one CPU, for cost. `apart`: proxies on one, generator and server on another, for latency and throughput. */
  placement: 'one-cpu' | 'apart';
  /** The first is what the case is for. */
  metrics: MetricName[];
  goals: Goal[];
  rounds: RoundPlan;
}

export type Work = ClosedLoop | OpenLoop | Bulk | IdleConnections;

/** Each connection sends its next request when it has its answer. */
export interface ClosedLoop {
  kind: 'closed';
  connections: number;
  /** False: a new connection for every request. */
  keepAlive: boolean;
  requestBytes: number;
  responseBytes: number;
}

/** Requests are due on a schedule, whatever the answers do. */
export interface OpenLoop {
  kind: 'open';
  connections: number;
  keepAlive: boolean;
  requestBytes: number;
  responseBytes: number;
  /** Requests a second. */
  rate: number;
  arrivals: 'fixed' | 'poisson' | 'bursts';
  /** Requests that are due at once, for `bursts`. */
  burst: number;
}

/** One stream a connection, as fast as it goes, from the server to the client. */
export interface Bulk {
  kind: 'bulk';
  connections: number;
}

/** Connections that have each carried one request and then stay open and silent. */
export interface IdleConnections {
  kind: 'idle';
  connections: number;
  responseBytes: number;
}

export interface RoundPlan {
  /** Rounds that are made in any case. */
  min: number;
  /** More are made, up to so many, until a difference of `detect` can be seen. */
  max: number;
  /** Measured time of a round in s. Ignored when `requests` is given. */
  seconds: number;
  /** Requests of a round instead of a time. */
  requests: number | undefined;
  /** Relative difference of the first metric that the run should be able to see: 0.03 is 3 %. */
  detect: number;
  /** Requests that each system serves before its first round, once: just-in-time compilers and pools settle. Not recorded. */
  warmupRequests: number;
  /** Time at the start of each round in s that is not recorded. */
  settleSeconds: number;
  /** Resident memory is sampled every so many requests; undefined: only before and after. */
  sampleMemoryEvery: number | undefined;
}

/** What is hoped for: `metric` of `system` over that of `against` is at most (or, where more is better, at least) `ratio`. */
export interface Goal {
  metric: MetricName;
  system: string;
  /** A system, `best` of the peers in the run, or undefined: `limit` is absolute, in the metric's unit. */
  against: string | undefined;
  ratio: number | undefined;
  limit: number | undefined;
}

export type MetricName =
  | 'cpu-per-request'
  | 'user-cpu-per-request'
  | 'system-cpu-per-request'
  | 'cpu-per-megabyte'
  | 'throughput'
  | 'megabytes-per-second'
  | 'latency-p50'
  | 'latency-p90'
  | 'latency-p99'
  | 'latency-p999'
  | 'latency-max'
  | 'added-p50'
  | 'added-p99'
  | 'added-p999'
  | 'rss'
  | 'rss-growth'
  | 'rss-per-connection'
  | 'switches-per-request'
  | 'syscalls-per-request';
