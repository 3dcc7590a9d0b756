import type { ComparedCase, ComparedMetric, Comparison } from '../compare/comparison.js';
import { forestPlot } from './forest-plot.js';
import { latencyPlot } from './latency-plot.js';
import { figureMarkup, folded, heading, list, page, paragraph, tableMarkup } from './page.js';
import { machineMarkup, pinningText, systemsMarkup } from './repeat.js';
import { seriesPlot } from './series-plot.js';
import { escapeText } from './svg.js';
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

/** A comparison as one page that needs nothing else. Pure. */
export function renderComparisonPage(comparison: Comparison): string {
  const { base, head, verdict, reasons, cases, machine, node, unlike, partial, startedAt, endedAt } = comparison;
  return page(`${verdictWords[verdict]}: ${head.label} against ${base.label}`, [
    `<div class="verdict ${verdict}">`,
    heading(1, verdictWords[verdict]),
    paragraph(verdictMeanings[verdict]),
    list(reasons),
    '</div>',
    `<p>Base <code class="base">${escapeText(sideText(base))}</code>, head <code class="head">${escapeText(sideText(head))}</code>.${partial ? ' <strong>Interrupted: this is what had been measured until then.</strong>' : ''}</p>`,
    paragraph(designText(comparison), 'soft'),
    ...cases.flatMap(caseMarkup),
    heading(2, 'How to read it'),
    ...explanation(comparison),
    heading(2, 'Where and with what'),
    paragraph(`From ${startedAt} to ${endedAt}.`, 'soft'),
    list(unlike.map((each) => `Not alike: ${each}.`)),
    machineMarkup(machine, node),
    ...cases.map((each) =>
      folded(
        `${each.name}: programs and configuration`,
        paragraph(pinningText(each.pinning)),
        systemsMarkup(each.systems),
      ),
    ),
  ]);
}

function designText({ design }: Comparison): string {
  return design === 'interleaved'
    ? 'Both were measured in one run, block by block: in each block the base, the base again and the head, in every order in turn, with new processes each time.'
    : 'They were measured one after the other. What was the same program in both tells how much the machine itself moved, and a change has to exceed that.';
}

function caseMarkup(each: ComparedCase): string[] {
  const { name, title, system, roundsReason, faults, leftOut, metrics, latency, blocks } = each;
  const sorted = [...metrics].sort(bySeverity);
  const forest = forestPlot(
    sorted.map((metric) => ({
      label: metric.title + (metric.better === 'higher' ? ' (more is better)' : ''),
      ratio: metric.ratio,
      control: metric.control,
      difference: metric.difference,
      kind: kindOf(metric),
      note: `${judgementWords[metric.judgement]}  ${changeText(metric.ratio.estimate)}`,
    })),
    `Changes of ${name}`,
  );
  const rows = sorted.map((metric) => [
    metric.title,
    judgementWords[metric.judgement],
    figureText(metric.base, metric.unit),
    figureText(metric.head, metric.unit),
    changeText(metric.ratio.estimate),
    `${changeText(metric.ratio.low)} … ${changeText(metric.ratio.high)}`,
    percentText(metric.noiseFloor),
    chanceText(metric.corrected),
    metric.power.toFixed(2),
  ]);
  const head = ['', 'verdict', 'base', 'head', 'change', '95 % interval', 'noise floor', 'corrected', 'power'];
  const curves = latency.map(({ arm, percentiles }) => ({ name: armWords[arm], kind: arm, percentiles }));
  const [promised] = metrics;
  return [
    heading(2, `${name} (${system})`),
    paragraph(`${title}. ${blocks} rounds; ${roundsReason}.`),
    list([
      ...faults.base.map((fault) => `The base is no measurement: ${fault}`),
      ...faults.head.map((fault) => `The head is no measurement: ${fault}`),
    ]),
    ...(metrics.length === 0
      ? []
      : [
          figureMarkup(
            forest,
            'Change of the head over the base with its 95 % interval; thin and grey, what the base makes of itself. The shaded band is the difference that is promised to be seen.',
          ),
          tableMarkup(head, rows, [1]),
          folded('Why, for each', list(sorted.map(({ title, why }) => `${title}: ${why}.`))),
        ]),
    figureMarkup(
      latencyPlot(curves, `Latency of ${name}`),
      'Latency over all rounds. Each step to the right is a tenth of the requests before it.',
    ),
    ...(promised === undefined
      ? []
      : [
          figureMarkup(
            roundsPlot(promised),
            `Every round of “${promised.title}”. Rounds of one number were made in one block; a drift of the machine moves all three.`,
          ),
        ]),
    ...(metrics.length > 1
      ? [
          folded(
            'Rounds of the other metrics',
            ...metrics.slice(1).map((metric) => figureMarkup(roundsPlot(metric), metric.title)),
          ),
        ]
      : []),
    ...(leftOut.length === 0 ? [] : [folded(`${leftOut.length} rounds were left out`, list(leftOut))]),
  ];
}

const armWords = { base: 'base', again: 'base again', head: 'head' } as const;

function roundsPlot({ points, unit, title }: ComparedMetric): string {
  const series = (['base', 'again', 'head'] as const).map((arm) => ({
    name: armWords[arm],
    kind: arm,
    points: points.flatMap((point) => (point[arm] === undefined ? [] : [[point.round + 1, point[arm]] as const])),
  }));
  return seriesPlot(
    series.filter((each) => each.points.length > 0),
    { title: `Rounds of ${title}`, xTitle: 'round', text: (value) => figureText(value, unit), joined: false },
  );
}

function kindOf({ judgement }: ComparedMetric): string {
  return { regression: 'bad', improvement: 'good', same: 'same', inconclusive: 'open' }[judgement];
}

function explanation({ rules, cases }: Comparison): string[] {
  const thresholds = new Map(
    cases.flatMap((each) => each.metrics.map((metric) => [`${each.name}: ${metric.title}`, metric])),
  );
  return [
    list([
      `Worse or better: the rank test says that chance alone gives such a change in at most ${percentText(rules.alpha)} of comparisons, corrected for all figures here together (Holm), and the change is at least half of the promised difference.`,
      'Same: the interval excludes the promised difference in both directions. Open: neither is shown.',
      'A regression of any figure fails. The first metric of a case has to be decided for a pass; the others may stay open.',
      'Noise floor: the largest change that the base, measured against itself, leaves possible. Power: the chance that so many rounds show the promised difference.',
      'No round is thrown away for its figure. Rounds of a late generator are left out on all sides and listed; one failed request makes its side no measurement.',
    ]),
    folded(
      'Promised differences, and why they are that',
      tableMarkup(
        ['metric', 'promised', 'reason'],
        [...thresholds].map(([name, { difference, differenceReason }]) => [
          name,
          percentText(difference),
          differenceReason,
        ]),
        [2],
      ),
    ),
  ];
}
