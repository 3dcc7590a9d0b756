import type { BenchResult, CaseResult } from '../result/bench-result.js';
import { metrics } from '../result/metrics.js';
import { goalLine } from '../run/goal-line.js';
import { cell, faultsOf, ratioCell, revisionText } from './run-page.js';
import { soundSystems } from './summary.js';

/** A run as Markdown: for a document, or a comment. Pure. */
export function renderRunMarkdown(result: BenchResult): string {
  const { machine, node } = result.run;
  return [
    `${machine.cpuModel}, ${machine.cpus} CPUs, kernel ${machine.kernel}, Node ${node.version}; ${revisionText(result)}; ${result.run.startedAt.slice(0, 10)}.`,
    'Figures are the middle of all rounds with the interval that holds the truth in 95 % of runs.',
    ...(result.run.partial ? ['', '**Interrupted:** this is what had been measured until then.'] : []),
    '',
    ...result.cases.flatMap(caseMarkdown),
  ].join('\n');
}

function caseMarkdown(result: CaseResult): string[] {
  const { definition } = result;
  const sound = soundSystems(result);
  const [first] = definition.metrics;
  const peers = sound.filter((name) => name !== 'direct' && !name.startsWith('tulle'));
  const head = [
    '',
    ...definition.metrics.map((metric) => metrics[metric].title),
    ...peers.map((peer) => `over ${peer}`),
  ];
  const rows = sound.map((system) => [
    system,
    ...definition.metrics.map((metric) => cell(result, system, metric)),
    ...peers.map((peer) => (system.startsWith('tulle') ? ratioCell(result, system, peer, first) : '')),
  ]);
  const line = (parts: readonly string[]): string => `| ${parts.join(' | ')} |`;
  return [
    `#### ${definition.name}`,
    '',
    `${definition.title}. ${result.roundsReason}.${peers.length > 0 ? ` The columns “over” are ratios of the ${metrics[first].title}.` : ''}`,
    '',
    ...(rows.length === 0
      ? ['Nothing was measured.']
      : [line(head), `|${head.map((_, column) => (column === 0 ? ' --- ' : ' ---: ')).join('|')}|`, ...rows.map(line)]),
    '',
    ...[...faultsOf(result), ...definition.goals.map((goal) => goalLine(result, goal))].map(
      (each) => `- ${each.replaceAll('|', '\\|').replaceAll('\n', ' ')}`,
    ),
    '',
  ];
}
