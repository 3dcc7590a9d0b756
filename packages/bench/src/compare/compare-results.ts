import { randomSequence } from '../load/arrivals.js';
import type { MetricName } from '../result/bench-case.js';
import type { BenchResult, CaseResult } from '../result/bench-result.js';
import { metrics } from '../result/metrics.js';
import { rowFaults } from '../run/figures.js';
import { shiftBetween } from '../statistics/shift.js';
import { checkComparable, commonCases, NotComparable } from './comparable.js';
import type { Arm, ComparedCase, ComparedMetric, Comparison, Side, Verdict } from './comparison.js';
import { type Arms, percentilesOf, pointsOf, seriesOf } from './extract.js';
import { judge, type Series } from './judge.js';
import { type Rules, rules as shippedRules, thresholds } from './thresholds.js';

/** Names of the systems of an interleaved run. */
export const armNames: Readonly<Record<Arm, string>> = { base: 'base', again: 'again', head: 'head' };

/** Compares the arms of one run, made block by block. Pure. */
export function compareInterleaved(
  result: BenchResult,
  base: Side,
  head: Side,
  rules: Rules = shippedRules,
): Comparison {
  const drafts = result.cases.map((each): Draft => {
    const arm = (name: Arm): Arms['base'] => ({ result: each, system: armNames[name] });
    const hasAgain = each.systems.some(({ name, state }) => name === armNames.again && state === 'measured');
    const arms = { base: arm('base'), again: hasAgain ? arm('again') : undefined, head: arm('head') };
    return { arms, system: 'tulle-linux', interleaved: true, drift: () => undefined };
  });
  const common = { design: 'interleaved' as const, base, head, unlike: [], leftOut: [], partial: result.run.partial };
  return assemble(drafts, common, [result, result], rules);
}

/**
 * Compares two runs that were made one after the other. Systems of Tulle are judged; the others, which are the same programs in both, tell how much the
 * machine itself has moved. Pure.
 * @throws NotComparable when they are from different machines, or have nothing in common.
 */
export function compareSeparate(
  base: BenchResult,
  head: BenchResult,
  sides: { base: Side; head: Side },
  rules: Rules = shippedRules,
): Comparison {
  const unlike = checkComparable(base, head);
  const { names, leftOut } = commonCases(base, head);
  if (names.length === 0) throw new NotComparable(`the two have no case in common:\n  ${leftOut.join('\n  ')}`);
  const drafts = names.flatMap((name): Draft[] => {
    const [a, b] = [caseOf(base, name), caseOf(head, name)];
    const both = a.systems.filter(
      (each) =>
        each.state === 'measured' && b.systems.some((other) => other.name === each.name && other.state !== 'missing'),
    );
    const unchanged = both.filter(
      ({ name, version }) =>
        !isOurs(name) && b.systems.some((other) => other.name === name && other.version === version),
    );
    return both
      .filter((each) => isOurs(each.name))
      .map(({ name: system }) => ({
        arms: { base: { result: a, system }, again: undefined, head: { result: b, system } },
        system,
        interleaved: false,
        drift: (metric) =>
          driftOf(
            a,
            b,
            unchanged.map((each) => each.name),
            metric,
            rules,
          ),
      }));
  });
  if (drafts.length === 0) throw new NotComparable('no build of Tulle was measured in both');
  const common = {
    design: 'separate' as const,
    ...sides,
    unlike,
    leftOut,
    partial: base.run.partial || head.run.partial,
  };
  return assemble(drafts, common, [base, head], rules);
}

/** One system of one case before anything is judged. */
interface Draft {
  arms: Arms;
  system: string;
  interleaved: boolean;
  drift: (metric: MetricName) => number | undefined;
}

function assemble(
  drafts: readonly Draft[],
  common: Pick<Comparison, 'design' | 'base' | 'head' | 'unlike' | 'partial'> & { leftOut: string[] },
  runs: readonly [BenchResult, BenchResult],
  rules: Rules,
): Comparison {
  const { leftOut, ...rest } = common;
  const cases = drafts.map((draft) => caseWithoutMetrics(draft));
  const judged: { series: Series; metric: MetricName; owner: ComparedCase; draft: Draft }[] = [];
  for (const [index, draft] of drafts.entries()) {
    const { faults, definition } = cases[index];
    // A row with one fault is no measurement, whatever its other rounds say.
    if (faults.base.length > 0 || faults.head.length > 0) continue;
    for (const metric of judgedMetrics(definition)) {
      const { difference } = thresholdOf(definition, metric);
      const facts = {
        difference,
        interleaved: draft.interleaved,
        drift: draft.drift(metric),
        hasControl: draft.arms.again !== undefined,
      };
      const series = seriesOf(pointsOf(draft.arms, metric), metric, facts);
      if (series !== undefined) judged.push({ series, metric, owner: cases[index], draft });
    }
  }
  const figures = judge(
    judged.map((each) => each.series),
    rules,
  );
  for (const [index, { metric, owner, draft }] of judged.entries()) {
    const { title, unit, better } = metrics[metric];
    const role = metric === owner.definition.metrics[0] ? 'promise' : 'watch';
    const { difference, reason } = thresholdOf(owner.definition, metric);
    const entry: ComparedMetric = {
      metric,
      title,
      unit,
      better,
      role,
      difference,
      differenceReason: reason,
      ...figures[index],
      points: pointsOf(draft.arms, metric),
    };
    owner.metrics.push(entry);
  }
  const [first, last] = [runs[0].run, runs[1].run];
  const conclusion = concludeFrom(cases);
  return {
    schema: 'tulle.dev/bench-compare/v1',
    verdict: conclusion.verdict,
    reasons: [...conclusion.reasons, ...leftOut.map((each) => `not compared: ${each}`)],
    ...rest,
    startedAt: first.startedAt,
    endedAt: last.endedAt,
    machine: last.machine,
    node: last.node,
    rules,
    cases,
  };
}

function caseWithoutMetrics({ arms, system }: Draft): ComparedCase {
  const { result } = arms.head;
  const { definition, pinning, systems, roundsReason } = result;
  const present = (['base', 'again', 'head'] as const).filter((arm) => arms[arm] !== undefined);
  const sources = present.map((arm) => ({ arm, source: arms[arm] ?? arms.base }));
  const late = sources.flatMap(({ arm, source }) =>
    source.result.rounds
      .filter((round) => round.system === source.system && round.late)
      .map(
        (round) =>
          `round ${round.index + 1} of the ${arm === 'again' ? 'base again' : arm}: ${round.invalid.join('; ')}`,
      ),
  );
  const rounds = result.rounds.filter((round) => round.system === arms.head.system);
  return {
    name: definition.name,
    title: definition.title,
    system,
    roundsReason,
    blocks: rounds.length,
    leftOut: late,
    faults: {
      base: [...faultsOf(arms.base), ...(arms.again === undefined ? [] : faultsOf(arms.again))],
      head: faultsOf(arms.head),
    },
    metrics: [],
    latency: sources
      .map(({ arm, source }) => ({ arm, percentiles: percentilesOf(source) }))
      .filter(({ percentiles }) => percentiles.length > 0),
    definition,
    pinning,
    systems,
  };
}

function faultsOf({ result, system }: Arms['base']): string[] {
  const info = result.systems.find((each) => each.name === system);
  // Interrupted before it was started: nobody's fault, and the row has nothing to judge.
  if (info === undefined) return [];
  return info.state === 'measured' ? rowFaults(result, system) : [`${info.state}: ${info.reason}`];
}

/** The metrics of a case that have a threshold, its first one in any case. */
export function judgedMetrics(definition: CaseResult['definition']): MetricName[] {
  return definition.metrics.filter((metric, index) => index === 0 || thresholds[metric] !== undefined);
}

function thresholdOf(definition: CaseResult['definition'], metric: MetricName): { difference: number; reason: string } {
  const shipped = thresholds[metric];
  if (metric !== definition.metrics[0]) return shipped ?? { difference: definition.rounds.detect, reason: '' };
  return {
    difference: definition.rounds.detect,
    reason: `what the case was made for${shipped === undefined ? '' : `: ${shipped.reason}`}`,
  };
}

/** The largest logarithm by which anything unchanged may have moved between the runs. */
function driftOf(
  base: CaseResult,
  head: CaseResult,
  unchanged: readonly string[],
  metric: MetricName,
  rules: Rules,
): number | undefined {
  const drifts = unchanged.flatMap((system) => {
    const points = pointsOf(
      { base: { result: base, system }, again: undefined, head: { result: head, system } },
      metric,
    );
    const series = seriesOf(points, metric, { difference: 1, interleaved: false, drift: 0, hasControl: false });
    if (series === undefined) return [];
    const options = { level: rules.level, resamples: rules.resamples, random: randomSequence(rules.seed) };
    const { low, high } = shiftBetween(series.base.map(Math.log), series.head.map(Math.log), options);
    return [Math.max(-low, high)];
  });
  return drifts.length === 0 ? undefined : Math.max(...drifts);
}

function concludeFrom(cases: readonly ComparedCase[]): { verdict: Verdict; reasons: string[] } {
  const failed: string[] = [];
  const open: string[] = [];
  for (const each of cases) {
    const name = `${each.name} (${each.system})`;
    // A head that breaks where the base works is worse than a slow one; a base that breaks is not the head's fault.
    if (each.faults.base.length > 0) open.push(`${name}: the base is no measurement: ${each.faults.base[0]}`);
    else if (each.faults.head.length > 0) failed.push(`${name}: the head is no measurement: ${each.faults.head[0]}`);
    else if (each.metrics.every(({ role }) => role !== 'promise')) open.push(`${name}: too few rounds to judge`);
    for (const { title, judgement, role, why, metric } of each.metrics) {
      if (judgement === 'regression') failed.push(`${name}: ${title} is worse: ${why}`);
      else if (judgement === 'inconclusive' && role === 'promise') open.push(`${name}: ${metric} is open: ${why}`);
    }
  }
  if (cases.length === 0) open.push('no case was measured');
  if (failed.length > 0) return { verdict: 'fail', reasons: [...failed, ...open] };
  return open.length > 0 ? { verdict: 'inconclusive', reasons: open } : { verdict: 'pass', reasons: [] };
}

function caseOf(result: BenchResult, name: string): CaseResult {
  const found = result.cases.find((each) => each.definition.name === name);
  if (found === undefined) throw new Error(`case ${name} is in both`);
  return found;
}

function isOurs(system: string): boolean {
  return system.startsWith('tulle');
}
