import { percentilesOf } from '../compare/extract.js';
import type { MetricName } from '../result/bench-case.js';
import type { BenchResult, CaseResult } from '../result/bench-result.js';
import { metrics } from '../result/metrics.js';
import { figuresOf, median, rowFaults } from '../run/figures.js';
import { goalLine } from '../run/goal-line.js';
import { ratioOf, ratioText } from '../run/ratio.js';
import { barPlot } from './bar-plot.js';
import { colourOf } from './colours.js';
import { type HistoryEntry, trendOf } from './history.js';
import { latencyPlot } from './latency-plot.js';
import { figureMarkup, folded, heading, list, page, paragraph, preformatted, tableMarkup } from './page.js';
import { pathPlot } from './path-plot.js';
import { machineMarkup, pinningText, systemsMarkup } from './repeat.js';
import { seriesPlot } from './series-plot.js';
import { estimateOf, soundSystems } from './summary.js';
import { figureText } from './words.js';

/** A run as one page that needs nothing else: what each system costs, beside the others. Pure. */

/** @param history earlier runs of the same machine, oldest first; may be empty. */
export function renderRunPage(result: BenchResult, history: readonly HistoryEntry[]): string {
  const { run, cases } = result;
  const title = 'What a proxy costs';
  return page(title, [
    heading(1, title),
    paragraph(
      `The same requests through nothing and through each proxy, in turns, on one machine, ${run.startedAt.slice(0, 10)}. Figures are the middle of all rounds; an interval holds the truth in 95 % of runs.`,
    ),
    ...(run.partial ? [paragraph('Interrupted: this is what had been measured until then.', 'bad')] : []),
    list(cases.map(({ definition }) => `${definition.name}: ${definition.title}`)),
    ...cases.flatMap((each) => caseMarkup(each, history)),
    heading(2, 'Where and with what'),
    paragraph(`From ${run.startedAt} to ${run.endedAt}; ${revisionText(result)}; topology ${run.topology}.`, 'soft'),
    machineMarkup(run.machine, run.node),
    heading(3, 'The command'),
    preformatted(`tulle ${run.command.join(' ')}`),
  ]);
}

export function revisionText({ run: { revision } }: BenchResult): string {
  return revision === undefined
    ? 'no git revision'
    : `revision ${revision.commit.slice(0, 12)}${revision.changed ? ' with changes' : ''}`;
}

function caseMarkup(result: CaseResult, history: readonly HistoryEntry[]): string[] {
  const { definition, pinning, systems, roundsReason } = result;
  const sound = soundSystems(result);
  const [first] = definition.metrics;
  const kinds = colourOf(systems.map(({ name }) => name));
  const curves = sound
    .map((system) => ({ name: system, kind: kinds(system), percentiles: percentilesOf({ result, system }) }))
    .filter(({ percentiles }) => percentiles.length > 0);
  const trend = trendOf(history, definition.name, first);
  return [
    heading(2, definition.name),
    paragraph(`${definition.title}. ${pinningText(pinning)} ${roundsReason}.`, 'soft'),
    list(faultsOf(result)),
    figureMarkup(
      pathOf(result, sound, kinds),
      `The way of a request through ${sound.find((name) => name.startsWith('tulle')) ?? 'it'}, and the CPU time that each process spends on one.`,
    ),
    figureMarkup(
      barPlot(barsOf(result, sound, first, kinds), `${metrics[first].title} in ${definition.name}`, (value) =>
        figureText(value, metrics[first].unit),
      ),
      `${capital(metrics[first].title)}, ${metrics[first].better} is better.${first === 'cpu-per-request' ? ' Dark in user mode, pale in the kernel.' : ''}`,
    ),
    tableMarkup(
      ['', ...definition.metrics.map((metric) => metrics[metric].title)],
      sound.map((system) => [system, ...definition.metrics.map((metric) => cell(result, system, metric))]),
    ),
    ...ratioMarkup(result, sound, first),
    figureMarkup(
      latencyPlot(curves, `Latency in ${definition.name}`),
      'Latency over all rounds, on logarithmic axes. Each step to the right is a tenth of the requests before it.',
    ),
    figureMarkup(memoryPlot(result, sound, kinds), 'Memory of the proxies while the first round ran.'),
    folded(
      `Every round of “${metrics[first].title}”`,
      figureMarkup(roundsPlot(result, sound, first, kinds), 'Rounds of one number were made in one block.'),
    ),
    ...(trend === undefined
      ? []
      : [
          figureMarkup(
            seriesPlot(trend, {
              title: `History of ${first}`,
              xTitle: 'run',
              text: (value) => figureText(value, metrics[first].unit),
              joined: true,
            }),
            'The same figure in earlier runs on this machine, oldest first.',
          ),
        ]),
    list(definition.goals.map((goal) => goalLine(result, goal))),
    folded('Programs and configuration, as they were started', systemsMarkup(systems)),
  ];
}

/** Everything that is not a measurement, or is none of all. */
export function faultsOf(result: CaseResult): string[] {
  const late = result.rounds.filter((round) => round.late).length;
  return [
    ...result.systems
      .filter(({ state }) => state !== 'measured')
      .map(({ name, state, reason }) => `${name} is ${state}: ${reason}`),
    ...result.systems.flatMap(({ name }) =>
      rowFaults(result, name).map((fault) => `${name} is no measurement: ${fault}`),
    ),
    ...(late === 0 ? [] : [`${late} rounds were left out because the generator was late in them`]),
  ];
}

/** The middle and its interval: `41.2 µs (40.8 … 41.9)`; the median alone where a figure may be zero or less. */
export function cell(result: CaseResult, system: string, metric: MetricName): string {
  const { unit } = metrics[metric];
  const found = estimateOf(result, system, metric);
  if (found === undefined) {
    const [only] = [...figuresOf(result, system, metric).values()];
    return only === undefined ? '–' : figureText(only, unit);
  }
  const bare = (value: number): string => figureText(value, unit).split(' ')[0];
  const isOneUnit = figureText(found.low, unit).split(' ')[1] === figureText(found.high, unit).split(' ')[1];
  const low = isOneUnit ? bare(found.low) : figureText(found.low, unit);
  const high = isOneUnit ? bare(found.high) : figureText(found.high, unit);
  return `${figureText(found.estimate, unit)} (${low} … ${high})`;
}

/** One system over another: `0.98 (0.95 to 1.01)`. */
export function ratioCell(result: CaseResult, system: string, against: string, metric: MetricName): string {
  const ratio = ratioOf(result, system, against, metric);
  return ratio === undefined ? '–' : ratioText(ratio);
}

function ratioMarkup(result: CaseResult, sound: readonly string[], metric: MetricName): string[] {
  const own = sound.filter((name) => name.startsWith('tulle'));
  const others = sound.filter(
    (name) => !name.startsWith('tulle') && own.some((each) => ratioOf(result, each, name, metric) !== undefined),
  );
  if (own.length === 0 || others.length === 0) return [];
  const rows = own.map((system) => [system, ...others.map((other) => ratioCell(result, system, other, metric))]);
  return [
    paragraph(`${capital(metrics[metric].title)} as a ratio, from the blocks that both were measured in:`, 'soft'),
    tableMarkup(['', ...others.map((other) => `over ${other}`)], rows),
  ];
}

function barsOf(
  result: CaseResult,
  sound: readonly string[],
  metric: MetricName,
  kinds: (system: string) => string,
): Parameters<typeof barPlot>[0] {
  return sound.flatMap((system) => {
    const found = estimateOf(result, system, metric);
    if (found === undefined) return [];
    const user = metric === 'cpu-per-request' ? estimateOf(result, system, 'user-cpu-per-request') : undefined;
    const kernel = metric === 'cpu-per-request' ? estimateOf(result, system, 'system-cpu-per-request') : undefined;
    // The two are estimated apart: their proportion is what the parts show, the length is that of the whole.
    const sum = (user?.estimate ?? 0) + (kernel?.estimate ?? 0);
    const parts =
      user === undefined || kernel === undefined
        ? []
        : [(user.estimate / sum) * found.estimate, (kernel.estimate / sum) * found.estimate];
    return [
      { label: system, kind: kinds(system), ...found, parts, note: figureText(found.estimate, metrics[metric].unit) },
    ];
  });
}

function pathOf(result: CaseResult, sound: readonly string[], kinds: (system: string) => string): string {
  const system = sound.find((name) => name.startsWith('tulle'));
  const { hops, tls, work } = result.definition;
  if (system === undefined || work.kind === 'idle' || work.kind === 'bulk') return '';
  const rounds = result.rounds.filter((round) => round.system === system && round.valid);
  const costOf = (name: string): string => {
    const costs = rounds.flatMap((round) => {
      const found = round.processes.find((each) => each.name === name);
      return found === undefined || round.requests === 0
        ? []
        : [found.threads.reduce((sum, each) => sum + each.cpuNs, 0) / 1000 / round.requests];
    });
    return costs.length === 0 ? 'not counted' : `${figureText(median(costs) ?? 0, 'µs')} a request`;
  };
  const proxies = hops === 1 ? ['proxy'] : ['client-side', 'server-side'];
  const stations = [
    { name: 'generator', kind: 'again', cost: costOf('generator') },
    ...proxies.map((name) => ({
      name: hops === 1 ? system : name,
      kind: kinds(system),
      cost: costOf(name),
    })),
    { name: 'server', kind: 'again', cost: costOf('server') },
  ];
  const wires =
    hops === 1
      ? [tls === 'downstream' ? 'mTLS' : 'plain', 'plain']
      : ['plain', tls === 'between' ? 'mTLS' : 'plain', 'plain'];
  return pathPlot(stations, wires, `The way of a request in ${result.definition.name}`);
}

function memoryPlot(result: CaseResult, sound: readonly string[], kinds: (system: string) => string): string {
  const series = sound.map((system) => {
    const round = result.rounds.find((each) => each.system === system && each.valid && each.memory.length > 1);
    return {
      name: system,
      kind: kinds(system),
      points: (round?.memory ?? []).map(({ atS, rssBytes }) => [atS, rssBytes / 2 ** 20] as const),
    };
  });
  return seriesPlot(
    series.filter(({ points }) => points.length > 0),
    {
      title: `Memory in ${result.definition.name}`,
      xTitle: 's',
      text: (value) => `${value} MiB`,
      joined: true,
    },
  );
}

function roundsPlot(
  result: CaseResult,
  sound: readonly string[],
  metric: MetricName,
  kinds: (system: string) => string,
): string {
  const series = sound.map((system) => ({
    name: system,
    kind: kinds(system),
    points: [...figuresOf(result, system, metric)].map(([index, figure]) => [index + 1, figure] as const),
  }));
  return seriesPlot(
    series.filter(({ points }) => points.length > 0),
    {
      title: `Rounds of ${metric}`,
      xTitle: 'round',
      text: (value) => figureText(value, metrics[metric].unit),
      joined: false,
    },
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
