import { planRounds } from '../compare/plan.js';
import { rules } from '../compare/thresholds.js';
import type { BenchCase, Goal } from '../result/bench-case.js';
import type { CaseResult } from '../result/bench-result.js';
import { blockOrder } from './order.js';
import { pairsOf } from './ratio.js';
import type { RoundPolicy } from './round-policy.js';

/** What decides about the rounds of a plain run. */
export interface PlainFacts {
  quick: boolean;
  /** Exactly so many blocks of a case; undefined: as the noise asks for. */
  rounds: number | undefined;
  /** Time for all cases, in s. */
  seconds: number;
  cases: readonly string[];
  /** Seconds since some fixed moment. */
  now: () => number;
}

/**
 * Rounds of a plain run: every system is started once, blocks alternate their order, and there are as many of them as it takes to see the difference that the
 * case names between the systems of its goals; at most as many as the case allows, and none begun after the case's share of the time.
 */
export function plainPolicy(facts: PlainFacts): RoundPolicy {
  const startedS = facts.now();
  const seen: string[] = [];
  return {
    plan: (benchCase) => planned(benchCase, facts),
    order: blockOrder,
    fresh: false,
    withDirect: true,
    more(result) {
      const { name, rounds } = result.definition;
      if (!seen.includes(name)) seen.push(name);
      const made = Math.max(-1, ...result.rounds.map((each) => each.index)) + 1;
      if (facts.rounds !== undefined) return { more: made < rounds.max, reason: `${made} rounds, as asked for` };
      const plan = noisePlan(result, made);
      // Each case has an equal share of the time, and what earlier ones left of theirs.
      const share = facts.seconds * (seen.length / facts.cases.length);
      if (plan.more && made >= leastRounds && facts.now() - startedS >= share) {
        return { more: false, reason: `stopped when its time was over: ${plan.reason}` };
      }
      return plan;
    },
  };
}

/** Below it an interval says nothing. */
const leastRounds = 3;

/** The case with what the options change in it. Pure. */
export function planned(
  benchCase: BenchCase,
  { quick, rounds: count }: Pick<PlainFacts, 'quick' | 'rounds'>,
): BenchCase {
  const { rounds } = benchCase;
  const short: BenchCase['rounds'] = {
    ...rounds,
    min: Math.min(rounds.min, 4),
    max: Math.min(rounds.max, 4),
    seconds: Math.min(rounds.seconds, 1),
    requests: rounds.requests === undefined ? undefined : Math.min(rounds.requests, 100_000),
    warmupRequests: Math.min(rounds.warmupRequests, 10_000),
    sampleMemoryEvery: rounds.sampleMemoryEvery === undefined ? undefined : Math.min(rounds.sampleMemoryEvery, 10_000),
  };
  const base = quick ? short : rounds;
  return { ...benchCase, rounds: count === undefined ? base : { ...base, min: count, max: count } };
}

/** The pair of a goal that needs most rounds decides. */
function noisePlan(result: CaseResult, made: number): { more: boolean; reason: string } {
  const { goals, rounds } = result.definition;
  const { min, max, detect } = rounds;
  if (made < min) return { more: true, reason: `${made} rounds` };
  if (made >= max) return { more: false, reason: `${made} rounds, the most that the case allows` };
  const plans = goals.filter(isRelative).flatMap((goal) => {
    const [first, second] = pairsOf(result, goal.system, goal.against, goal.metric);
    // Systems that are not there, or whose rounds were spoiled, say nothing about the noise.
    if (first.length < 2) return [];
    return [{ goal, plan: planRounds({ first, second, difference: detect, tests: 1, min, max }, rules) }];
  });
  const open = plans.find(({ plan }) => plan.more);
  if (open !== undefined) return open.plan;
  const [first] = plans;
  return {
    more: false,
    reason: first === undefined ? `${made} rounds` : `${first.goal.against}: ${first.plan.reason}`,
  };
}

function isRelative(goal: Goal): goal is Goal & { against: string } {
  return goal.against !== undefined && goal.against !== 'best';
}
