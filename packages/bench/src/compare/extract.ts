import type { MetricName } from '../result/bench-case.js';
import type { CaseResult, SparseHistogram } from '../result/bench-result.js';
import { metrics } from '../result/metrics.js';
import { figuresOf } from '../run/figures.js';
import type { Arm, Point } from './comparison.js';
import type { Series } from './judge.js';

/** Where the rounds of an arm are: a system of a case. */
export interface ArmSource {
  result: CaseResult;
  system: string;
}

export interface Arms {
  base: ArmSource;
  /** The base a second time; undefined where it was not measured twice. */
  again: ArmSource | undefined;
  head: ArmSource;
}

/** Every figure of a metric by round, whole or not. */
export function pointsOf(arms: Arms, metric: MetricName): Point[] {
  const [base, head] = [figures(arms.base, metric), figures(arms.head, metric)];
  const again = arms.again === undefined ? new Map<number, number>() : figures(arms.again, metric);
  const rounds = new Set([...base.keys(), ...again.keys(), ...head.keys()]);
  return [...rounds]
    .sort((a, b) => a - b)
    .map((round) => ({ round, base: base.get(round), again: again.get(round), head: head.get(round) }));
}

/**
 * What is judged: interleaved arms by blocks that are whole, so that pairs are pairs; separate ones by all that they have.
 * @returns undefined where a side has fewer than two figures: there is nothing to judge.
 */
export function seriesOf(
  points: readonly Point[],
  metric: MetricName,
  facts: Pick<Series, 'difference' | 'interleaved' | 'drift'> & { hasControl: boolean },
): Series | undefined {
  const { difference, interleaved, drift, hasControl } = facts;
  const isWhole = ({ base, again, head }: Point): boolean =>
    base !== undefined && head !== undefined && (!hasControl || again !== undefined);
  const used = interleaved ? points.filter(isWhole) : points;
  const of = (arm: Arm): number[] => used.flatMap((point) => point[arm] ?? []);
  const [base, head] = [of('base'), of('head')];
  if (Math.min(base.length, head.length) < 2) return undefined;
  const { better } = metrics[metric];
  return { better, difference, interleaved, drift, base, head, again: hasControl ? of('again') : undefined };
}

/** Figures that can be compared as a ratio; a zero or less cannot. */
function figures({ result, system }: ArmSource, metric: MetricName): Map<number, number> {
  const found = figuresOf(result, system, metric);
  for (const [round, figure] of found) if (!(figure > 0)) found.delete(round);
  return found;
}

/** Places of the curve, dense towards the end, where what matters is. */
const shares = [
  0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.965, 0.98, 0.985, 0.99, 0.993, 0.996, 0.998,
  0.999, 0.9993, 0.9996, 0.9998, 0.9999,
];

/** Latency percentiles over all rounds of an arm that count; those beyond what so many requests can tell are left out. */
export function percentilesOf({ result, system }: ArmSource): [share: number, us: number][] {
  const merged = mergeHistograms(
    result.rounds.flatMap((round) => (round.system === system && round.valid ? (round.latencyUs ?? []) : [])),
  );
  const found: [number, number][] = [];
  let seen = 0;
  let at = 0;
  for (const [us, count] of merged.buckets) {
    seen += count;
    for (; at < shares.length && seen >= Math.max(1, Math.ceil(merged.count * shares[at])); at++) {
      // Ten requests beyond it, or it is the fate of a few.
      if (merged.count * (1 - shares[at]) >= 10) found.push([shares[at], us]);
    }
  }
  return found;
}

export function mergeHistograms(histograms: readonly SparseHistogram[]): SparseHistogram {
  const counts = new Map<number, number>();
  const merged = { count: 0, min: Number.POSITIVE_INFINITY, max: 0, mean: 0 };
  let total = 0;
  for (const each of histograms) {
    if (each.count === 0) continue;
    merged.count += each.count;
    merged.min = Math.min(merged.min, each.min);
    merged.max = Math.max(merged.max, each.max);
    total += each.mean * each.count;
    for (const [value, count] of each.buckets) counts.set(value, (counts.get(value) ?? 0) + count);
  }
  const buckets = [...counts].sort((a, b) => a[0] - b[0]);
  if (merged.count === 0) return { count: 0, min: 0, max: 0, mean: 0, buckets };
  return { ...merged, mean: total / merged.count, buckets };
}
