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
  /** Something had to wait or was refused at that limit. */
  overflowed(cluster: string, limit: BreakerLimit): void;
}
