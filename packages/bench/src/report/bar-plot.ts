import { element, label, linearScale, picture, ticks } from './svg.js';

/** One bar: a figure with its interval, in parts where it has some. */
export interface Bar {
  label: string;
  /** Class of its colour. */
  kind: string;
  estimate: number;
  low: number;
  high: number;
  /** Parts from the left that add up to the estimate, each paler than the one before it; empty for one piece. */
  parts: readonly number[];
  note: string;
}

const width = 860;
const left = 170;
const right = 200;
const rowHeight = 34;
const top = 30;

/** Bars from zero, so that lengths can be compared, with their intervals as whiskers. */
export function barPlot(bars: readonly Bar[], title: string, text: (value: number) => string): string {
  if (bars.length === 0) return '';
  const high = Math.max(...bars.map((bar) => Math.max(bar.high, bar.estimate))) * 1.02;
  const height = top + bars.length * rowHeight + 8;
  const x = linearScale(0, high, left, width - right);
  const grid = ticks(0, high, 6).flatMap((value) => [
    element('line', { x1: x(value), x2: x(value), y1: top - 6, y2: height - 8, class: value === 0 ? 'zero' : 'grid' }),
    label(x(value), top - 12, text(value), { class: 'tick', 'text-anchor': 'middle' }),
  ]);
  const rows = bars.flatMap((bar, index) => {
    const y = top + index * rowHeight + 6;
    const parts = bar.parts.length === 0 ? [bar.estimate] : bar.parts;
    let from = 0;
    const pieces = parts.map((part, place) => {
      const piece = element('rect', {
        x: x(from),
        y,
        width: Math.max(0, x(from + part) - x(from)),
        height: 20,
        class: `bar ${bar.kind}`,
        'fill-opacity': [0.9, 0.5, 0.3][Math.min(place, 2)],
      });
      from += part;
      return piece;
    });
    const middle = y + 10;
    return [
      label(left - 10, middle + 4, bar.label, { 'text-anchor': 'end' }),
      ...pieces,
      element('line', { x1: x(bar.low), x2: x(bar.high), y1: middle, y2: middle, class: 'whisker' }),
      ...[bar.low, bar.high].map((end) =>
        element('line', { x1: x(end), x2: x(end), y1: middle - 5, y2: middle + 5, class: 'whisker' }),
      ),
      label(x(Math.max(bar.high, bar.estimate)) + 10, middle + 4, bar.note),
    ];
  });
  return picture(width, height, title, [...grid, ...rows]);
}
