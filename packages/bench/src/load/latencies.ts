import { maxLatencyUs } from '../limits.js';
import type { SparseHistogram } from '../result/bench-result.js';
import { percentile } from '../result/metrics.js';
import { Histogram } from './histogram.js';

/** Percentiles of a set of times in µs. All 0 when nothing was recorded. */
export interface Percentiles {
  count: number;
  min: number;
  mean: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** Collects times in µs with three significant digits. */
export class Latencies {
  readonly #histogram: Histogram;

  constructor() {
    this.#histogram = new Histogram();
  }

  record(us: number): void {
    this.#histogram.record(Math.min(us, maxLatencyUs));
  }

  sparse(): SparseHistogram {
    return this.#histogram.sparse();
  }

  percentiles(): Percentiles {
    const sparse = this.sparse();
    const { count, min, max } = sparse;
    const at = (share: number): number => percentile(sparse, share) ?? 0;
    return {
      count,
      min,
      mean: Math.round(sparse.mean * 10) / 10,
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      p999: at(0.999),
      max,
    };
  }
}
