import type { ComparedCase, ComparedMetric, Comparison } from '../compare/comparison.js';
import {
  bySeverity,
  chanceText,
  changeText,
  figureText,
  judgementWords,
  percentText,
  sideText,
  verdictMeanings,
  verdictWords,
} from './words.js';

/** A comparison in words: for a terminal, and as Markdown for a pull request. Pure. */

/** For a terminal. */
export function renderComparisonText(comparison: Comparison): string {
  const { base, head, cases, reasons, verdict } = comparison;
  const lines = [`${sideText(base)} → ${sideText(head)}`, ''];
  for (const each of cases) {
    lines.push(`${each.name} (${each.system}): ${each.title}`, `  ${each.roundsReason}`);
    const rows = [
      ['', 'base', 'head', 'change', '95 % interval', 'noise', 'corrected', 'verdict'],
      ...each.metrics.map(cells),
    ];
    lines.push(...aligned(rows).map((line) => `  ${line}`), '');
    lines.push(...faultLines(each).map((line) => `  ${line}`));
  }
  lines.push(`${verdictWords[verdict]}: ${verdictMeanings[verdict]}`, ...reasons.map((reason) => `  ${reason}`));
  return `${lines.join('\n')}\n`;
}

/** What fits into a comment: the verdict, what decided it, and everything else folded below. */
export function renderComparisonMarkdown(comparison: Comparison): string {
  const { base, head, cases, design, machine, node, reasons, verdict, rules, unlike, partial } = comparison;
  const telling = cases.flatMap((each) =>
    each.metrics
      .filter(({ role, judgement }) => role === 'promise' || judgement === 'regression' || judgement === 'improvement')
      .map((metric) => ({ each, metric })),
  );
  const rows = telling
    .sort((a, b) => bySeverity(a.metric, b.metric))
    .map(({ each, metric }) => [code(each.name), metric.title, ...shortCells(metric)]);
  const design2 =
    design === 'interleaved'
      ? 'Both were measured in one run, in turns, with new processes each round.'
      : 'They were measured one after the other; what did not change between them says how much the machine moved.';
  return [
    `### Benchmark: ${verdictWords[verdict]}`,
    '',
    `${code(sideText(base))} → ${code(sideText(head))}. ${verdictMeanings[verdict]}`,
    '',
    ...(partial ? ['**Interrupted:** this is what had been measured until then.', ''] : []),
    ...reasons.map((reason) => `- ${escaped(reason)}`),
    ...(reasons.length > 0 ? [''] : []),
    ...table(['case', 'metric', 'base', 'head', 'change [95 % interval]', 'verdict'], rows, 2),
    '',
    '<details><summary>Every figure, and how it was made</summary>',
    '',
    ...cases.flatMap((each) => [
      `**${escaped(each.name)}** (${escaped(each.system)}): ${escaped(each.title)}. ${escaped(sentence(each.roundsReason))}`,
      '',
      ...table(
        ['metric', 'base', 'head', 'change', '95 % interval', 'noise floor', 'corrected', 'verdict'],
        each.metrics.map(cells),
        1,
      ),
      '',
      ...faultLines(each).map((line) => `- ${escaped(line)}`),
      '',
    ]),
    `${design2} Change is head over base; the interval holds the truth in ${percentText(rules.level)} of runs. A regression is a change that chance alone would give in at most ${percentText(rules.alpha)} of comparisons, all figures together (Holm), and that is at least half of the promised difference. “Same” excludes the promised difference. The noise floor is what the base measured against itself cannot exclude.`,
    '',
    `${escaped(machine.cpuModel)}, ${machine.cpus} CPUs, ${escaped(machine.kernel)}, Node ${node.version}.`,
    ...unlike.map((each) => `Not alike: ${escaped(each)}.`),
    '',
    '</details>',
    '',
  ].join('\n');
}

function cells(metric: ComparedMetric): string[] {
  const { base, head, unit, ratio, noiseFloor, corrected, judgement, title, role, difference } = metric;
  return [
    role === 'promise' ? `${title} (promised: ${percentText(difference)})` : title,
    figureText(base, unit),
    figureText(head, unit),
    changeText(ratio.estimate),
    `${changeText(ratio.low)} … ${changeText(ratio.high)}`,
    percentText(noiseFloor),
    chanceText(corrected),
    judgementWords[judgement],
  ];
}

function shortCells({ base, head, unit, ratio, judgement }: ComparedMetric): string[] {
  const interval = `${changeText(ratio.estimate)} [${changeText(ratio.low)} … ${changeText(ratio.high)}]`;
  const word = judgementWords[judgement];
  return [figureText(base, unit), figureText(head, unit), interval, judgement === 'regression' ? `**${word}**` : word];
}

function faultLines({ faults, leftOut }: ComparedCase): string[] {
  return [
    ...faults.base.map((fault) => `the base is no measurement: ${fault}`),
    ...faults.head.map((fault) => `the head is no measurement: ${fault}`),
    ...leftOut.map((each) => `left out: ${each}`),
  ];
}

function table(head: readonly string[], rows: readonly string[][], words: number): string[] {
  if (rows.length === 0) return ['No figures.'];
  const line = (parts: readonly string[]): string =>
    `| ${parts.map((part) => part.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, column) => (column < words || column === head.length - 1 ? ' --- ' : ' ---: ')).join('|');
  return [line(head), `|${rule}|`, ...rows.map(line)];
}

function aligned(lines: readonly string[][]): string[] {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 || column === line.length - 1 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function code(text: string): string {
  return `\`${text.replaceAll('`', '')}\``;
}

/** Text of others in Markdown: no markup, no mention, no HTML. */
function escaped(text: string): string {
  return text
    .replace(/[\\`*_[\]<>|#]/g, '\\$&')
    .replaceAll('@', '@\u200b')
    .replaceAll('\n', ' ');
}
