import { element, label, linearScale, path, picture, ticks } from './svg.js';

/** Values over time, rounds or whatever else goes on. */
export interface PlottedSeries {
  name: string;
  /** Class of its colour. */
  kind: string;
  points: readonly (readonly [x: number, y: number])[];
}

export interface SeriesPlotOptions {
  title: string;
  xTitle: string;
  /** Of a value on the y axis. */
  text: (value: number) => string;
  /** Dots alone, or dots on a line. */
  joined: boolean;
}

const width = 860;
const height = 230;
const left = 80;
const right = 150;
const top = 16;
const bottom = height - 40;

/** The y axis spans what was seen, and not zero: what is looked for here is a drift, an outlier, a step. */
export function seriesPlot(series: readonly PlottedSeries[], options: SeriesPlotOptions): string {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return '';
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const margin = (Math.max(...ys) - Math.min(...ys)) * 0.06 || Math.abs(ys[0]) * 0.05 || 1;
  const [low, high] = [Math.min(...ys) - margin, Math.max(...ys) + margin];
  const x = linearScale(Math.min(...xs), Math.max(...xs), left + 8, width - right - 8);
  const y = linearScale(low, high, bottom, top);
  const grid = [
    ...ticks(low, high, 5).flatMap((value) => [
      element('line', { x1: left, x2: width - right, y1: y(value), y2: y(value), class: 'grid' }),
      label(left - 8, y(value) + 4, options.text(value), { class: 'tick', 'text-anchor': 'end' }),
    ]),
    ...ticks(Math.min(...xs), Math.max(...xs), 8)
      .filter((value) => !xs.every(Number.isInteger) || Number.isInteger(value))
      .map((value) => label(x(value), bottom + 18, String(value), { class: 'tick', 'text-anchor': 'middle' })),
    label((left + width - right) / 2, height - 6, options.xTitle, { class: 'tick', 'text-anchor': 'middle' }),
  ];
  const marks = series.flatMap(({ name, kind, points }, index) => [
    ...(options.joined
      ? [element('path', { d: path(points.map(([a, b]) => [x(a), y(b)])), class: `curve ${kind}` })]
      : []),
    ...points.map(([a, b]) =>
      element('circle', { cx: x(a), cy: y(b), r: options.joined ? 2 : 3.5, class: `dot ${kind}` }),
    ),
    element('circle', { cx: width - right + 14, cy: top + 8 + index * 18, r: 4, class: `dot ${kind}` }),
    label(width - right + 24, top + 12 + index * 18, name, { class: kind }),
  ]);
  return picture(width, height, options.title, [...grid, ...marks]);
}
