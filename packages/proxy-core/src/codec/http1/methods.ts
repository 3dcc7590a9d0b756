/** Method names without a string for each request: known methods are found by length and first bytes and compared. */
import { latin1 } from '../../message/head.js';

const known = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'UNLOCK',
  'REPORT',
  'SEARCH',
] as const;

/** Length, first and second byte spread over 64 slots; neighbours are probed until an empty one. */
const slots = new Array<string>(64).fill('');

function slotOf(length: number, first: number, second: number): number {
  return (length * 5 + first * 3 + second) & 63;
}

for (const method of known) {
  let slot = slotOf(method.length, method.charCodeAt(0), method.charCodeAt(1));
  while (slots[slot] !== '') slot = (slot + 1) & 63;
  slots[slot] = method;
}

/** The method in `bytes[start, end)`, `end > start`: the same string each time for known ones, a new string for others. */
export function methodText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  let slot = slotOf(length, bytes[start], bytes[start + 1]);
  let candidate = slots[slot];
  while (candidate !== '') {
    if (same(candidate, bytes, start, length)) return candidate;
    slot = (slot + 1) & 63;
    candidate = slots[slot];
  }
  return latin1(bytes, start, end);
}

function same(method: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (method.length !== length) return false;
  for (let i = 0; i < length; i++) if (method.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
