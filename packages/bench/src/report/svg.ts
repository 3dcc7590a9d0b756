/** Pictures as text: elements, scales and ticks. Pure; colours come from the page's style sheet by class. */

/** Text with what HTML and SVG would read as markup written out. Every text of others passes through it. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element; children are markup, made by this function or escaped. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escapeText(String(value))}"`)
    .join('');
  return children.length === 0 ? `<${name}${list}/>` : `<${name}${list}>${children.join('')}</${name}>`;
}

/** A text element. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeText(text));
}

/** A picture that scales with the page. Screen readers get the title; who wants the numbers finds them in the table beside it. */
export function picture(width: number, height: number, title: string, children: readonly string[]): string {
  return element(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, width, role: 'img', 'aria-label': title },
    element('title', {}, escapeText(title)),
    ...children,
  );
}

/** Maps a value to a place in the picture. */
export type Scale = (value: number) => number;

export function linearScale(low: number, high: number, from: number, to: number): Scale {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** @param low above 0. */
export function logScale(low: number, high: number, from: number, to: number): Scale {
  const scale = linearScale(Math.log(low), Math.log(high), from, to);
  return (value) => scale(Math.log(value));
}

/** Round values from low to high, some `count` of them: steps of 1, 2 or 5. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let index = Math.ceil(low / step); index * step <= high * (1 + 1e-12); index++)
    found.push(Number((index * step).toPrecision(12)));
  return found;
}

/** 1, 2 and 5 times the powers of ten from low to high; the powers alone where that would be too many. */
export function logTicks(low: number, high: number): number[] {
  const found: number[] = [];
  const steps = high / low > 1000 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) {
      const value = Number((step * 10 ** power).toPrecision(12));
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push(value);
    }
  }
  return found;
}

/** `M1 2L3 4`. */
export function path(points: readonly (readonly [x: number, y: number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
