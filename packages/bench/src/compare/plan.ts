import { randomSequence } from '../load/arrivals.js';
import { cautiousNoise, powerOf, roundsNeeded } from '../statistics/power.js';
import { centre } from '../statistics/shift.js';
import type { Rules } from './thresholds.js';

/** What decides about another block of rounds. */
export interface PlanFacts {
  /** Figures by block of two arms that are equal: the base, twice. */
  first: readonly number[];
  second: readonly number[];
  /** Relative difference to be seen: 0.03. */
  difference: number;
  /** Tests that share α. */
  tests: number;
  min: number;
  max: number;
}

export interface Plan {
  more: boolean;
  /** How the number came about, one sentence. */
  reason: string;
}

/**
 * Whether another block is made. It looks at two arms that are equal, never at the one that is judged, so looking again and again does not make
 * chance findings likelier. Looks after every second block, when each arm has been before each other one equally often.
 */
export function planRounds(facts: PlanFacts, rules: Rules): Plan {
  const { first, second, difference, tests, min, max } = facts;
  const made = Math.min(first.length, second.length);
  const aim = { difference: Math.log1p(difference), alpha: rules.alpha / tests, power: rules.power };
  const isLook = made >= max || (made >= min && made >= 4 && made % 2 === 0);
  if (!isLook || made < 2) return { more: made < max, reason: `${made} rounds` };
  const differences = first.slice(0, made).map((value, index) => Math.log(second[index] / value));
  const { error } = centre(differences, {
    level: rules.level,
    resamples: rules.resamples / 4,
    random: randomSequence(rules.seed),
  });
  const noise = error * Math.sqrt(made);
  const needed = Math.max(min, roundsNeeded(cautiousNoise(noise, made, rules.noiseConfidence), aim));
  const power = powerOf(made, noise, aim);
  const numbers = `noise of a round ${percent(Math.expm1(noise))}, ${needed} rounds needed to see ${percent(difference)} with power ${rules.power}`;
  if (made < needed && made < max) return { more: true, reason: `${made} rounds so far: ${numbers}` };
  const ending = made >= needed ? `${made} rounds` : `stopped at the limit of ${max} rounds`;
  return { more: false, reason: `${ending}: ${numbers}; power ${power.toFixed(2)}` };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
