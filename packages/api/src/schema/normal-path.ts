import { z } from 'zod';
import { show } from './explain.js';
import { says } from './finding.js';

const MAX_PATH = 1024;

/** Visible ASCII without the `?` and `#` that end a path, and the `\` that servers read in two ways; half a character cannot be encoded. */
const PATH_CHARACTERS = /^[!-~]*$/;
const FOREIGN = /[?#\\]|\p{Surrogate}/u;

const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/** `.;x` and `..;x`: some servers drop the parameter, some when it is encoded too, and then see a dot segment, so that the proxy refuses such requests. */
const DOTS_WITH_PARAMETER = /^\.{1,2}(;|%3B)/;

const REMEDY = 'Begin with /, and leave out //, /./, /../, %2F, %5C, backslashes, queries and fragments.';

/**
 * The form in which a proxy compares paths (RFC 3986 section 6.2.2): `//` merged, dot segments resolved, unreserved characters not encoded, all others outside of
 * visible ASCII encoded as the UTF-8 that a client sends, and hexadecimal digits in upper case.
 * @param isPrefix the last segment goes on: it is no dot segment yet.
 * @returns undefined for a path that no request can have.
 */
export function normalForm(path: string, isPrefix: boolean): string | undefined {
  if (!path.startsWith('/') || FOREIGN.test(path)) return undefined;
  const decoded = decodeEscapes(encodeOthers(path));
  if (decoded === undefined || !PATH_CHARACTERS.test(decoded)) return undefined;
  const segments: string[] = [];
  const parts = decoded.slice(1).split('/');
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (isLast && isPrefix) segments.push(part);
    else if (DOTS_WITH_PARAMETER.test(part)) return undefined;
    else if (part === '..') {
      if (segments.pop() === undefined) return undefined;
      if (isLast) segments.push('');
    } else if (part === '.') {
      if (isLast) segments.push('');
    } else if (part !== '' || isLast) segments.push(part);
  }
  return `/${segments.join('/')}`;
}

/** A path as it looks after normalisation: a match for any other spelling could never be met, and a policy that denies it would deny nobody. */
export const normalPath: z.ZodType<string> = z.string().refine((value) => isNormal(value, false), {
  error: (issue) => otherSpelling(String(issue.input), false),
});

/** As `normalPath`; a `*` may stand at its end for any rest, or alone. */
export const normalPathOrPrefix: z.ZodType<string> = z
  .string()
  .refine((value) => value === '*' || (hasOneStar(value) && isNormal(...withoutStar(value))), {
    error: (issue) => {
      const value = String(issue.input);
      if (hasOneStar(value)) return otherSpelling(...withoutStar(value));
      return says(`${show(value)} has a * in it`, 'A * may stand at the end only, for any rest; encode others as %2A.');
    },
  });

function hasOneStar(value: string): boolean {
  return !value.slice(0, -1).includes('*');
}

function withoutStar(value: string): [path: string, isPrefix: boolean] {
  return value.endsWith('*') ? [value.slice(0, -1), true] : [value, false];
}

function isNormal(path: string, isPrefix: boolean): boolean {
  return path.length <= MAX_PATH && normalForm(path, isPrefix) === path;
}

function otherSpelling(path: string, isPrefix: boolean): string {
  const star = isPrefix ? '*' : '';
  const message = `${show(path + star)} is not a path that a request can have`;
  const normal = path.length > MAX_PATH ? undefined : normalForm(path, isPrefix);
  if (normal === undefined || normal === path) return says(message, REMEDY);
  return says(message, `Paths are compared in their normal form: write ${normal}${star}.`);
}

function encodeOthers(path: string): string {
  return path.replace(/[^!-~]+/gu, (text) => encodeURIComponent(text));
}

/** undefined: an escape that is none, or one that the proxy refuses: `%00`, `%2F`, `%5C`. */
function decodeEscapes(path: string): string | undefined {
  let isRefused = false;
  const decoded = path.replace(/%(..?)?/g, (encoded, digits: string | undefined) => {
    if (digits === undefined || !/^[0-9A-Fa-f]{2}$/.test(digits)) isRefused = true;
    const character = String.fromCharCode(Number.parseInt(digits ?? '', 16));
    if ('\0/\\'.includes(character)) isRefused = true;
    return UNRESERVED.test(character) ? character : encoded.toUpperCase();
  });
  return isRefused ? undefined : decoded;
}
