/** Stage observe: counts what happened and writes the line about it. Nothing here blocks, throws or allocates more than the line needs. */
import type { Direction } from '../config/config.js';
import type { Clock } from '../io/io.js';
import type { LineFormat } from './access-log.js';
import { ClusterMeter } from './cluster-series.js';
import { LineWriter } from './line-writer.js';
import type { ExchangeRecord, Observer, RejectionRecord, TunnelRecord } from './record.js';
import type { Registry } from './registry.js';

export interface LineSink {
  /** Whole lines. Returns how many lines, of these or earlier ones, are lost; they are counted. */
  write(lines: Uint8Array): number;
}

interface ClusterSeries {
  /** Slot of the request counter by status; 0 is `none`. */
  readonly byStatus: Map<number, number>;
  readonly duration: number;
  readonly retries: number;
  /** The cluster's name, or `none` or `other`. */
  readonly label: string;
}

interface DirectionSeries {
  readonly accepted: number;
  readonly active: number;
  readonly received: number;
  readonly sent: number;
  readonly tunnels: number;
}

/**
 * Clusters of a direction that have series of their own. Names come from the configuration, which changes for ever, and a scraper expects counters of clusters that are
 * gone to stay. At the edge: new ones share the series of the cluster `other`.
 */
export const maxClusterSeries = 1_024;

export class MeteringObserver implements Observer {
  readonly upstream: ClusterMeter;
  private readonly registry: Registry;
  private readonly clock: Clock;
  private readonly format: () => LineFormat | undefined;
  private readonly sink: () => LineSink;
  private readonly lines: LineWriter = new LineWriter();
  private readonly clusters: Record<Direction, Map<string, ClusterSeries>> = {
    outbound: new Map(),
    inbound: new Map(),
  };
  private readonly directions: Record<Direction, DirectionSeries>;
  private readonly reasons: Map<string, number> = new Map();
  private readonly dropped: number;
  private waiting = 0;

  /** `format` and `sink` are asked each time, since the configuration may change them; no format: no lines. */
  constructor(registry: Registry, clock: Clock, format: () => LineFormat | undefined, sink: () => LineSink) {
    this.upstream = new ClusterMeter(registry, maxClusterSeries);
    this.registry = registry;
    this.clock = clock;
    this.format = format;
    this.sink = sink;
    this.directions = {
      outbound: directionSeries(registry, 'outbound'),
      inbound: directionSeries(registry, 'inbound'),
    };
    this.dropped = registry.counter(
      'tulle_access_log_dropped_total',
      'Access log lines that could not be written.',
      {},
    );
  }

  accepted(direction: Direction): void {
    const series = this.directions[direction];
    this.registry.add(series.accepted, 1);
    this.registry.add(series.active, 1);
  }

  closed(direction: Direction): void {
    this.registry.add(this.directions[direction].active, -1);
  }

  exchange(direction: Direction, record: ExchangeRecord, nowMs: number): void {
    const { registry } = this;
    const durationMs = nowMs - record.startMs;
    const series = this.cluster(direction, record.clusterName);
    registry.add(this.statusSlot(direction, series, record.status), 1);
    registry.observe(series.duration, durationMs / 1000);
    if (record.attempts > 1) registry.add(series.retries, record.attempts - 1);
    if (record.reason !== '') this.count(direction, record.reason);
    this.registry.add(this.directions[direction].received, record.downstream.bodyBytesReceived);
    this.registry.add(this.directions[direction].sent, record.downstream.bodyBytesSent);
    const format = this.format();
    if (format === undefined) return;
    this.makeRoom();
    format.exchange(this.lines, direction, record, this.clock.wallMs(record.startMs), durationMs);
    this.waiting++;
  }

  tunnel(direction: Direction, record: TunnelRecord, nowMs: number): void {
    const series = this.directions[direction];
    const durationMs = nowMs - record.startMs;
    this.registry.add(series.tunnels, 1);
    this.registry.add(series.received, record.bytesReceived);
    this.registry.add(series.sent, record.bytesSent);
    if (record.reason !== '') this.count(direction, record.reason);
    const format = this.format();
    if (format === undefined) return;
    this.makeRoom();
    format.tunnel(this.lines, direction, record, this.clock.wallMs(record.startMs), durationMs);
    this.waiting++;
  }

  rejected(direction: Direction, record: RejectionRecord): void {
    this.count(direction, record.reason);
    const format = this.format();
    if (format === undefined) return;
    this.makeRoom();
    format.rejected(this.lines, direction, record, this.clock.wallMs(this.clock.nowMs()));
    this.waiting++;
  }

  flush(): void {
    if (this.waiting === 0) return;
    this.lost(this.sink().write(this.lines.take()));
    this.lines.reset();
    this.waiting = 0;
  }

  /** Lines that nobody will read. */
  lost(lines: number): void {
    if (lines > 0) this.registry.add(this.dropped, lines);
  }

  private makeRoom(): void {
    if (this.lines.isFull) this.flush();
  }

  private count(direction: Direction, reason: string): void {
    const key = `${direction} ${reason}`;
    let slot = this.reasons.get(key);
    if (slot === undefined) {
      slot = this.registry.counter(
        'tulle_failures_total',
        'Exchanges and connections that the proxy ended, by reason.',
        { direction, reason },
      );
      this.reasons.set(key, slot);
    }
    this.registry.add(slot, 1);
  }

  private cluster(direction: Direction, cluster: string): ClusterSeries {
    const known = this.clusters[direction];
    let series = known.get(cluster);
    if (series === undefined) {
      if (known.size >= maxClusterSeries && cluster !== 'other') return this.cluster(direction, 'other');
      const labels = { direction, cluster: cluster === '' ? 'none' : cluster };
      series = {
        byStatus: new Map(),
        duration: this.registry.histogram(
          'tulle_request_duration_seconds',
          "From a request's head to the last byte of its answer.",
          labels,
        ),
        retries: this.registry.counter('tulle_retries_total', 'Tries after the first.', labels),
        label: labels.cluster,
      };
      known.set(cluster, series);
    }
    return series;
  }

  private statusSlot(direction: Direction, series: ClusterSeries, status: number): number {
    let slot = series.byStatus.get(status);
    if (slot === undefined) {
      const labels = {
        direction,
        cluster: series.label,
        status: status === 0 ? 'none' : String(status),
      };
      slot = this.registry.counter(
        'tulle_requests_total',
        'HTTP exchanges that ended, by the status the client saw.',
        labels,
      );
      series.byStatus.set(status, slot);
    }
    return slot;
  }
}

function directionSeries(registry: Registry, direction: Direction): DirectionSeries {
  const labels = { direction };
  return {
    accepted: registry.counter('tulle_connections_total', 'Downstream connections served.', labels),
    active: registry.gauge('tulle_connections_active', 'Downstream connections open now.', labels),
    received: registry.counter('tulle_received_bytes_total', 'Body and tunnel bytes from clients.', labels),
    sent: registry.counter('tulle_sent_bytes_total', 'Body and tunnel bytes to clients.', labels),
    tunnels: registry.counter('tulle_tunnels_total', 'Opaque connections that have ended.', labels),
  };
}
