// A machine to compare two builds on: its speed drifts, blocks have outliers, and metrics differ in how ragged they are.
import { type Figure, judge, type Series } from '../../src/compare/judge.js';
import { planRounds } from '../../src/compare/plan.js';
import { type Rules, rules as shipped } from '../../src/compare/thresholds.js';
import { heavyTailed, normals, sequence } from '../statistics/random-numbers.js';

/** Few resamples, so that many comparisons fit into seconds; the verdict needs only the two ends. */
export const rules: Rules = { ...shipped, resamples: 120 };

export interface SimulatedMetric {
  difference: number;
  /** Spread of a round's logarithm. */
  noise: number;
  /** Head over base. */
  effect: number;
  better?: 'lower' | 'higher';
}

export interface SimulatedRun {
  metrics: readonly SimulatedMetric[];
  seed: number;
  max?: number;
  /** Each block stands under its own cloud: spread of the logarithm that all arms of a block share. */
  drift?: number;
  heavy?: boolean;
}

/** Makes rounds until the plan has enough of them for the first metric, then judges all. */
export function simulate(run: SimulatedRun): { figures: Figure[]; rounds: number; reason: string } {
  const random = sequence(run.seed * 7919 + 1);
  const next = run.heavy === true ? heavyTailed(random) : normals(random);
  const normal = normals(random);
  const series = run.metrics.map((metric) => ({
    metric,
    base: [] as number[],
    again: [] as number[],
    head: [] as number[],
  }));
  for (;;) {
    const cloud = (run.drift ?? 0.1) * normal();
    for (const { metric, base, again, head } of series) {
      const figure = (effect: number): number => 100 * effect * Math.exp(cloud + metric.noise * next());
      base.push(figure(1));
      again.push(figure(1));
      head.push(figure(metric.effect));
    }
    const [first] = series;
    const facts = { first: first.base, second: first.again, difference: first.metric.difference };
    const plan = planRounds({ ...facts, tests: series.length, min: 8, max: run.max ?? 60 }, rules);
    if (plan.more) continue;
    const judged = series.map(
      ({ metric, base, again, head }): Series => ({
        better: metric.better ?? 'lower',
        difference: metric.difference,
        interleaved: true,
        drift: undefined,
        base,
        again,
        head,
      }),
    );
    return { figures: judge(judged, rules), rounds: first.base.length, reason: plan.reason };
  }
}
