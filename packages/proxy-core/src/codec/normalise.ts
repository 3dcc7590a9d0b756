/**
 * The one normalisation of a path, applied once, when the head is decoded: the path that is routed is the path that is authorised is the path that is forwarded.
 * Pure. RFC 3986 section 6.2.2, and a refusal wherever two servers are known to read a path differently. docs/paths.md has its table, which the tests read.
 *
 * Whatever the options: the case of an escape's digits is upper (RFC 3986 section 2.1); `%00`, a `%` without two digits, `.;x` and `..;x` (servlet containers drop the
 * parameter and then see a dot segment) are refused.
 */
import type { PathOptions } from '../message/path-options.js';
import { hexValues } from './http1/tables.js';

const SLASH = 47;
const DOT = 46;
const PERCENT = 37;
const SEMICOLON = 59;
const BACKSLASH = 92;

/** 1 for bytes that need a look: `/`, `.`, `%` and `\`. */
const special = new Uint8Array(256);
for (const byte of [SLASH, DOT, PERCENT, BACKSLASH]) special[byte] = 1;

/** 1 for unreserved bytes: ALPHA, DIGIT, `-`, `.`, `_`, `~` (RFC 3986 section 2.3). */
const unreserved = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') {
  unreserved[character.charCodeAt(0)] = 1;
}

/**
 * Normalises the path in `bytes[start, end)`, which begins with `/` and has no query.
 * Returns undefined when it is normal already, the normal form in an array of its own when it is not, or the reason (a string) why it is refused.
 */
export function normalisePath(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: PathOptions,
): Uint8Array | string | undefined {
  return isNormal(bytes, start, end) ? undefined : rewrite(bytes, start, end, options);
}

/** One pass without allocation over what nearly every path is. May say false for a path that turns out normal, never true for one that is not. */
function isNormal(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start + 1; i < end; i++) {
    const byte = bytes[i];
    if (special[byte] === 0) continue;
    const afterSlash = bytes[i - 1] === SLASH;
    if (byte === SLASH) {
      if (afterSlash) return false;
    } else if (byte === DOT) {
      if (afterSlash && startsDotSegment(bytes, i + 1, end)) return false;
    } else if (byte === BACKSLASH || afterSlash || !escapeStays(bytes, i, end)) {
      return false;
    }
  }
  return true;
}

/** Whether what follows a segment's first dot may make it `.`, `..` or one with a parameter. */
function startsDotSegment(bytes: Uint8Array, at: number, end: number): boolean {
  if (at === end) return true;
  const byte = bytes[at];
  return byte === SLASH || byte === DOT || byte === SEMICOLON || byte === PERCENT || byte === BACKSLASH;
}

/** An escape in upper case that stands for no byte which may be decoded or refused. */
function escapeStays(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 2 >= end) return false;
  const high = bytes[at + 1];
  const low = bytes[at + 2];
  if (high > 70 || low > 70 || hexValues[high] === 255 || hexValues[low] === 255) return false;
  const value = hexValues[high] * 16 + hexValues[low];
  return value !== 0 && value !== SLASH && value !== BACKSLASH && unreserved[value] === 0;
}

function rewrite(bytes: Uint8Array, start: number, end: number, options: PathOptions): Uint8Array | string | undefined {
  const out = new Uint8Array(end - start);
  out[0] = SLASH;
  let length = 1;
  let segment = 1;
  let changed = false;
  let i = start + 1;
  const refuse = (what: string, option?: keyof PathOptions): string => placed(what, i - start + 1, options, option);
  const refuseSegment = (what: string, option?: keyof PathOptions): string =>
    placed(`${what}, ending`, i - start, options, option);
  for (;;) {
    let byte = i < end ? bytes[i] : SLASH;
    const last = i >= end;
    let width = 1;
    if (byte === PERCENT) {
      const high = i + 2 < end ? hexValues[bytes[i + 1]] : 255;
      const low = i + 2 < end ? hexValues[bytes[i + 2]] : 255;
      if (high === 255 || low === 255) return refuse('a % without two hexadecimal digits');
      const value = high * 16 + low;
      if (value === 0) return refuse('%00');
      const isSlash = value === SLASH || value === BACKSLASH;
      if (isSlash && options.escapedSlashes === 'reject')
        return refuse(value === SLASH ? '%2F' : '%5C', 'escapedSlashes');
      width = 3;
      const decoded = isSlash
        ? options.escapedSlashes === 'decode'
        : unreserved[value] === 1 && options.encodedUnreserved === 'decode';
      if (!decoded) {
        out[length++] = PERCENT;
        out[length++] = upperHex(bytes[i + 1]);
        out[length++] = upperHex(bytes[i + 2]);
        if (out[length - 2] !== bytes[i + 1] || out[length - 1] !== bytes[i + 2]) changed = true;
        i += 3;
        continue;
      }
      changed = true;
      byte = value;
    }
    if (byte === BACKSLASH) {
      if (options.backslash === 'reject') return refuse('a backslash', 'backslash');
      if (options.backslash === 'slash') {
        byte = SLASH;
        changed = true;
      }
    }
    if (byte !== SLASH) {
      out[length++] = byte;
      i += width;
      continue;
    }
    const dots = options.dotSegments === 'keep' ? 0 : dotSegment(out, segment, length);
    if (dots === PARAMETER) return refuseSegment('a dot segment with a parameter');
    if (dots === HIDDEN) return refuseSegment('a dot segment next to an escaped slash or a backslash');
    if (dots > 0) {
      if (options.dotSegments === 'reject') return refuseSegment('a dot segment', 'dotSegments');
      if (dots === 2) {
        if (segment === 1) return refuseSegment('a .. that leaves the root');
        length = segment - 1;
        while (out[length - 1] !== SLASH) length--;
      } else {
        length = segment;
      }
      changed = true;
    } else if (!last) {
      if (length === segment && options.duplicateSlashes !== 'keep') {
        if (options.duplicateSlashes === 'reject') return refuse('a second slash', 'duplicateSlashes');
        changed = true;
      } else {
        out[length++] = SLASH;
      }
    }
    if (last) break;
    segment = length;
    i += width;
  }
  return changed ? out.slice(0, length) : undefined;
}

function placed(what: string, place: number, options: PathOptions, option: keyof PathOptions | undefined): string {
  return `${what} at byte ${place} of the path${option === undefined ? '' : ` (${option}: ${options[option]})`}`;
}

const PARAMETER = -1;
const HIDDEN = -2;

/** 1 for `.`, 2 for `..`, `PARAMETER` for either with a parameter, `HIDDEN` for any of them between slashes that were kept in other forms, 0 for any other segment. */
function dotSegment(out: Uint8Array, start: number, end: number): number {
  let from = start;
  let found = 0;
  for (let i = start; i < end && found === 0; i++) {
    const width = out[i] === BACKSLASH ? 1 : isEncoded(out, i, end, SLASH) || isEncoded(out, i, end, BACKSLASH) ? 3 : 0;
    if (width === 0) continue;
    found = dotsOf(out, from, i);
    from = i + width;
    i = from - 1;
  }
  if (from === start) return dotsOf(out, start, end);
  return found !== 0 || dotsOf(out, from, end) !== 0 ? HIDDEN : 0;
}

/** An encoded dot is one too: it is left only where `encodedUnreserved` keeps it. */
function dotsOf(out: Uint8Array, start: number, end: number): number {
  let at = start;
  let dots = 0;
  while (dots < 3 && at < end) {
    if (out[at] === DOT) at++;
    else if (isEncoded(out, at, end, DOT)) at += 3;
    else break;
    dots++;
  }
  if (dots === 0 || dots > 2) return 0;
  if (at === end) return dots;
  // `%3B`, which some servers decode before they look for parameters.
  return out[at] === SEMICOLON || isEncoded(out, at, end, SEMICOLON) ? PARAMETER : 0;
}

/** Whether an escape of that byte stands there, in upper case as all are that have been written. */
function isEncoded(out: Uint8Array, at: number, end: number, byte: number): boolean {
  return at + 3 <= end && out[at] === PERCENT && hexValues[out[at + 1]] * 16 + hexValues[out[at + 2]] === byte;
}

function upperHex(byte: number): number {
  return byte >= 97 ? byte - 32 : byte;
}
