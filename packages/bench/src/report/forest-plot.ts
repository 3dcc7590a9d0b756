import { element, label, linearScale, picture, ticks } from './svg.js';

/** One line of the plot: a ratio with its interval. */
export interface ForestRow {
  label: string;
  /** Head over base. */
  ratio: { estimate: number; low: number; high: number };
  /** A/A, drawn thin below. */
  control: { low: number; high: number } | undefined;
  /** Relative difference that was promised: the shaded band. */
  difference: number;
  /** Class of its colour. */
  kind: string;
  /** At the end of the line. */
  note: string;
}

const width = 860;
const left = 250;
const right = 170;
const rowHeight = 30;
const top = 34;

/** Changes with their intervals under each other, zero in the middle. Better is left where less is better, and rows say so otherwise. */
export function forestPlot(rows: readonly ForestRow[], title: string): string {
  // What was found has the room, not the widest band; and one wild interval must not press all others flat: beyond half and double it is cut, with an arrow.
  const found = rows.flatMap(({ ratio }) => [ratio.low - 1, ratio.high - 1]).filter(Number.isFinite);
  const least = 1.3 * Math.min(...rows.map(({ difference }) => difference));
  const low = Math.max(-0.5, Math.min(-least, ...found.map((change) => 1.1 * change)));
  const high = Math.min(1, Math.max(least, ...found.map((change) => 1.1 * change)));
  const height = top + rows.length * rowHeight + 12;
  const x = linearScale(low, high, left, width - right);
  const inside = (change: number): number => x(Math.min(high, Math.max(low, change)));
  const bottom = height - 12;
  const grid = ticks(low, high, 6).flatMap((value) => [
    element('line', { x1: x(value), x2: x(value), y1: top - 6, y2: bottom, class: value === 0 ? 'zero' : 'grid' }),
    label(x(value), top - 12, `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(Math.round(value * 1000) / 10)} %`, {
      class: 'tick',
      'text-anchor': 'middle',
    }),
  ]);
  const lines = rows.flatMap(({ label: name, ratio, control, difference, kind, note }, index) => {
    const y = top + index * rowHeight + rowHeight / 2;
    const band = { x: inside(-difference), width: inside(difference) - inside(-difference) };
    return [
      element('rect', { ...band, y: y - 11, height: 22, class: 'band' }),
      label(left - 10, y + 4, name, { 'text-anchor': 'end' }),
      ...(control === undefined
        ? []
        : [
            element('line', {
              x1: inside(control.low - 1),
              x2: inside(control.high - 1),
              y1: y + 7,
              y2: y + 7,
              class: 'control',
            }),
          ]),
      element('line', {
        x1: inside(ratio.low - 1),
        x2: inside(ratio.high - 1),
        y1: y - 1,
        y2: y - 1,
        class: `interval ${kind}`,
      }),
      ...(ratio.high - 1 > high ? [label(inside(high), y + 4, '›', { class: kind })] : []),
      ...(ratio.low - 1 < low ? [label(inside(low) - 6, y + 4, '‹', { class: kind })] : []),
      element('rect', { x: inside(ratio.estimate - 1) - 4, y: y - 5, width: 8, height: 8, class: `mark ${kind}` }),
      label(width - right + 12, y + 4, note, { class: kind }),
    ];
  });
  return picture(width, height, title, [...grid, ...lines]);
}
