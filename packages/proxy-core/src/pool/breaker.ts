/** Counts of one cluster against its circuit breaker (Envoy: CircuitBreakers.Thresholds). Shared by the pools of the cluster's endpoints on one data thread. */
import type { CircuitBreakerConfig } from '../config/config.js';

/** Envoy's defaults are 1024 for all three; connections are not bounded below what a hot pair of services needs. */
const defaults = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024 } as const;

export class Breaker {
  maxConnections: number = defaults.maxConnections;
  maxPendingRequests: number = defaults.maxPendingRequests;
  maxRequests: number = defaults.maxRequests;
  connections = 0;
  pending = 0;
  requests = 0;

  configure(config: CircuitBreakerConfig | undefined): void {
    this.maxConnections = config?.maxConnections ?? defaults.maxConnections;
    this.maxPendingRequests = config?.maxPendingRequests ?? defaults.maxPendingRequests;
    this.maxRequests = config?.maxRequests ?? defaults.maxRequests;
  }
}
