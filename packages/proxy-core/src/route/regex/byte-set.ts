/** Sets of byte values: 256 marks, 1 for a member. What a character, a class or a dot of an expression stands for. */

export type ByteSet = Uint8Array;

export function emptySet(): ByteSet {
  return new Uint8Array(256);
}

/** `ranges` are pairs of the first and the last member: `09` are the digits. */
export function setOf(...ranges: readonly string[]): ByteSet {
  const set = emptySet();
  for (const range of ranges) addRange(set, range.charCodeAt(0), range.charCodeAt(range.length - 1));
  return set;
}

/** Both ends are members. */
export function addRange(set: ByteSet, first: number, last: number): void {
  set.fill(1, first, last + 1);
}

export function addAll(set: ByteSet, other: ByteSet): void {
  for (let byte = 0; byte < 256; byte++) if (other[byte] === 1) set[byte] = 1;
}

export function complement(set: ByteSet): ByteSet {
  return set.map((mark) => 1 - mark);
}

/** ASCII letters in both cases where one is a member. */
export function foldCase(set: ByteSet): void {
  for (let upper = 65; upper <= 90; upper++) {
    const lower = upper | 32;
    if (set[upper] === 1 || set[lower] === 1) set[upper] = set[lower] = 1;
  }
}

export const digits: ByteSet = setOf('09');
export const wordBytes: ByteSet = setOf('09', 'AZ', 'az', '_');
/** As RE2 has it: no vertical tab. */
export const spaces: ByteSet = setOf('\t', '\n', '\f', '\r', ' ');
/** What a dot stands for: all but the line feed. */
export const dot: ByteSet = complement(setOf('\n'));
