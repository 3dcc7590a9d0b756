/** Samples that are averaged before the rule looks at them: single ones are too ragged (White 1997, and White, Cobb and Spratt 2000). */
const batchSize = 5;

/**
 * How many samples at the start of a series are warm-up: the marginal standard error rule, MSER-5. Of all places to cut it takes the one after which the
 * mean is known best: a cut in the warm-up leaves its bias in the spread, a cut beyond it throws samples away.
 * @param series equally spaced figures of one process, in the order of time.
 * @returns samples to drop; undefined when the best cut is in the second half: the series never settled, or is too short to say.
 */
export function warmupLength(series: readonly number[]): number | undefined {
  const batches: number[] = [];
  for (let start = 0; start + batchSize <= series.length; start += batchSize) {
    batches.push(mean(series.slice(start, start + batchSize)));
  }
  if (batches.length < 4) return undefined;
  let best = 0;
  let bestError = Number.POSITIVE_INFINITY;
  // At least two batches have to remain for a spread; a cut that close to the end counts as never settled below.
  for (let cut = 0; cut <= batches.length - 2; cut++) {
    const rest = batches.slice(cut);
    const centre = mean(rest);
    let squares = 0;
    for (const value of rest) squares += (value - centre) ** 2;
    const error = squares / (rest.length * rest.length);
    if (error < bestError) {
      best = cut;
      bestError = error;
    }
  }
  return best > batches.length / 2 ? undefined : best * batchSize;
}

function mean(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total / values.length;
}
