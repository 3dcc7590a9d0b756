/**
 * Regular expressions as text: the part of RE2's syntax that has one meaning in RE2 and in every engine like Perl's, read strictly. Pure.
 *
 *     a \. \t \x2f     one byte            [a-z_] [^/] \d \W    one byte of a set        .    any byte but the line feed
 *     xy  x|y          both, either        (x) (?:x)            a group; it captures nothing
 *     x* x+ x? x{2,5}  repeated            ^ $ \A \z            the beginning, the end
 *     (?i) (?i:x)      ASCII letters in either case; (?-i) ends it
 *
 * What is compared are bytes: a character beyond ASCII is more than one of them. Refused, because no automaton can do it in linear time: backreferences and lookaround.
 * Refused, because engines disagree: stacked repetitions (`a*+`), `[]a]`, `[[:alpha:]]`, `\b`, `\p`.
 */
import {
  addAll,
  addRange,
  type ByteSet,
  complement,
  digits,
  dot,
  emptySet,
  foldCase,
  spaces,
  wordBytes,
} from './byte-set.js';

export type Node =
  | { readonly kind: 'empty' | 'begin' | 'end' }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'all-of' | 'any-of'; readonly of: readonly Node[] }
  /** `max` is infinite for `*`, `+` and `{n,}`. */
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number };

/** An expression that cannot be taken. The message says at which character (counted from 1), why, and what to write instead. */
export class RegexError extends Error {
  override readonly name = 'RegexError';
}

/** As in RE2: past it a repetition is a program of its own size. */
const maxRepeat = 1_000;
/** Groups inside groups; the reader goes one call deeper for each. */
const maxDepth = 100;

/** @throws RegexError */
export function parseRegex(pattern: string): Node {
  const stranger = /[^ -~]/u.exec(pattern);
  if (stranger !== null) {
    const why = 'only visible ASCII characters and spaces may stand in an expression';
    throw new RegexError(`at character ${stranger.index + 1}: ${why}; match others with a dot or a negated class`);
  }
  return new Reader(pattern).read();
}

const setEscapes: Readonly<Record<string, ByteSet>> = {
  d: digits,
  D: complement(digits),
  w: wordBytes,
  W: complement(wordBytes),
  s: spaces,
  S: complement(spaces),
};

const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

class Reader {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private foldsCase = false;

  constructor(text: string) {
    this.text = text;
  }

  read(): Node {
    const node = this.alternatives();
    if (this.at < this.text.length) this.refuse('a ) that closes no group', 'write \\) for the character');
    return node;
  }

  private alternatives(): Node {
    const of = [this.sequence()];
    while (this.accept('|')) of.push(this.sequence());
    return of.length === 1 ? of[0] : { kind: 'any-of', of };
  }

  private sequence(): Node {
    const of: Node[] = [];
    while (this.at < this.text.length && this.text[this.at] !== '|' && this.text[this.at] !== ')') {
      const node = this.repeated(this.atom());
      if (node.kind !== 'empty') of.push(node);
    }
    return of.length === 0 ? { kind: 'empty' } : of.length === 1 ? of[0] : { kind: 'all-of', of };
  }

  private atom(): Node {
    const character = this.text[this.at];
    switch (character) {
      case '(':
        return this.group();
      case '[':
        return { kind: 'set', set: this.bracket() };
      case '\\':
        return this.escape();
      case '.':
        this.at++;
        return { kind: 'set', set: dot };
      case '^':
      case '$':
        this.at++;
        return { kind: character === '^' ? 'begin' : 'end' };
      case '*':
      case '+':
      case '?':
      case '{':
        return this.refuse(`a ${character} with nothing to repeat`, `write \\${character} for the character`);
      default:
        this.at++;
        return this.literal(character.charCodeAt(0));
    }
  }

  private literal(byte: number): Node {
    const set = emptySet();
    addRange(set, byte, byte);
    if (this.foldsCase) foldCase(set);
    return { kind: 'set', set };
  }

  /** What is repeated, and how often. A `?` behind it asks for few: it changes what is captured, not what matches. */
  private repeated(node: Node): Node {
    const before = this.at;
    const bounds = this.bounds();
    if (bounds === undefined) return node;
    this.accept('?');
    const end = this.at;
    if (this.bounds() !== undefined) {
      this.at = end;
      this.refuse('a repetition of a repetition', 'put what is repeated into a group: (?:a*)+');
    }
    const { min, max } = bounds;
    if (min > maxRepeat || (max !== Number.POSITIVE_INFINITY && max > maxRepeat)) {
      this.at = before;
      this.refuse(`a repetition beyond ${maxRepeat}`, 'use * or + where the number does not matter');
    }
    if (min > max) {
      this.at = before;
      this.refuse('a repetition whose least number is above its greatest', 'exchange the two');
    }
    return max === 0 || node.kind === 'empty' ? { kind: 'empty' } : { kind: 'repeat', of: node, min, max };
  }

  private bounds(): { min: number; max: number } | undefined {
    if (this.accept('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.accept('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.accept('?')) return { min: 0, max: 1 };
    if (this.text[this.at] !== '{') return undefined;
    const found = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.text.slice(this.at, this.at + 16));
    if (found === null)
      this.refuse('a { that begins no repetition', 'write {2}, {2,} or {2,5}, or \\{ for the character');
    this.at += found[0].length;
    const min = Number(found[1]);
    if (found[2] === undefined) return { min, max: min };
    return { min, max: found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]) };
  }

  private group(): Node {
    const start = this.at;
    this.at++;
    if (++this.depth > maxDepth) this.refuse(`more than ${maxDepth} groups inside each other`, 'simplify it');
    const outer = this.foldsCase;
    let isFlagAlone = false;
    if (this.accept('?')) isFlagAlone = this.groupKind(start);
    if (isFlagAlone) {
      this.depth--;
      return { kind: 'empty' };
    }
    const node = this.alternatives();
    if (!this.accept(')')) {
      this.at = start;
      this.refuse('a ( that is not closed', 'add its ), or write \\( for the character');
    }
    this.foldsCase = outer;
    this.depth--;
    return node;
  }

  /** Behind `(?`. True for `(?i)`, which holds to the end of the group around it. */
  private groupKind(start: number): boolean {
    const kind = /^(?:<?[=!]|P?<[A-Za-z_]\w*>|P?<|(-?)i([:)])|:)/.exec(this.text.slice(this.at));
    if (kind === null || /^P?<$/.test(kind[0])) {
      this.at = start;
      this.refuse('an unknown kind of group', 'write (?:...), or (?i:...) for letters in either case');
    }
    if (/[=!]$/.test(kind[0])) {
      this.at = start;
      this.refuse(
        'lookaround, which cannot be matched in linear time',
        'write a route of its own for what is excluded',
      );
    }
    this.at += kind[0].length;
    if (kind[2] === undefined) return false;
    this.foldsCase = kind[1] === '';
    return kind[2] === ')';
  }

  private escape(): Node {
    const next = this.text[this.at + 1];
    if (next === 'A' || next === 'z') {
      this.at += 2;
      return { kind: next === 'A' ? 'begin' : 'end' };
    }
    const set = setEscapes[next];
    if (set === undefined) return this.literal(this.escapedByte());
    this.at += 2;
    return { kind: 'set', set };
  }

  /** `\.`, `\n`, `\x2f`, `\x{2f}`. */
  private escapedByte(): number {
    const next = this.text[this.at + 1];
    if (next === undefined) this.refuse('a \\ at the end', 'write \\\\ for the character');
    if (/[1-9]/.test(next))
      this.refuse('a backreference, which cannot be matched in linear time', 'write out what it repeats');
    if (next === 'x') return this.hexadecimal();
    const control = controlEscapes[next];
    if (control === undefined && /\w/.test(next))
      this.refuse(`\\${next} is not understood`, 'known are \\d \\w \\s \\D \\W \\S \\A \\z \\t \\n \\v \\f \\r \\xNN');
    this.at += 2;
    return control ?? next.charCodeAt(0);
  }

  private hexadecimal(): number {
    const found = /^\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,2})\})/.exec(this.text.slice(this.at, this.at + 6));
    const value = found === null ? 255 : Number.parseInt(found[1] ?? found[2], 16);
    if (found === null || value > 127)
      this.refuse('\\x with no ASCII character behind it', 'write two digits from 00 to 7f, as in \\x2f');
    this.at += found[0].length;
    return value;
  }

  /** `[...]`. */
  private bracket(): ByteSet {
    const start = this.at;
    this.at++;
    const isNegated = this.accept('^');
    if (this.text[this.at] === ']') this.refuse('a ] that begins a class', 'write \\] for the character');
    const set = emptySet();
    while (!this.accept(']')) {
      if (this.at >= this.text.length) {
        this.at = start;
        this.refuse('a [ that is not closed', 'add its ], or write \\[ for the character');
      }
      this.member(set);
    }
    if (this.foldsCase) foldCase(set);
    return isNegated ? complement(set) : set;
  }

  private member(set: ByteSet): void {
    const start = this.at;
    const named = this.text[this.at] === '\\' ? setEscapes[this.text[this.at + 1]] : undefined;
    if (named !== undefined) {
      this.at += 2;
      addAll(set, named);
      if (this.text[this.at] === '-' && this.text[this.at + 1] !== ']')
        this.refuse('a range that begins with a set', 'write \\- for the character');
      return;
    }
    const first = this.memberByte();
    if (this.text[this.at] !== '-' || this.text[this.at + 1] === ']' || this.at + 1 >= this.text.length) {
      addRange(set, first, first);
      return;
    }
    this.at++;
    const last = this.memberByte();
    if (last < first) {
      this.at = start;
      this.refuse('a range that ends before it begins', 'exchange its ends');
    }
    addRange(set, first, last);
  }

  private memberByte(): number {
    const character = this.text[this.at];
    if (character === '\\') {
      if (setEscapes[this.text[this.at + 1]] !== undefined)
        this.refuse('a range that ends with a set', 'write \\- for the character');
      return this.escapedByte();
    }
    // `[[:alpha:]]` is a class to some and two to others; `[[a]` might be a slip of either.
    if (character === '[')
      this.refuse('a [ inside a class', 'write \\[ for the character, and ranges such as a-z for named classes');
    this.at++;
    return character.charCodeAt(0);
  }

  private accept(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private refuse(why: string, remedy: string): never {
    throw new RegexError(`at character ${this.at + 1}: ${why}; ${remedy}`);
  }
}
