import { element, label, linearScale, logScale, logTicks, path, picture } from './svg.js';
import { figureText } from './words.js';

/** Latency of one way through, over the share of requests that were at most as slow. */
export interface LatencyCurve {
  name: string;
  /** Class of its colour. */
  kind: string;
  percentiles: readonly (readonly [share: number, us: number])[];
}

const width = 860;
const height = 340;
const left = 64;
const right = 150;
const top = 16;
const bottom = height - 40;
/** Shares with a tick. */
const marks: [share: number, text: string][] = [
  [0, 'p0'],
  [0.5, 'p50'],
  [0.9, 'p90'],
  [0.99, 'p99'],
  [0.999, 'p99.9'],
  [0.9999, 'p99.99'],
];

/** Percentiles with as much room for the slowest tenth as for the rest, and for its slowest tenth again: where the tail is, is what is to be seen. */
export function latencyPlot(curves: readonly LatencyCurve[], title: string): string {
  const all = curves.flatMap(({ percentiles }) => percentiles.map(([, us]) => us)).filter((us) => us > 0);
  if (all.length === 0) return '';
  const last = Math.max(...curves.flatMap(({ percentiles }) => percentiles.map(([share]) => nines(share))), 1);
  const x = linearScale(0, last, left, width - right);
  const y = logScale(Math.min(...all) * 0.9, Math.max(...all) * 1.1, bottom, top);
  const grid = [
    ...marks
      .filter(([share]) => nines(share) <= last + 1e-9)
      .flatMap(([share, text]) => [
        element('line', { x1: x(nines(share)), x2: x(nines(share)), y1: top, y2: bottom, class: 'grid' }),
        label(x(nines(share)), bottom + 18, text, { class: 'tick', 'text-anchor': 'middle' }),
      ]),
    ...logTicks(Math.min(...all) * 0.9, Math.max(...all) * 1.1).flatMap((us) => [
      element('line', { x1: left, x2: width - right, y1: y(us), y2: y(us), class: 'grid' }),
      label(left - 8, y(us) + 4, figureText(us, 'µs'), { class: 'tick', 'text-anchor': 'end' }),
    ]),
    label((left + width - right) / 2, height - 6, 'share of requests that were at most this slow', {
      class: 'tick',
      'text-anchor': 'middle',
    }),
  ];
  const names = spread(curves.map(({ percentiles }) => y(percentiles.at(-1)?.[1] ?? 1)));
  const lines = curves.flatMap(({ kind, percentiles, name }, index) => {
    const points = percentiles.filter(([, us]) => us > 0).map(([share, us]) => [x(nines(share)), y(us)] as const);
    return [
      element('path', { d: path(points), class: `curve ${kind}` }),
      label(width - right + 10, names[index] + 4, name, { class: kind }),
    ];
  });
  return picture(width, height, title, [...grid, ...lines]);
}

/** 0.9 is 1, 0.99 is 2: how many nines a share has. */
function nines(share: number): number {
  return -Math.log10(1 - share);
}

/** Moves names apart that would lie on each other; their order stays. */
function spread(places: readonly number[]): number[] {
  const order = places.map((_, index) => index).sort((a, b) => places[a] - places[b]);
  const moved = [...places];
  for (let at = 1; at < order.length; at++) {
    moved[order[at]] = Math.max(moved[order[at]], moved[order[at - 1]] + 15);
  }
  const beyond = Math.max(0, Math.max(...moved) - bottom);
  return moved.map((place) => place - beyond);
}
