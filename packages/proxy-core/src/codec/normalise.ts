/**
 * The one normalisation of a path, applied once, when the head is decoded: the path that is routed is the path that is authorised is the path that is forwarded.
 * Pure. RFC 3986 section 6.2.2, and a refusal wherever two servers are known to read a path differently.
 *
 * | in the path                                   | default | why                                                                          |
 * |-----------------------------------------------|---------|------------------------------------------------------------------------------|
 * | `/./`, `/../`                                 | resolve | RFC 3986 section 5.2.4; above the root: refused                              |
 * | `/.;x/`, `/..;x/`, `/..%3Bx/`                 | refuse  | servlet containers drop the parameter and then see a dot segment             |
 * | `//`                                          | merge   | file servers merge, routers compare: `//admin` must not miss a rule          |
 * | `%41` (an unreserved byte, encoded)           | decode  | equivalent by RFC 3986 section 2.3                                           |
 * | `%3a`                                         | `%3A`   | equivalent by RFC 3986 section 2.1; always                                   |
 * | `%2F`                                         | refuse  | a separator to some, a byte of a segment to others                           |
 * | `\`, `%5C`                                    | refuse  | a separator to Windows servers and to browsers                               |
 * | `%00`                                         | refuse  | ends a string in C; always                                                   |
 * | `%` without two hexadecimal digits            | refuse  | not a URI; always                                                            |
 */
import { hexValues } from './http1/tables.js';

export interface NormaliseOptions {
  readonly dotSegments: 'resolve' | 'refuse' | 'keep';
  readonly duplicateSlashes: 'merge' | 'refuse' | 'keep';
  readonly encodedUnreserved: 'decode' | 'keep';
  readonly encodedSlash: 'refuse' | 'decode' | 'keep';
  /** `\` and `%5C`. */
  readonly backslash: 'refuse' | 'slash' | 'keep';
}

export const defaultNormalise: NormaliseOptions = {
  dotSegments: 'resolve',
  duplicateSlashes: 'merge',
  encodedUnreserved: 'decode',
  encodedSlash: 'refuse',
  backslash: 'refuse',
};

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
  options: NormaliseOptions,
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

function rewrite(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: NormaliseOptions,
): Uint8Array | string | undefined {
  const out = new Uint8Array(end - start);
  out[0] = SLASH;
  let length = 1;
  let segment = 1;
  let changed = false;
  let i = start + 1;
  for (;;) {
    let byte = i < end ? bytes[i] : SLASH;
    const last = i >= end;
    let width = 1;
    if (byte === PERCENT) {
      const high = i + 2 < end ? hexValues[bytes[i + 1]] : 255;
      const low = i + 2 < end ? hexValues[bytes[i + 2]] : 255;
      if (high === 255 || low === 255) return 'a % in the path without two hexadecimal digits';
      const value = high * 16 + low;
      if (value === 0) return '%00 in the path';
      if (value === SLASH && options.encodedSlash === 'refuse') return '%2F in the path';
      if (value === BACKSLASH && options.backslash === 'refuse') return '%5C in the path';
      width = 3;
      const decoded =
        (value === SLASH && options.encodedSlash === 'decode') ||
        (value === BACKSLASH && options.backslash === 'slash') ||
        (unreserved[value] === 1 && options.encodedUnreserved === 'decode');
      if (!decoded) {
        out[length++] = PERCENT;
        out[length++] = upperHex(bytes[i + 1]);
        out[length++] = upperHex(bytes[i + 2]);
        if (out[length - 2] !== bytes[i + 1] || out[length - 1] !== bytes[i + 2]) changed = true;
        i += 3;
        continue;
      }
      changed = true;
      byte = value === BACKSLASH ? SLASH : value;
    } else if (byte === BACKSLASH) {
      if (options.backslash === 'refuse') return 'a backslash in the path';
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
    if (dots < 0) return 'a dot segment with a parameter in the path';
    if (dots > 0) {
      if (options.dotSegments === 'refuse') return 'a dot segment in the path';
      if (dots === 2) {
        if (segment === 1) return 'the path leaves the root';
        length = segment - 1;
        while (out[length - 1] !== SLASH) length--;
      } else {
        length = segment;
      }
      changed = true;
    } else if (!last) {
      if (length === segment && options.duplicateSlashes !== 'keep') {
        if (options.duplicateSlashes === 'refuse') return 'duplicate slashes in the path';
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

/** 1 for `.`, 2 for `..`, -1 for either with a parameter, 0 for any other segment. */
function dotSegment(out: Uint8Array, start: number, end: number): number {
  if (start === end || out[start] !== DOT) return 0;
  const dots = start + 1 < end && out[start + 1] === DOT ? 2 : 1;
  if (start + dots === end) return dots;
  return out[start + dots] === SEMICOLON || isEncodedSemicolon(out, start + dots, end) ? -1 : 0;
}

/** `%3B`, which some servers decode before they look for parameters. */
function isEncodedSemicolon(out: Uint8Array, at: number, end: number): boolean {
  return at + 3 <= end && out[at] === PERCENT && out[at + 1] === 51 && out[at + 2] === 66;
}

function upperHex(byte: number): number {
  return byte >= 97 ? byte - 32 : byte;
}
