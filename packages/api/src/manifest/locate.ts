import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import type { Position } from '../problem.js';

export type Path = readonly (string | number)[];

/** `['spec', 'rules', 0, 'tulle.dev/x']` -> `spec.rules[0]["tulle.dev/x"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/**
 * Where the value at a path stands, or its key. Where the path leads further than the text does, as that of a missing field, the
 * nearest place above it.
 */
export function locate(doc: Document, lines: LineCounter, path: Path, what: 'value' | 'key' = 'value'): Position {
  let node: unknown = doc.contents;
  let offset = startOf(node) ?? doc.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc);
    const next = childOf(node, step);
    if (next === undefined) break;
    node = next.value;
    const last = depth === path.length - 1;
    const empty = startOf(node) === undefined || isEmpty(node);
    offset = (last && what === 'key') || empty ? (next.keyStart ?? offset) : (startOf(node) ?? offset);
  }
  return positionAt(lines, offset);
}

export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  // A LineCounter knows no line before the first character was read.
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function childOf(node: unknown, step: string | number): { value: unknown; keyStart?: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
    return pair && { value: pair.value, keyStart: startOf(pair.key) };
  }
  if (isSeq(node) && typeof step === 'number' && step < node.items.length) return { value: node.items[step] };
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

/** A value that is not there, as after `selector:`, has a place behind its key, where nothing can be seen. */
function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null && node.source === '';
}
