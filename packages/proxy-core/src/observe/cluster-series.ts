/** Counts what happens to clusters as a whole: ejections, panic, and the limits of circuit breakers. All of it is rare, so series are looked up by name. */
import type { ClusterObserver } from '../upstream/events.js';
import type { Registry } from './registry.js';

const limit = 'What a circuit breaker lets a cluster have on each data thread.';
/** In the order of `breakerCounts`. Series that are defined one after the other lie one after the other. */
const loadGauges: readonly (readonly [name: string, help: string, labels: Readonly<Record<string, string>>])[] = [
  ['tulle_upstream_connections', 'Connections to the endpoints of a cluster, connecting ones included.', {}],
  ['tulle_upstream_pending_requests', 'Requests that wait for a connection.', {}],
  ['tulle_upstream_active_requests', 'Requests from their routing to the end of their answer.', {}],
  ['tulle_upstream_active_retries', 'Requests that are being sent again.', {}],
  ['tulle_circuit_breaker_limit', limit, { limit: 'connections' }],
  ['tulle_circuit_breaker_limit', limit, { limit: 'pending' }],
  ['tulle_circuit_breaker_limit', limit, { limit: 'requests' }],
];

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

  load(cluster: string): Float64Array {
    const { registry } = this;
    const label = this.label(cluster);
    if (label !== cluster || !registry.hasRoomFor(loadGauges.length)) return new Float64Array(loadGauges.length);
    const slots = loadGauges.map(([name, help, labels]) => registry.gauge(name, help, { cluster, ...labels }));
    return registry.view(slots[0], slots.length);
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
