import type { BenchCase, MetricName } from '../result/bench-case.js';
import type { CaseResult } from '../result/bench-result.js';
import { tripleOrder } from '../run/order.js';
import type { RoundPolicy } from '../run/round-policy.js';
import { armNames, judgedMetrics } from './compare-results.js';
import { pointsOf, seriesOf } from './extract.js';
import { planRounds } from './plan.js';
import { rules, thresholds } from './thresholds.js';

/** How long a comparison may take, and how its rounds are made. */
export interface Budget {
  /** All cases together, in s. */
  seconds: number;
  cases: number;
  /** Tests of all cases together: they share α. */
  tests: number;
  /** Exactly so many blocks of a case; undefined: as the noise asks for. */
  rounds: number | undefined;
  /** Seconds since some fixed moment. */
  now: () => number;
}

/** Least and most blocks of a case. Below the least the noise is not known, beyond the most a machine is too noisy to wait for. */
const blocks = { min: 8, max: 80 } as const;

/**
 * Bounds of one round, s and requests. A process is new in each: what it does before it is compiled must not be measured, and what it does after is measured
 * long enough that starting it is not most of the time.
 */
const round = { minSeconds: 2, maxSeconds: 5, maxWarmupRequests: 8000, maxRequests: 100_000 } as const;

/** Rounds of a comparison: three arms (the base, the base again, the head), new processes, as many blocks as the noise asks for within the time. */
export function comparePolicy(budget: Budget): RoundPolicy {
  const startedS = budget.now();
  let done = 0;
  let current: string | undefined;
  return {
    order: tripleOrder,
    fresh: true,
    withDirect: false,
    plan: (benchCase) => plannedForComparison(benchCase, budget.rounds),
    more(result) {
      if (current !== result.definition.name) {
        done += current === undefined ? 0 : 1;
        current = result.definition.name;
      }
      const { min, max } = result.definition.rounds;
      const made = blocksOf(result);
      if (budget.rounds !== undefined) return { more: made < max, reason: `${made} rounds, as asked for` };
      const arms = { base: armNames.base, again: armNames.again };
      const isWhole = result.systems.every((each) => each.state === 'measured');
      if (!isWhole) return { more: false, reason: 'a side could not be measured' };
      const plan = noisePlan(result, arms, budget.tests, { min, max });
      // Each case has an equal share of what is left, so that what one does not need the next ones have.
      const spent = budget.now() - startedS;
      const share = budget.seconds * ((done + 1) / budget.cases);
      if (plan.more && made >= min && spent >= share && made % 2 === 0) {
        return { more: false, reason: `stopped when its time was over: ${plan.reason}` };
      }
      return plan;
    },
  };
}

/**
 * The case with what a comparison changes in it. Pure. What is added to direct becomes the latency itself: direct is the same for both sides, and the time for it
 * is better spent on further rounds. A first metric that was changed in this way is judged by its usual threshold.
 */
export function plannedForComparison(benchCase: BenchCase, count: number | undefined): BenchCase {
  const { metrics, rounds } = benchCase;
  const whole = [...new Set(metrics.map((metric) => withDirect[metric] ?? metric))];
  const detect = whole[0] === metrics[0] ? rounds.detect : (thresholds[whole[0]]?.difference ?? rounds.detect);
  return {
    ...benchCase,
    metrics: whole,
    goals: [],
    rounds: {
      ...rounds,
      detect,
      min: count ?? blocks.min,
      max: count ?? blocks.max,
      seconds: Math.min(Math.max(rounds.seconds, round.minSeconds), round.maxSeconds),
      requests: rounds.requests === undefined ? undefined : Math.min(rounds.requests, round.maxRequests),
      warmupRequests: Math.min(rounds.warmupRequests, round.maxWarmupRequests),
    },
  };
}

/** The latency that a metric is a part of. */
const withDirect: Readonly<Partial<Record<MetricName, MetricName>>> = {
  'added-p50': 'latency-p50',
  'added-p99': 'latency-p99',
  'added-p999': 'latency-p999',
};

/** How many tests the cases make together. */
export function testsOf(cases: readonly BenchCase[]): number {
  return Math.max(
    1,
    cases.reduce((sum, each) => sum + judgedMetrics(plannedForComparison(each, undefined)).length, 0),
  );
}

function noisePlan(
  result: CaseResult,
  arms: { base: string; again: string },
  tests: number,
  bounds: { min: number; max: number },
): { more: boolean; reason: string } {
  const { definition } = result;
  const [metric] = definition.metrics;
  const base = { result, system: arms.base };
  const points = pointsOf({ base, again: undefined, head: { result, system: arms.again } }, metric);
  const difference = definition.rounds.detect;
  const series = seriesOf(points, metric, { difference, interleaved: true, drift: undefined, hasControl: false });
  const made = blocksOf(result);
  if (series === undefined) return { more: made < bounds.max, reason: `${made} rounds` };
  // Blocks that a late generator spoiled are made up for.
  const spoiled = made - series.base.length;
  const max = Math.max(2, bounds.max - spoiled);
  return planRounds(
    { first: series.base, second: series.head, difference, tests, min: Math.min(bounds.min, max), max },
    rules,
  );
}

function blocksOf(result: CaseResult): number {
  return Math.max(-1, ...result.rounds.map((each) => each.index)) + 1;
}
