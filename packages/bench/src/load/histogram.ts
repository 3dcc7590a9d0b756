import type { SparseHistogram } from '../result/bench-result.js';

/*
 * Counts of whole numbers with three significant digits, log-linear: below 2048 each value has a bucket of its own, above it each power of two has 1024.
 * One typed array, no garbage.
 */

const exact = 2048;
const perPower = 1024;
const buckets = exact + (31 - 11) * perPower;

export class Histogram {
  readonly #counts: Float64Array;
  #count: number;
  #sum: number;
  #min: number;
  #max: number;

  constructor() {
    this.#counts = new Float64Array(buckets);
    this.#count = 0;
    this.#sum = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = 0;
  }

  /** @param value is rounded; below 0 counts as 0, from 2^31 on as the largest one that there is. */
  record(value: number): void {
    const whole = value <= 0 ? 0 : value >= 0x7fffffff ? 0x7fffffff : Math.round(value);
    this.#counts[bucketOf(whole)] += 1;
    this.#count += 1;
    this.#sum += whole;
    if (whole < this.#min) this.#min = whole;
    if (whole > this.#max) this.#max = whole;
  }

  sparse(): SparseHistogram {
    const list: [number, number][] = [];
    for (let bucket = 0; bucket < buckets; bucket++) {
      if (this.#counts[bucket] > 0) list.push([lastOf(bucket), this.#counts[bucket]]);
    }
    const count = this.#count;
    return {
      count,
      min: count === 0 ? 0 : this.#min,
      max: this.#max,
      mean: count === 0 ? 0 : this.#sum / count,
      buckets: list,
    };
  }
}

function bucketOf(value: number): number {
  if (value < exact) return value;
  const power = 31 - Math.clz32(value);
  return exact + (power - 11) * perPower + ((value >>> (power - 10)) - perPower);
}

/** Largest value of a bucket. */
function lastOf(bucket: number): number {
  if (bucket < exact) return bucket;
  const power = 11 + Math.floor((bucket - exact) / perPower);
  const step = 2 ** (power - 10);
  return (perPower + ((bucket - exact) % perPower)) * step + step - 1;
}
