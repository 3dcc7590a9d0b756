import { element, label, picture } from './svg.js';

/** One station on the way of a request, with what it costs there. */
export interface Station {
  name: string;
  kind: string;
  /** CPU of its process a request, in words. */
  cost: string;
}

const boxWidth = 168;
const boxHeight = 58;
const gap = 62;

/** The way of a request from the generator to the server: a box a process, its CPU time below the name; what runs on the wire between them above the arrow. */
export function pathPlot(stations: readonly Station[], wires: readonly string[], title: string): string {
  const width = stations.length * boxWidth + (stations.length - 1) * gap + 4;
  const boxes = stations.flatMap(({ name, kind, cost }, index) => {
    const x = 2 + index * (boxWidth + gap);
    const middle = x + boxWidth / 2;
    const wire = wires[index];
    const arrow =
      index === stations.length - 1
        ? []
        : [
            element('line', { x1: x + boxWidth, x2: x + boxWidth + gap - 7, y1: 40, y2: 40, class: 'arrow' }),
            element('path', { d: `M${x + boxWidth + gap - 9} 35l9 5l-9 5z`, class: 'arrowhead' }),
            label(x + boxWidth + gap / 2, 30, wire ?? '', { class: 'tick', 'text-anchor': 'middle' }),
          ];
    return [
      element('rect', { x, y: 12, width: boxWidth, height: boxHeight, rx: 6, class: `station ${kind}` }),
      label(middle, 36, name, { 'text-anchor': 'middle', 'font-weight': 600 }),
      label(middle, 56, cost, { 'text-anchor': 'middle', class: 'tick' }),
      ...arrow,
    ];
  });
  return picture(width, boxHeight + 24, title, boxes);
}
