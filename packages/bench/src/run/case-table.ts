import type { MetricName } from '../result/bench-case.js';
import type { CaseResult, SystemInfo } from '../result/bench-result.js';
import { metrics } from '../result/metrics.js';
import { directName } from '../systems/registry.js';
import { numberText } from './figure-text.js';
import { figuresOf, median, rowFaults } from './figures.js';
import { goalLine } from './goal-line.js';
import { ratioOf, ratioText } from './ratio.js';

/** The table that a run prints at once: medians, and ratios of the rounds of one block; of a row that is no measurement none. Intervals and verdicts are the report's. Pure. */

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
    ...crossCheckLines(result).map((line) => `  ${line}`),
    '',
  ].join('\n');
}

function lineOf(result: CaseResult, system: SystemInfo, columns: readonly string[]): string[] {
  const { definition } = result;
  const [first] = definition.metrics;
  const isValid = rowFaults(result, system.name).length === 0;
  const cells = definition.metrics.map((metric) => {
    const figure = isValid ? median([...figuresOf(result, system.name, metric).values()]) : undefined;
    return figure === undefined ? '–' : numberText(figure, metric);
  });
  const ratios = columns.map((each) => {
    if (each === system.name || system.name === directName) return '–';
    if (!isValid || rowFaults(result, each).length > 0) return '–';
    const ratio = ratioOf(result, system.name, each, first);
    return ratio === undefined ? '–' : ratioText(ratio);
  });
  return [isValid ? system.name : `${system.name}, invalid`, ...cells, ...ratios];
}

/** Throughput and CPU of the proxies a request, ours beside the other generators'. */
function crossCheckLines(result: CaseResult): string[] {
  const names = [...new Set(result.crossChecks.map((each) => each.system))];
  if (names.length === 0) return [];
  const figure = (system: string, metric: MetricName): string =>
    numberText(median([...figuresOf(result, system, metric).values()]) ?? 0, metric);
  const lines = names.map((system) => {
    const others = result.crossChecks.filter((each) => each.system === system);
    const cells = others.map(({ tool, requests, durationS, cpuUsPerRequest, invalid }) =>
      invalid.length > 0
        ? `${tool}: ${invalid[0]}`
        : `${tool} ${(requests / durationS).toFixed(0)} (${cpuUsPerRequest.toFixed(2)} µs)`,
    );
    return `  ${system}: ours ${figure(system, 'throughput')} (${figure(system, 'cpu-per-request')} µs), ${cells.join(', ')}`;
  });
  return ['cross-check, requests a second (CPU of the proxies a request):', ...lines];
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

function headOf(metric: MetricName): string {
  const unit = unitOf(metric);
  return unit === '' ? metric : `${metric} ${unit}`;
}

function unitOf(metric: MetricName): string {
  const { unit } = metrics[metric];
  if (unit === 'bytes') return metric === 'rss' ? 'MiB' : 'KiB';
  return unit === 'count' || unit === 'requests/s' ? '' : unit;
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
