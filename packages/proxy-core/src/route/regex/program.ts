/** An expression as a program for a nondeterministic automaton (Thompson's construction): each instruction is a state, and the next one in order is where it leads. */
import type { ByteSet } from './byte-set.js';
import { type Node, parseRegex, RegexError } from './syntax.js';

/** Goes on when the byte is a member of set number `x`. */
export const SET = 0;
/** Goes on at `x` and at `y`. */
export const SPLIT = 1;
/** Goes on at `x`. */
export const JUMP = 2;
/** Goes on where the text begins. */
export const BEGIN = 3;
/** Goes on where the text ends. */
export const END = 4;
export const MATCH = 5;

export interface Program {
  readonly ops: Uint8Array;
  readonly x: Int32Array;
  readonly y: Int32Array;
  /** Of each byte value: its class. Bytes of one class are members of the same sets, so an automaton needs one column for them. */
  readonly classOf: Uint8Array;
  readonly classes: number;
  /** `members[set * classes + class]` is 1 where the class is in the set. */
  readonly members: Uint8Array;
}

/**
 * @param maxInstructions see `Limits.maxRegexInstructions`; it is looked at before anything is made.
 * @throws RegexError
 */
export function compileProgram(pattern: string, maxInstructions: number): Program {
  const root = parseRegex(pattern);
  const size = sizeOf(root) + 1;
  if (size > maxInstructions) {
    const remedy = 'make its repetitions smaller, or raise limits.maxRegexInstructions';
    throw new RegexError(`it needs up to ${size} instructions, more than the ${maxInstructions} allowed; ${remedy}`);
  }
  return new Emitter(size).program(root);
}

/** Instructions that a node comes to at most; one for an empty one too, so that repeating nothing is not free. */
function sizeOf(node: Node): number {
  switch (node.kind) {
    case 'all-of':
      return node.of.reduce((sum, each) => sum + sizeOf(each), 0);
    case 'any-of':
      return node.of.reduce((sum, each) => sum + sizeOf(each) + 2, -2);
    case 'repeat': {
      const { min, max } = node;
      const once = sizeOf(node.of);
      return max === Number.POSITIVE_INFINITY ? Math.max(min, 1) * once + 2 : max * once + (max - min);
    }
    default:
      return 1;
  }
}

class Emitter {
  private readonly ops: Uint8Array;
  private readonly x: Int32Array;
  private readonly y: Int32Array;
  private length = 0;
  private readonly sets: ByteSet[] = [];
  private readonly setNumbers: Map<string, number> = new Map();
  private readonly numbers: Map<ByteSet, number> = new Map();

  constructor(size: number) {
    this.ops = new Uint8Array(size);
    this.x = new Int32Array(size);
    this.y = new Int32Array(size);
  }

  program(root: Node): Program {
    this.node(root);
    this.emit(MATCH);
    const { length, sets } = this;
    const { classOf, classes } = classesOf(sets);
    const members = new Uint8Array(sets.length * classes);
    for (const [number, set] of sets.entries())
      for (let byte = 0; byte < 256; byte++) members[number * classes + classOf[byte]] = set[byte];
    return {
      ops: this.ops.slice(0, length),
      x: this.x.slice(0, length),
      y: this.y.slice(0, length),
      classOf,
      classes,
      members,
    };
  }

  private emit(op: number, x = 0): number {
    this.ops[this.length] = op;
    this.x[this.length] = x;
    return this.length++;
  }

  private node(node: Node): void {
    switch (node.kind) {
      case 'empty':
        return;
      case 'begin':
        this.emit(BEGIN);
        return;
      case 'end':
        this.emit(END);
        return;
      case 'set':
        this.emit(SET, this.setNumber(node.set));
        return;
      case 'all-of':
        for (const each of node.of) this.node(each);
        return;
      case 'any-of':
        this.alternatives(node.of);
        return;
      case 'repeat':
        this.repeat(node.of, node.min, node.max);
    }
  }

  private alternatives(of: readonly Node[]): void {
    const jumps: number[] = [];
    for (const each of of.slice(0, -1)) {
      const split = this.emit(SPLIT, this.length + 1);
      this.node(each);
      jumps.push(this.emit(JUMP));
      this.y[split] = this.length;
    }
    this.node(of[of.length - 1]);
    for (const jump of jumps) this.x[jump] = this.length;
  }

  private repeat(of: Node, min: number, max: number): void {
    if (max === Number.POSITIVE_INFINITY) {
      for (let i = 1; i < min; i++) this.node(of);
      if (min === 0) {
        const split = this.emit(SPLIT, this.length + 1);
        this.node(of);
        this.emit(JUMP, split);
        this.y[split] = this.length;
      } else {
        const start = this.length;
        this.node(of);
        const split = this.emit(SPLIT, start);
        this.y[split] = this.length;
      }
      return;
    }
    for (let i = 0; i < min; i++) this.node(of);
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.emit(SPLIT, this.length + 1));
      this.node(of);
    }
    for (const split of splits) this.y[split] = this.length;
  }

  /** Equal sets are one; the same object is not looked at twice. */
  private setNumber(set: ByteSet): number {
    const known = this.numbers.get(set);
    if (known !== undefined) return known;
    const key = set.join('');
    const number = this.setNumbers.get(key) ?? this.sets.push(set) - 1;
    this.setNumbers.set(key, number);
    this.numbers.set(set, number);
    return number;
  }
}

/** Splits the bytes by each set in turn. Numbers of classes begin with 0, in the order of their first bytes. */
function classesOf(sets: readonly ByteSet[]): { classOf: Uint8Array; classes: number } {
  const classOf = new Uint8Array(256);
  let classes = 1;
  for (const set of sets) {
    const renumbered = new Map<number, number>();
    for (let byte = 0; byte < 256; byte++) {
      const key = 2 * classOf[byte] + set[byte];
      const number = renumbered.get(key) ?? renumbered.size;
      renumbered.set(key, number);
      classOf[byte] = number;
    }
    classes = renumbered.size;
  }
  return { classOf, classes };
}
