import { z } from 'zod';
import { show } from './explain.js';
import { says } from './finding.js';

/**
 * Whether a proxy can use an expression: RE2's syntax, as far as engines agree about it. The proxies read it again, and theirs is the last word; here it is read so that a
 * mistake is told where it was made, and not by every sidecar. Nothing is compiled: what is counted is how large a program would be.
 */
export const regularExpression: z.ZodType<string> = z.string().refine((value) => regexFault(value) === undefined, {
  error: (issue) => {
    const { message, remedy } = regexFault(String(issue.input))!;
    return says(`${show(issue.input)} is not a regular expression that can be used: ${message}`, remedy);
  },
});

interface Fault {
  readonly message: string;
  readonly remedy: string;
}

/** Gateway API: values of headers have up to 4096 characters, those of paths and parameters 1024. */
const MAX_LENGTH = 4096;
/** Of the sidecars: `limits.maxRegexInstructions`. */
const MAX_INSTRUCTIONS = 2048;
/** RE2's own bound. */
const MAX_REPEAT = 1000;
const MAX_DEPTH = 100;

/** A group while it is read: sizes are instructions; a node that matches nothing but the empty text counts where it stands alone. */
interface Group {
  readonly start: number;
  /** Of the alternatives before this one, with what chooses between them. */
  before: number;
  /** Of the parts of this alternative. */
  parts: number;
  isEmpty: boolean;
}

/** One atom at a place, by its first characters: a set or an assertion, an escape, the head of a group. */
const ESCAPE = /^\\(?:[dDwWsSAz]|[tnvfr]|x[0-7][0-9A-Fa-f]|x\{[0-7]?[0-9A-Fa-f]\}|[^\w])/;
const BYTE_ESCAPE = /^\\(?:[tnvfr]|x[0-7][0-9A-Fa-f]|x\{[0-7]?[0-9A-Fa-f]\}|[^\w])/;
const SET_ESCAPE = /^\\[dDwWsS]/;
const GROUP = /^\((?:\?(?::|-?i:|P?<[A-Za-z_]\w*>)|(?!\?))/;
const FLAG = /^\(\?-?i\)/;
const REPEAT = /^(?:[*+?]|\{(\d{1,6})(,(\d{0,6}))?\})/;

/** undefined: it can be used. */
export function regexFault(pattern: string): Fault | undefined {
  const fault = (at: number, why: string, remedy: string): Fault => ({
    message: `at character ${at + 1}: ${why}`,
    remedy,
  });
  if (pattern.length > MAX_LENGTH) {
    return { message: `it has more than ${MAX_LENGTH} characters`, remedy: 'Write several shorter matches.' };
  }
  const stranger = pattern.search(/[^ -~]/u);
  if (stranger >= 0)
    return fault(stranger, 'a character beyond visible ASCII', 'Match it with a dot or a negated class.');
  const groups: Group[] = [{ start: 0, before: 0, parts: 0, isEmpty: true }];
  let at = 0;
  while (at < pattern.length) {
    const group = groups[groups.length - 1];
    const rest = pattern.slice(at);
    let atom: { size: number; isEmpty: boolean } = { size: 1, isEmpty: false };
    const [flag] = FLAG.exec(rest) ?? [];
    const [opening] = GROUP.exec(rest) ?? [];
    if (rest[0] === '|') {
      group.before += sizeOf(group) + 2;
      group.parts = 0;
      group.isEmpty = true;
      at++;
      continue;
    }
    if (flag !== undefined) {
      atom = { size: 1, isEmpty: true };
      at += flag.length;
    } else if (opening !== undefined) {
      if (groups.length > MAX_DEPTH)
        return fault(at, `more than ${MAX_DEPTH} groups inside each other`, 'Simplify it.');
      groups.push({ start: at, before: 0, parts: 0, isEmpty: true });
      at += opening.length;
      continue;
    } else if (rest[0] === '(') {
      const isLookaround = /^\(\?<?[=!]/.test(rest);
      return isLookaround
        ? fault(
            at,
            'lookaround, which cannot be matched in linear time',
            'Write a rule of its own for what is excluded.',
          )
        : fault(at, 'an unknown kind of group', 'Write (?:...), or (?i:...) for letters in either case.');
    } else if (rest[0] === ')') {
      if (groups.length === 1) return fault(at, 'a ) that closes no group', 'Write \\) for the character.');
      groups.pop();
      atom = { size: group.before + sizeOf(group), isEmpty: group.isEmpty && group.before === 0 };
      at++;
    } else if (rest[0] === '[') {
      const end = endOfClass(pattern, at);
      if (typeof end !== 'number') return fault(end.at, end.why, end.remedy);
      at = end;
    } else if (rest[0] === '\\') {
      const [escaped] = ESCAPE.exec(rest) ?? [];
      if (escaped === undefined) return escapeFault(rest, at, fault);
      at += escaped.length;
    } else if (/[*+?{]/.test(rest[0])) {
      return fault(at, `a ${rest[0]} with nothing to repeat`, `Write \\${rest[0]} for the character.`);
    } else {
      at++;
    }
    const repeated = repeatAt(pattern, at, atom, fault);
    if ('message' in repeated) return repeated;
    at = repeated.at;
    addPart(groups[groups.length - 1], repeated);
  }
  const [whole] = groups;
  const open = groups[groups.length - 1];
  if (groups.length > 1)
    return fault(open.start, 'a ( that is not closed', 'Add its ), or write \\( for the character.');
  const size = whole.before + sizeOf(whole) + 1;
  if (size <= MAX_INSTRUCTIONS) return undefined;
  const message = `it needs up to ${size} instructions, more than the ${MAX_INSTRUCTIONS} allowed`;
  return { message, remedy: 'Make its repetitions smaller.' };
}

function sizeOf({ parts, isEmpty }: Group): number {
  return isEmpty ? 1 : parts;
}

function addPart(group: Group, { size, isEmpty }: { size: number; isEmpty: boolean }): void {
  if (isEmpty) return;
  group.parts += size;
  group.isEmpty = false;
}

type Faulty = (at: number, why: string, remedy: string) => Fault;

/** How often the atom before `at` is repeated, and where that ends. */
function repeatAt(
  pattern: string,
  at: number,
  atom: { size: number; isEmpty: boolean },
  fault: Faulty,
): { at: number; size: number; isEmpty: boolean } | Fault {
  const found = REPEAT.exec(pattern.slice(at));
  if (found === null) {
    if (pattern[at] === '{')
      return fault(at, 'a { that begins no repetition', 'Write {2}, {2,} or {2,5}, or \\{ for the character.');
    return { at, ...atom };
  }
  let end = at + found[0].length;
  if (pattern[end] === '?') end++;
  const next = pattern[end];
  if (next === '{' && !REPEAT.test(pattern.slice(end))) {
    return fault(end, 'a { that begins no repetition', 'Write {2}, {2,} or {2,5}, or \\{ for the character.');
  }
  if (next !== undefined && /[*+?{]/.test(next)) {
    return fault(end, 'a repetition of a repetition', 'Put what is repeated into a group: (?:a*)+.');
  }
  const [text, least = text === '+' ? '1' : '0', comma, most] = found;
  const min = Number(least);
  const isOpen = text === '*' || text === '+' || (comma !== undefined && most === '');
  const max = text === '?' ? 1 : isOpen ? Number.POSITIVE_INFINITY : comma === undefined ? min : Number(most);
  if (min > MAX_REPEAT || (!isOpen && max > MAX_REPEAT)) {
    return fault(at, `a repetition beyond ${MAX_REPEAT}`, 'Use * or + where the number does not matter.');
  }
  if (min > max) return fault(at, 'a repetition whose least number is above its greatest', 'Exchange the two.');
  const { size, isEmpty } = atom;
  if (max === 0 || isEmpty) return { at: end, size: 1, isEmpty: true };
  const repeated = isOpen ? Math.max(min, 1) * size + 2 : max * size + (max - min);
  return { at: end, size: repeated, isEmpty: false };
}

function escapeFault(rest: string, at: number, fault: Faulty): Fault {
  if (rest.length === 1) return fault(at, 'a \\ at the end', 'Write \\\\ for the character.');
  if (/^\\[1-9]/.test(rest)) {
    return fault(at, 'a backreference, which cannot be matched in linear time', 'Write out what it repeats.');
  }
  if (rest[1] === 'x')
    return fault(at, '\\x with no ASCII character behind it', 'Write two digits from 00 to 7f, as in \\x2f.');
  return fault(
    at,
    `\\${rest[1]} is not understood`,
    'Known are \\d \\w \\s \\D \\W \\S \\A \\z \\t \\n \\v \\f \\r \\xNN.',
  );
}

/** Where the class that begins at `start` ends, or what is wrong with it. */
function endOfClass(pattern: string, start: number): number | { at: number; why: string; remedy: string } {
  let at = start + 1;
  if (pattern[at] === '^') at++;
  if (pattern[at] === ']') return { at, why: 'a ] that begins a class', remedy: 'Write \\] for the character.' };
  while (pattern[at] !== ']') {
    if (at >= pattern.length) {
      return { at: start, why: 'a [ that is not closed', remedy: 'Add its ], or write \\[ for the character.' };
    }
    const first = memberAt(pattern, at);
    if ('why' in first) return first;
    at = first.end;
    if (pattern[at] !== '-' || pattern[at + 1] === ']' || at + 1 >= pattern.length) continue;
    if (first.byte === undefined) {
      return { at, why: 'a range that begins with a set', remedy: 'Write \\- for the character.' };
    }
    const last = memberAt(pattern, at + 1);
    if ('why' in last) return last;
    if (last.byte === undefined) {
      return { at: at + 1, why: 'a range that ends with a set', remedy: 'Write \\- for the character.' };
    }
    if (last.byte < first.byte) {
      return { at: at - 1, why: 'a range that ends before it begins', remedy: 'Exchange its ends.' };
    }
    at = last.end;
  }
  return at + 1;
}

type Member = { end: number; byte: number | undefined } | { at: number; why: string; remedy: string };

/** One member of a class; `byte` is undefined for a set such as `\d`. */
function memberAt(pattern: string, at: number): Member {
  const rest = pattern.slice(at);
  if (SET_ESCAPE.test(rest)) return { end: at + 2, byte: undefined };
  if (rest[0] === '[') {
    return {
      at,
      why: 'a [ inside a class',
      remedy: 'Write \\[ for the character, and ranges such as a-z for named classes.',
    };
  }
  if (rest[0] !== '\\') return { end: at + 1, byte: rest.charCodeAt(0) };
  const [escaped] = BYTE_ESCAPE.exec(rest) ?? [];
  if (escaped !== undefined) return { end: at + escaped.length, byte: byteOf(escaped) };
  const { message, remedy } = escapeFault(rest, at, (_at, why, remedy) => ({ message: why, remedy }));
  return { at, why: message, remedy };
}

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

function byteOf(escaped: string): number {
  const [, character, ...digits] = escaped;
  if (character === 'x') return Number.parseInt(digits.join('').replace(/[{}]/g, ''), 16);
  return CONTROLS[character] ?? character.charCodeAt(0);
}
