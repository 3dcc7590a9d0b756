/**
 * Method names without a string for each request: known methods are found by length and first bytes and compared.
 *
 * A method is a case-sensitive token (RFC 9110 section 9.1) and any token passes, but for one kind: some servers fold case, and to them `head` is HEAD. They would
 * send an answer without the body that this proxy waits for, and do what a policy on HEAD or DELETE forbids. So a known name in other letters is refused.
 */
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

/** The registered methods that are not in the table (IANA HTTP Method Registry), and those that caches obey: known only so that no other spelling of them passes. */
const rare: ReadonlySet<string> = new Set([
  ...[
    'ACL',
    'BASELINE-CONTROL',
    'BIND',
    'CHECKIN',
    'CHECKOUT',
    'LABEL',
    'LINK',
    'MERGE',
    'MKACTIVITY',
    'MKCALENDAR',
    'MKREDIRECTREF',
  ],
  ...[
    'MKWORKSPACE',
    'ORDERPATCH',
    'PRI',
    'QUERY',
    'REBIND',
    'UNBIND',
    'UNCHECKOUT',
    'UNLINK',
    'UPDATE',
    'UPDATEREDIRECTREF',
  ],
  ...['VERSION-CONTROL', 'BAN', 'PURGE'],
]);

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

/** The method in `bytes[start, end)`, `end > start`: the same string each time for known ones, a new string for others, '' for a known one in other letters. */
export function methodText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  let slot = slotOf(length, bytes[start], bytes[start + 1]);
  let candidate = slots[slot];
  while (candidate !== '') {
    if (same(candidate, bytes, start, length)) return candidate;
    slot = (slot + 1) & 63;
    candidate = slots[slot];
  }
  const text = latin1(bytes, start, end);
  const upper = text.toUpperCase();
  return upper !== text && (rare.has(upper) || known.some((method) => method === upper)) ? '' : text;
}

function same(method: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (method.length !== length) return false;
  for (let i = 0; i < length; i++) if (method.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
