/** Counts of one cluster against its circuit breaker (Envoy: CircuitBreakers.Thresholds). Shared by the pools of the cluster's endpoints on one data thread. */
import type { CircuitBreakerConfig } from '../config/config.js';

export type BreakerLimit = 'connections' | 'pending' | 'requests' | 'retries';

/** Envoy's defaults are 1024 for these three. */
const defaults = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024 } as const;
/**
 * Envoy's and linkerd's defaults of a retry budget: a fifth more load is what a service in trouble should be able to bear. Never less than three at a time, or a service
 * with little to do would have none.
 */
const defaultBudget = { budgetPercent: 20, minRetryConcurrency: 3 } as const;

/** What a breaker keeps, by place in its array: what there is now, and how many there may be. */
export const breakerCounts = [
  'connections',
  'pending',
  'requests',
  'retries',
  'maxConnections',
  'maxPendingRequests',
  'maxRequests',
] as const;

/** Its counts are slots of the shared metrics, so that they are written once and can be read by a scrape. */
export class Breaker {
  /** Opaque connections cannot wait and share none: they are bounded only where that is asked for. */
  maxTunnels: number = Number.POSITIVE_INFINITY;
  private readonly counts: Float64Array;
  private maxRetries: number | undefined = undefined;
  private budgetPercent: number = defaultBudget.budgetPercent;
  private minRetryConcurrency: number = defaultBudget.minRetryConcurrency;
  private readonly report: (limit: BreakerLimit) => void;

  /** @param report hears of everything that met a limit. @param counts as `ClusterObserver.load` gives them. */
  constructor(
    report: (limit: BreakerLimit) => void = () => {},
    counts: Float64Array = new Float64Array(breakerCounts.length),
  ) {
    this.report = report;
    this.counts = counts;
    this.configure(undefined);
  }

  get connections(): number {
    return this.counts[0];
  }

  set connections(value: number) {
    this.counts[0] = value;
  }

  /** Requests that wait for a connection. */
  get pending(): number {
    return this.counts[1];
  }

  set pending(value: number) {
    this.counts[1] = value;
  }

  /** From a request's routing to the end of its answer. */
  get requests(): number {
    return this.counts[2];
  }

  set requests(value: number) {
    this.counts[2] = value;
  }

  /** Requests that are being sent again, from the decision to the answer. */
  get retries(): number {
    return this.counts[3];
  }

  set retries(value: number) {
    this.counts[3] = value;
  }

  get maxConnections(): number {
    return this.counts[4];
  }

  get maxPendingRequests(): number {
    return this.counts[5];
  }

  get maxRequests(): number {
    return this.counts[6];
  }

  configure(config: CircuitBreakerConfig | undefined): void {
    this.counts[4] = config?.maxConnections ?? defaults.maxConnections;
    this.counts[5] = config?.maxPendingRequests ?? defaults.maxPendingRequests;
    this.counts[6] = config?.maxRequests ?? defaults.maxRequests;
    this.maxTunnels = config?.maxConnections ?? Number.POSITIVE_INFINITY;
    this.maxRetries = config?.maxRetries;
    this.budgetPercent = config?.retryBudget?.budgetPercent ?? defaultBudget.budgetPercent;
    this.minRetryConcurrency = config?.retryBudget?.minRetryConcurrency ?? defaultBudget.minRetryConcurrency;
  }

  /** How many requests may be sent again at a time, with as many under way as there are now. */
  get retryLimit(): number {
    return (
      this.maxRetries ?? Math.max(this.minRetryConcurrency, Math.floor((this.requests * this.budgetPercent) / 100))
    );
  }

  overflowed(limit: BreakerLimit): void {
    this.report(limit);
  }
}
