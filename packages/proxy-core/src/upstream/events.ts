/** What happens to a cluster as a whole, for the metrics. */
import type { EjectionCause } from '../balance/outlier.js';
import type { BreakerLimit } from '../pool/breaker.js';

/** Stage observe, as clusters see it. None of these may throw. */
export interface ClusterObserver {
  /** Outlier detection took an endpoint out. */
  ejected(cluster: string, cause: EjectionCause): void;
  /** It is back, or gone for good. */
  restored(cluster: string): void;
  /** An endpoint was chosen although ejected ones counted. */
  panicked(cluster: string): void;
  /**
   * Where the counts of a cluster's circuit breaker are kept, in the order of `breakerCounts`: what is there goes on. Numbers of its own where there is no room for another
   * cluster's among the metrics, since counts are also limits.
   */
  load(cluster: string): Float64Array;
  /** Something had to wait or was refused at that limit. */
  overflowed(cluster: string, limit: BreakerLimit): void;
}
