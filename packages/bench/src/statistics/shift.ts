import { quantileSorted, standardDeviation } from 'simple-statistics';
import { normalTail, studentQuantile } from './distributions.js';
import { SortedPairs } from './pairs.js';

/** How far something has moved, with the interval that holds the truth with chance `level`. */
export interface Shift {
  estimate: number;
  low: number;
  high: number;
  /** Standard error of the estimate, from the same resamples. */
  error: number;
}

export interface ShiftOptions {
  /** Chance that the interval holds the truth: 0.95. */
  level: number;
  /** Bootstrap resamples. 2,000 put the end of a 95 % interval within a tenth of its half width. */
  resamples: number;
  /** Numbers in [0, 1): the only randomness there is. */
  random: () => number;
}

/**
 * The centre of paired differences: Hodges and Lehmann's estimate (1963), the median of all averages of two, with a bootstrap interval over the
 * pairs. It belongs to the signed-rank test, needs no normal distribution, and on normal noise wants 5 % more rounds than the mean where the plain
 * median wants 57 % more.
 *
 * The interval is the percentile interval, widened for small samples as Hesterberg (2015, "What teachers should know about the bootstrap") says: the
 * level of each end is that of the normal distribution at √(n/(n−1)) times Student's quantile. Unwidened it held the truth in 91 % of trials
 * with 8 rounds, bias-corrected and accelerated (BCa) in 91 %, widened in 95 %; `test/statistics/coverage.test.ts` holds it to that.
 * @param differences at least two.
 */
export function centre(differences: readonly number[], options: ShiftOptions): Shift {
  const pairs = SortedPairs.averages(differences);
  const weights = new Uint16Array(differences.length);
  const estimate = pairs.median(weights.fill(1), weights);
  const resample = (): number => {
    draw(weights, options.random);
    return pairs.median(weights, weights);
  };
  return bootstrap(estimate, resample, differences.length, options);
}

/** How far the second of two independent samples lies above the first: the median of all differences; otherwise like `centre`. At least two values each. */
export function shiftBetween(first: readonly number[], second: readonly number[], options: ShiftOptions): Shift {
  const pairs = SortedPairs.differences(first, second);
  const firstWeights = new Uint16Array(first.length);
  const secondWeights = new Uint16Array(second.length);
  const estimate = pairs.median(firstWeights.fill(1), secondWeights.fill(1));
  const resample = (): number => {
    draw(firstWeights, options.random);
    draw(secondWeights, options.random);
    return pairs.median(firstWeights, secondWeights);
  };
  return bootstrap(estimate, resample, Math.min(first.length, second.length), options);
}

/** As many draws as there are values, with putting back: how often each came. */
function draw(weights: Uint16Array, random: () => number): void {
  weights.fill(0);
  for (let count = 0; count < weights.length; count++) weights[Math.floor(random() * weights.length)] += 1;
}

function bootstrap(estimate: number, resample: () => number, size: number, options: ShiftOptions): Shift {
  const estimates = Array.from({ length: options.resamples }, resample).sort((a, b) => a - b);
  // Student's quantile in place of the normal one, and √(n/(n−1)) because resamples spread too little by just that.
  const widening = Math.sqrt(size / (size - 1));
  const end = normalTail(widening * studentQuantile((1 + options.level) / 2, size - 1));
  return {
    estimate,
    low: quantileSorted(estimates, end),
    high: quantileSorted(estimates, 1 - end),
    error: standardDeviation(estimates) * widening,
  };
}
