import type { ComparedMetric, Side, Verdict } from '../compare/comparison.js';
import type { Metric } from '../result/metrics.js';

/** How figures, ratios and verdicts are written, alike in text, Markdown and page. Pure. */

/** Three significant digits with the unit: `41.2 µs`, `1.23 ms`, `61 MiB`, `18,300 requests/s`. */
export function figureText(figure: number, unit: Metric['unit']): string {
  if (!Number.isFinite(figure)) return '–';
  switch (unit) {
    case 'µs':
      if (Math.abs(figure) >= 999_500) return `${digits(figure / 1e6)} s`;
      return Math.abs(figure) >= 999.5 ? `${digits(figure / 1000)} ms` : `${digits(figure)} µs`;
    case 'bytes':
      if (Math.abs(figure) >= 1024 * 1024) return `${digits(figure / 1024 / 1024)} MiB`;
      return Math.abs(figure) >= 1024 ? `${digits(figure / 1024)} KiB` : `${digits(figure)} bytes`;
    case 'count':
      return digits(figure);
    default:
      return `${digits(figure)} ${unit}`;
  }
}

function digits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000 ? rounded.toLocaleString('en') : String(rounded);
}

/** A ratio as a change with one decimal: `+3.1 %`, `−0.4 %`; whole from 10 % on, as a factor from 3 on. */
export function changeText(ratio: number): string {
  if (!Number.isFinite(ratio) || ratio <= 0) return '–';
  if (ratio >= 3) return `×${Number(ratio.toPrecision(2))}`;
  const change = (ratio - 1) * 100;
  const size = Math.abs(change) >= 9.95 ? Math.abs(change).toFixed(0) : Math.abs(change).toFixed(1);
  return Number(size) === 0 ? '±0.0 %' : `${change < 0 ? '−' : '+'}${size} %`;
}

export function percentText(share: number | undefined): string {
  return share === undefined ? '–' : `${Number((share * 100).toPrecision(2))} %`;
}

/** `p < 0.0001`, `p = 0.032`. */
export function chanceText(pValue: number): string {
  return pValue < 0.0001 ? 'p < 0.0001' : `p = ${Number(pValue.toPrecision(2))}`;
}

/** The words of a row, with a sign that works without colour. */
export const judgementWords: Readonly<Record<ComparedMetric['judgement'], string>> = {
  regression: '▲ worse',
  improvement: '▼ better',
  same: '= same',
  inconclusive: '? open',
};

export const verdictWords: Readonly<Record<Verdict, string>> = {
  pass: 'Pass',
  fail: 'Fail',
  inconclusive: 'Inconclusive',
};

/** One sentence under the verdict. */
export const verdictMeanings: Readonly<Record<Verdict, string>> = {
  pass: 'Nothing got worse, and a promised difference is excluded for every promised metric.',
  fail: 'At least one metric got worse by more than chance explains, or the head failed where the base works.',
  inconclusive: 'Nothing is shown to be worse, but not everything promised could be decided. This is not a pass.',
};

export function sideText({ label, commit, changed }: Side): string {
  const short = commit?.slice(0, 12);
  const known =
    short === undefined || label.startsWith(short) || short.startsWith(label) ? label : `${label} (${short})`;
  return changed ? `${known} with changes` : known;
}

/** `quick-mtls: CPU of the proxies a request` and the like, worst first: regressions, open promises, improvements, the rest. */
export function bySeverity(a: ComparedMetric, b: ComparedMetric): number {
  return severity(a) - severity(b);
}

function severity({ judgement, role }: ComparedMetric): number {
  if (judgement === 'regression') return 0;
  if (judgement === 'inconclusive' && role === 'promise') return 1;
  if (judgement === 'improvement') return 2;
  return role === 'promise' ? 3 : 4;
}
