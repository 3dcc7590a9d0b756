import { build, type Histogram, initWebAssemblySync } from 'hdr-histogram-js';
import { maxLatencyUs } from '../limits.js';

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

/** Collects times in µs with three significant digits, in WebAssembly: some 15 ns a value and no garbage. */
export class Latencies {
  readonly #histogram: Histogram;
  #minUs: number;

  constructor() {
    initWebAssemblySync();
    this.#histogram = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: maxLatencyUs,
      numberOfSignificantValueDigits: 3,
      useWebAssembly: true,
    });
    this.#minUs = Number.POSITIVE_INFINITY;
  }

  record(us: number): void {
    const value = us <= 0 ? 0 : us >= maxLatencyUs ? maxLatencyUs : Math.round(us);
    if (value < this.#minUs) this.#minUs = value;
    this.#histogram.recordValue(value);
  }

  percentiles(): Percentiles {
    const histogram = this.#histogram;
    const count = histogram.totalCount;
    if (count === 0) return { count: 0, min: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
    const max = histogram.maxValue;
    // A percentile is the end of its bucket, which may lie beyond the largest value that was seen.
    const at = (percentile: number): number => Math.min(max, histogram.getValueAtPercentile(percentile));
    const mean = Math.round(histogram.mean * 10) / 10;
    return { count, min: this.#minUs, mean, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max };
  }

  /** Gives its WebAssembly memory back; nothing may be recorded or read after it. */
  close(): void {
    this.#histogram.destroy();
  }
}
