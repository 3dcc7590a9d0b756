import { randomSequence } from '../load/arrivals.js';
import type { MetricName } from '../result/bench-case.js';
import type { CaseResult } from '../result/bench-result.js';
import { centre } from '../statistics/shift.js';
import { figuresOf, median } from './figures.js';

/** How many times what the other one takes, with the interval that holds the truth with chance 0.95; one round has no interval. */
export interface Ratio {
  estimate: number;
  low: number | undefined;
  high: number | undefined;
  /** Blocks in which both were measured. */
  rounds: number;
}

const interval = { level: 0.95, resamples: 1000, seed: 1 } as const;

/**
 * The ratio of two systems within each block, so that what disturbed both does not count: the centre of its logarithms, and a bootstrap interval. Pure.
 * @returns undefined without a block that has both, and for figures that are not above zero: those have no ratio.
 */
export function ratioOf(result: CaseResult, system: string, against: string, metric: MetricName): Ratio | undefined {
  if (metric.startsWith('added-')) return addedRatio(result, system, against, metric);
  const [own, other] = pairsOf(result, system, against, metric);
  if (own.length === 0) return undefined;
  const logs = own.map((figure, index) => Math.log(figure / other[index]));
  if (logs.length === 1) return { estimate: Math.exp(logs[0]), low: undefined, high: undefined, rounds: 1 };
  const { estimate, low, high } = centre(logs, { ...interval, random: randomSequence(interval.seed) });
  return { estimate: Math.exp(estimate), low: Math.exp(low), high: Math.exp(high), rounds: logs.length };
}

/**
 * What is added to direct may be nothing, or less, in a single block: so it is the ratio of the medians over all blocks, and its interval comes from drawing
 * blocks again and again.
 */
function addedRatio(result: CaseResult, system: string, against: string, metric: MetricName): Ratio | undefined {
  const [own, other] = [figuresOf(result, system, metric), figuresOf(result, against, metric)];
  const blocks = [...own.keys()].filter((index) => other.has(index));
  const ratio = (indices: readonly number[]): number => {
    const below = median(indices.map((index) => other.get(index) ?? 0)) ?? 0;
    return below > 0 ? (median(indices.map((index) => own.get(index) ?? 0)) ?? 0) / below : Number.NaN;
  };
  const estimate = ratio(blocks);
  if (Number.isNaN(estimate)) return undefined;
  if (blocks.length === 1) return { estimate, low: undefined, high: undefined, rounds: 1 };
  const random = randomSequence(interval.seed);
  const draws = Array.from({ length: interval.resamples }, () =>
    ratio(blocks.map(() => blocks[Math.floor(random() * blocks.length)])),
  );
  // A draw in which the other one adds nothing is infinitely worse: it belongs to the upper end.
  const sorted = draws.map((each) => (Number.isNaN(each) ? Number.POSITIVE_INFINITY : each)).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
  const tail = (1 - interval.level) / 2;
  return { estimate, low: at(tail), high: at(1 - tail), rounds: blocks.length };
}

/** Figures of two systems, of the blocks in which both have one above zero. */
export function pairsOf(result: CaseResult, system: string, against: string, metric: MetricName): [number[], number[]] {
  const [own, other] = [figuresOf(result, system, metric), figuresOf(result, against, metric)];
  const blocks = [...own.keys()].filter((index) => (own.get(index) ?? 0) > 0 && (other.get(index) ?? 0) > 0);
  return [blocks.map((index) => own.get(index) ?? 0), blocks.map((index) => other.get(index) ?? 0)];
}

/** `0.98 (0.95 to 1.01)`. */
export function ratioText({ estimate, low, high }: Ratio): string {
  const range = low === undefined || high === undefined ? '' : ` (${low.toFixed(2)} to ${high.toFixed(2)})`;
  return `${estimate.toFixed(2)}${range}`;
}
