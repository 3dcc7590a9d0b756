/** Counts what happens to clusters as a whole: ejections, panic, and the limits of circuit breakers. All of it is rare, so series are looked up by name. */
import type { ClusterObserver } from '../upstream/events.js';
import type { Registry } from './registry.js';

export class ClusterMeter implements ClusterObserver {
  private readonly registry: Registry;
  /** Clusters that have series of their own; see `maxClusterSeries`. */
  private readonly clusters: Set<string> = new Set();
  private readonly maxClusters: number;

  constructor(registry: Registry, maxClusters: number) {
    this.registry = registry;
    this.maxClusters = maxClusters;
  }

  ejected(cluster: string, cause: string): void {
    const { registry } = this;
    const labels = { cluster: this.label(cluster) };
    registry.add(
      registry.counter('tulle_ejections_total', 'Endpoints taken out by outlier detection.', { ...labels, cause }),
      1,
    );
    registry.add(this.ejectedSlot(labels), 1);
  }

  restored(cluster: string): void {
    this.registry.add(this.ejectedSlot({ cluster: this.label(cluster) }), -1);
  }

  panicked(cluster: string): void {
    const { registry } = this;
    const help = 'Endpoints chosen while too few were in service for ejection to count.';
    registry.add(registry.counter('tulle_panic_picks_total', help, { cluster: this.label(cluster) }), 1);
  }

  overflowed(cluster: string, limit: string): void {
    const { registry } = this;
    const labels = { cluster: this.label(cluster), limit };
    registry.add(registry.counter('tulle_overflows_total', 'What met the limit of a circuit breaker.', labels), 1);
  }

  private ejectedSlot(labels: { cluster: string }): number {
    return this.registry.gauge('tulle_ejected_endpoints', 'Endpoints that outlier detection keeps out now.', labels);
  }

  private label(cluster: string): string {
    if (this.clusters.has(cluster)) return cluster;
    if (this.clusters.size >= this.maxClusters) return 'other';
    this.clusters.add(cluster);
    return cluster;
  }
}
