/** Comma-separated tokens of Connection and Upgrade (RFC 9110 sections 5.6.1, 7.6.1, 7.8), read without strings. */
import { fromLatin1 } from '../../message/head.js';
import { equalsFolded, HTAB, nameBytes, SP } from './tables.js';

/** Bits of `connectionOptions`. */
export const CLOSE = 1;
export const KEEP_ALIVE = 2;
export const UPGRADE = 4;
/** Names a field that the codec would otherwise forward. */
export const OTHER = 8;
/** Holds something that is not a token. */
export const NOT_A_LIST = 16;

const close = fromLatin1('close');
const keepAlive = fromLatin1('keep-alive');
const upgrade = fromLatin1('upgrade');
const te = fromLatin1('te');
const COMMA = 44;

/** What a Connection value in `bytes[start, end)` asks for, as bits. */
export function connectionOptions(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0;
  let i = start;
  while (i < end) {
    const byte = bytes[i];
    if (byte === SP || byte === HTAB || byte === COMMA) {
      i++;
      continue;
    }
    const token = i;
    while (i < end && nameBytes[bytes[i]] !== 0) i++;
    if (i === token) return NOT_A_LIST;
    if (equalsFolded(bytes, token, i, close)) bits |= CLOSE;
    else if (equalsFolded(bytes, token, i, keepAlive)) bits |= KEEP_ALIVE;
    else if (equalsFolded(bytes, token, i, upgrade)) bits |= UPGRADE;
    else if (!equalsFolded(bytes, token, i, te)) bits |= OTHER;
    while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
    if (i < end && bytes[i] !== COMMA) return NOT_A_LIST;
  }
  return bits;
}

/** Whether the Connection value in `bytes[start, end)` has the token `names[nameStart, nameEnd)`, case folded. */
export function listHasName(
  bytes: Uint8Array,
  start: number,
  end: number,
  names: Uint8Array,
  nameStart: number,
  nameEnd: number,
): boolean {
  const length = nameEnd - nameStart;
  let i = start;
  while (i < end) {
    if (nameBytes[bytes[i]] === 0) {
      i++;
      continue;
    }
    const token = i;
    while (i < end && nameBytes[bytes[i]] !== 0) i++;
    if (i - token !== length) continue;
    let same = true;
    for (let k = 0; k < length && same; k++) same = nameBytes[bytes[token + k]] === nameBytes[names[nameStart + k]];
    if (same) return true;
  }
  return false;
}

/** What no name of a protocol in a tunnel may begin with. */
const policed = ['h2', 'h3', 'http', 'tls'].map(fromLatin1);
const SLASH = 47;

/**
 * Whether an Upgrade value is a list of protocols (`name ["/" version]`) that may be tunnelled. Never another HTTP or TLS: requests inside it would pass by every
 * policy of this proxy (h2c smuggling), so such an upgrade is not forwarded and the request goes on as HTTP/1.1, as RFC 9110 section 7.8 allows. The same goes for
 * what is no such list: another reader might find `h2c` in it.
 */
export function mayUpgrade(bytes: Uint8Array, start: number, end: number): boolean {
  let found = false;
  let i = start;
  while (i < end) {
    if (bytes[i] === SP || bytes[i] === HTAB || bytes[i] === COMMA) {
      i++;
      continue;
    }
    const name = i;
    while (i < end && nameBytes[bytes[i]] !== 0) i++;
    if (i === name || policed.some((each) => equalsFolded(bytes, name, Math.min(name + each.length, i), each)))
      return false;
    if (i < end && bytes[i] === SLASH) {
      const version = ++i;
      while (i < end && nameBytes[bytes[i]] !== 0) i++;
      if (i === version) return false;
    }
    while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
    if (i < end && bytes[i] !== COMMA) return false;
    found = true;
  }
  return found;
}
