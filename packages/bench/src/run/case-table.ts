import type { Goal, MetricName } from '../result/bench-case.js';
import type { CaseResult, Round, SystemInfo } from '../result/bench-result.js';
import { figureOf, metrics } from '../result/metrics.js';
import { directName } from '../systems/registry.js';

/** The table that a run prints at once: medians, and ratios of the rounds of one block. Intervals and verdicts are the report's. Pure. */

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

/** Median over the blocks of the ratio within a block; undefined without a block that has both. */
export function medianRatio(
  result: CaseResult,
  system: string,
  against: string,
  metric: MetricName,
): number | undefined {
  const [own, other] = [figuresOf(result, system, metric), figuresOf(result, against, metric)];
  const ratios = [...own].flatMap(([index, figure]) => {
    const peer = other.get(index);
    return peer === undefined || peer <= 0 ? [] : [figure / peer];
  });
  return median(ratios);
}

/** Why the row of a system is no measurement: a fault in any round other than a late generator; empty when it is one. */
export function rowFaults(result: CaseResult, system: string): string[] {
  return result.rounds
    .filter((round) => round.system === system && !round.valid && !round.late)
    .flatMap((round) => round.invalid.map((reason) => `round ${round.index}: ${reason}`));
}

export function renderCase(result: CaseResult): string {
  const { definition, pinning, systems } = result;
  const [first] = definition.metrics;
  const measured = systems.filter((each) => result.rounds.some((round) => round.system === each.name));
  const against = measured
    .filter((each) => each.name !== directName && !each.name.startsWith('tulle'))
    .map((each) => each.name);
  const hasDirect =
    figuresOf(result, directName, first).size > 0 &&
    (median([...figuresOf(result, directName, first).values()]) ?? 0) > 0;
  const columns = hasDirect ? [directName, ...against] : against;
  const lines = [['', ...definition.metrics.map(headOf), ...columns.map((each) => `/${each}`)]];
  for (const system of measured) lines.push(lineOf(result, system, columns));
  const blocks = Math.max(-1, ...result.rounds.map((each) => each.index)) + 1;
  const length =
    definition.rounds.requests === undefined
      ? `${definition.rounds.seconds} s`
      : `${definition.rounds.requests} requests`;
  const where = `proxies on CPU ${pinning.proxies ?? 'any'}, generator and server on ${pinning.generator ?? 'any'}, ${pinning.realtime ? 'real-time' : `nice ${pinning.nice}`}`;
  return [
    `${definition.name}: ${definition.title}`,
    `  ${where}; ${blocks} rounds of ${length}, medians; ratios are of ${metrics[first].title}`,
    ...aligned(lines).map((line) => `  ${line}`),
    ...notesOf(result).map((line) => `  ${line}`),
    ...definition.goals.map((goal) => `  ${goalLine(result, goal)}`),
    '',
  ].join('\n');
}

function lineOf(result: CaseResult, system: SystemInfo, columns: readonly string[]): string[] {
  const { definition } = result;
  const [first] = definition.metrics;
  const isValid = rowFaults(result, system.name).length === 0;
  const cells = definition.metrics.map((metric) => {
    const figure = median([...figuresOf(result, system.name, metric).values()]);
    return figure === undefined ? '–' : numberText(figure, metric);
  });
  const ratios = columns.map((each) => {
    const ratio =
      each === system.name || system.name === directName ? undefined : medianRatio(result, system.name, each, first);
    return ratio === undefined ? '–' : ratio.toFixed(3);
  });
  return [isValid ? system.name : `${system.name}, invalid`, ...cells, ...ratios];
}

function notesOf(result: CaseResult): string[] {
  const notes = result.systems
    .filter((each) => each.state !== 'measured')
    .map(({ name, state, reason }) => `${name} is ${state}: ${reason}`);
  const faults = result.systems.flatMap(({ name }) =>
    rowFaults(result, name).map((reason) => `${name} is invalid: ${reason}`),
  );
  const late = result.rounds.filter((each) => each.late);
  const lateness = late.length === 0 ? [] : [`${late.length} rounds left out: ${late[0].invalid[0]}`];
  return [...notes, ...faults, ...lateness];
}

/** `cpu-per-request of tulle-linux over haproxy: 0.98, wanted at most 1: held`. */
export function goalLine(result: CaseResult, goal: Goal): string {
  const { metric, system, against, ratio, limit } = goal;
  const bound = metrics[metric].better === 'lower' ? 'at most' : 'at least';
  const judge = (figure: number, wanted: number): string => {
    const held = metrics[metric].better === 'lower' ? figure <= wanted : figure >= wanted;
    return held ? 'held' : `falls short by ${((Math.abs(figure - wanted) / Math.abs(wanted)) * 100).toFixed(1)} %`;
  };
  if (against === undefined || ratio === undefined) {
    const figure = median([...figuresOf(result, system, metric).values()]);
    const wanted = limit ?? 0;
    const name = `${metric} of ${system}`;
    if (figure === undefined) return `${name}: not measured`;
    return `${name}: ${numberText(figure, metric)}, wanted ${bound} ${numberText(wanted, metric)}: ${judge(figure, wanted)}`;
  }
  const peer = against === 'best' ? bestPeer(result, metric) : against;
  const name = `${metric} of ${system} over ${peer ?? 'the best peer'}`;
  const figure = peer === undefined ? undefined : medianRatio(result, system, peer, metric);
  if (figure === undefined) return `${name}: not measured`;
  return `${name}: ${figure.toFixed(3)}, wanted ${bound} ${ratio}: ${judge(figure, ratio)}`;
}

/** The peer with the best median. */
function bestPeer(result: CaseResult, metric: MetricName): string | undefined {
  const sign = metrics[metric].better === 'lower' ? 1 : -1;
  const peers = result.systems
    .filter(({ name }) => name !== directName && !name.startsWith('tulle') && rowFaults(result, name).length === 0)
    .map(({ name }) => ({ name, figure: median([...figuresOf(result, name, metric).values()]) }))
    .filter((each): each is { name: string; figure: number } => each.figure !== undefined);
  return peers.sort((a, b) => sign * (a.figure - b.figure))[0]?.name;
}

function directOf(result: CaseResult, { index }: Round): Round | undefined {
  return result.rounds.find((each) => each.system === directName && each.index === index && each.valid);
}

function headOf(metric: MetricName): string {
  const unit = unitOf(metric);
  return unit === '' ? metric : `${metric} ${unit}`;
}

function unitOf(metric: MetricName): string {
  const { unit } = metrics[metric];
  if (unit === 'bytes') return metric === 'rss' ? 'MiB' : 'KiB';
  return unit === 'count' || unit === 'requests/s' ? '' : unit;
}

function numberText(figure: number, metric: MetricName): string {
  const { unit } = metrics[metric];
  if (metric === 'rss') return (figure / 1024 / 1024).toFixed(1);
  if (unit === 'bytes') return (figure / 1024).toFixed(2);
  return Math.abs(figure) >= 1000 ? figure.toFixed(0) : figure.toFixed(2);
}

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function aligned(lines: readonly string[][]): string[] {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}
