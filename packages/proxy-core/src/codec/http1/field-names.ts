/** From the bytes of a field name to its `FieldId`, without allocation: a table over length, first and last byte finds the one candidate to compare. */
import { type FieldId, fieldIds } from '../../message/fields.js';
import { fromLatin1 } from '../../message/head.js';
import { equalsFolded, nameBytes, underscoreMark } from './tables.js';

const slotCount = 128;
/** `FieldId` by slot, 0: empty. Neighbours are probed, so that a new name in message/fields.ts can never fail to fit. */
const slots = new Uint8Array(slotCount);
const names: Uint8Array[] = [new Uint8Array(0)];

function slotOf(length: number, first: number, last: number): number {
  return (length * 7 + first * 3 + last * 11) & (slotCount - 1);
}

for (const [name, id] of Object.entries(fieldIds)) {
  names[id] = fromLatin1(name);
  let slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  while (slots[slot] !== 0) slot = (slot + 1) & (slotCount - 1);
  slots[slot] = id;
}

/** The id of the name in `bytes[start, end)`, `end > start`, case folded; 0 for a name without one. */
export function fieldIdOf(bytes: Uint8Array, start: number, end: number): FieldId {
  let slot = slotOf(end - start, nameBytes[bytes[start]], nameBytes[bytes[end - 1]]);
  let id = slots[slot];
  while (id !== 0) {
    if (equalsFolded(bytes, start, end, names[id])) return id as FieldId;
    slot = (slot + 1) & (slotCount - 1);
    id = slots[slot];
  }
  return 0;
}

/** The wire name of an id, lower case. */
export function fieldName(id: FieldId): Uint8Array {
  return names[id];
}

/**
 * Whether `bytes[start, end)` reads as `lower` where `_` counts as `-`, as it does in a CGI-like environment. The same name does too.
 * Names in `lower` may hold `_` themselves.
 */
export function looksLike(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if (foldUnderscore(nameBytes[bytes[start + i]]) !== foldUnderscore(nameBytes[lower[i]])) return false;
  }
  return true;
}

function foldUnderscore(byte: number): number {
  return byte >= underscoreMark ? 45 : byte;
}
