import { rules } from '../compare/thresholds.js';
import { randomSequence } from '../load/arrivals.js';
import type { MetricName } from '../result/bench-case.js';
import type { CaseResult } from '../result/bench-result.js';
import { figuresOf, rowFaults } from '../run/figures.js';
import { centre, type Shift } from '../statistics/shift.js';

/** Figures of a run with what chance leaves of them. Pure. */

/** A figure with the interval that holds the truth in 95 % of runs. */
export interface Estimate {
  estimate: number;
  low: number;
  high: number;
  rounds: number;
}

/** Systems of a case that are a measurement, in the order of the result. */
export function soundSystems(result: CaseResult): string[] {
  return result.systems
    .filter(({ name, state }) => state === 'measured' && rowFaults(result, name).length === 0)
    .map(({ name }) => name)
    .filter((name) => result.rounds.some((round) => round.system === name && round.valid));
}

/** One metric of one system over its rounds; undefined with fewer than two figures above 0. */
export function estimateOf(result: CaseResult, system: string, metric: MetricName): Estimate | undefined {
  const figures = [...figuresOf(result, system, metric).values()].filter((figure) => figure > 0);
  return figures.length < 2 ? undefined : estimated(figures.map(Math.log));
}

function estimated(logarithms: readonly number[]): Estimate {
  const options = { level: rules.level, resamples: rules.resamples / 2, random: randomSequence(rules.seed) };
  const { estimate, low, high }: Shift = centre(logarithms, options);
  return { estimate: Math.exp(estimate), low: Math.exp(low), high: Math.exp(high), rounds: logarithms.length };
}
