import type { MetricName } from '../result/bench-case.js';
import type { CaseResult, Round } from '../result/bench-result.js';
import { figureOf } from '../result/metrics.js';
import { directName } from '../systems/registry.js';

/** Figures of one metric by block, of the rounds that count. */
export function figuresOf(result: CaseResult, system: string, metric: MetricName): Map<number, number> {
  const figures = new Map<number, number>();
  for (const round of result.rounds) {
    if (round.system !== system || !round.valid) continue;
    const figure = figureOf(metric, round, directOf(result, round));
    if (figure !== undefined) figures.set(round.index, figure);
  }
  return figures;
}

/** Why the row of a system is no measurement: a fault in any round other than a late generator; empty when it is one. Rounds are counted from 1, as in the progress. */
export function rowFaults(result: CaseResult, system: string): string[] {
  return result.rounds
    .filter((round) => round.system === system && !round.valid && !round.late)
    .flatMap((round) => round.invalid.map((reason) => `round ${round.index + 1}: ${reason}`));
}

/** Undefined without values. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function directOf(result: CaseResult, { index }: Round): Round | undefined {
  return result.rounds.find((each) => each.system === directName && each.index === index && each.valid);
}
