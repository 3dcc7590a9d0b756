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

export class Breaker {
  maxConnections: number = defaults.maxConnections;
  maxPendingRequests: number = defaults.maxPendingRequests;
  maxRequests: number = defaults.maxRequests;
  /** Opaque connections cannot wait and share none: they are bounded only where that is asked for. */
  maxTunnels: number = Number.POSITIVE_INFINITY;
  connections = 0;
  pending = 0;
  /** From a request's routing to the end of its answer. */
  requests = 0;
  /** Requests that are being sent again, from the decision to the answer. */
  retries = 0;
  private maxRetries: number | undefined = undefined;
  private budgetPercent: number = defaultBudget.budgetPercent;
  private minRetryConcurrency: number = defaultBudget.minRetryConcurrency;
  private readonly report: (limit: BreakerLimit) => void;

  /** @param report hears of everything that met a limit. */
  constructor(report: (limit: BreakerLimit) => void = () => {}) {
    this.report = report;
  }

  configure(config: CircuitBreakerConfig | undefined): void {
    this.maxConnections = config?.maxConnections ?? defaults.maxConnections;
    this.maxPendingRequests = config?.maxPendingRequests ?? defaults.maxPendingRequests;
    this.maxRequests = config?.maxRequests ?? defaults.maxRequests;
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
