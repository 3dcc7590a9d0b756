/**
 * A compiled regular expression, in time linear in what it looks at, whatever the expression: a deterministic automaton over bytes whose states are made when they are
 * first reached. A state is a set of instructions of the program; all that is known of a text is which set its bytes have led to.
 *
 *     start ──byte──▶ state ──byte──▶ state ... ──end──▶ accepted or not        from any state: ──byte that nothing expects──▶ dead
 *
 * States are remembered, within a bound of bytes; when it is reached all are forgotten, and those needed are made again. So a byte costs one look-up, or at worst one
 * visit of each instruction of the program. Matching makes no object; remembering grows a few arrays, up to the bound.
 */
import { BEGIN, compileProgram, END, JUMP, MATCH, type Program, SET, SPLIT } from './program.js';

export interface RegexLimits {
  readonly maxRegexInstructions: number;
  readonly maxRegexCacheBytes: number;
}

const DEAD = 0;
const UNKNOWN = -1;
/** No hash: of no set, or of the state that is found without one. */
const NONE = -1;
/** States to begin with: most expressions need no more. */
const firstStates = 16;
/** Without room for these the automaton could not take a step. */
const fewestStates = 4;

/** @throws RegexError where the expression is not understood, or too large. */
export function compileRegex(pattern: string, limits: RegexLimits): Regex {
  return new Regex(compileProgram(pattern, limits.maxRegexInstructions), limits.maxRegexCacheBytes);
}

export class Regex {
  /** Instructions visited while states were made, since the beginning: what is spent beyond one look-up a byte. */
  visits = 0;

  private readonly program: Program;
  private readonly maxStates: number;
  private readonly maxInstructions: number;

  /** `next[state * classes + class]`. */
  private next: Int32Array;
  /** 1 where a text that ends in this state is a match. */
  private accepts: Uint8Array;
  /** Of each state, the instructions in `instructions[starts[state], starts[state + 1])`, ascending. */
  private starts: Int32Array;
  private instructions: Int32Array;
  /** Of each state the hash of its set; `slots` finds a state by it (open addressing; 0 is free). */
  private hashes: Int32Array;
  private slots: Int32Array;
  private states = 1;
  private start = UNKNOWN;

  /** `marks[i] === round`: instruction `i` was reached in this round. */
  private readonly marks: Int32Array;
  private readonly stack: Int32Array;
  private round = 0;

  constructor(program: Program, maxCacheBytes: number) {
    const { length } = program.ops;
    this.program = program;
    // Half of the bytes for the rows of the table, half for the sets.
    this.maxStates = Math.max(fewestStates, Math.floor(maxCacheBytes / 8 / program.classes));
    this.maxInstructions = Math.max(fewestStates * length, Math.floor(maxCacheBytes / 8));
    const states = Math.min(firstStates, this.maxStates);
    this.next = new Int32Array(states * program.classes).fill(UNKNOWN);
    this.accepts = new Uint8Array(states);
    this.starts = new Int32Array(states + 1);
    this.hashes = new Int32Array(states);
    this.slots = new Int32Array(2 * firstStates);
    this.instructions = new Int32Array(Math.min(this.maxInstructions, 4 * length));
    this.marks = new Int32Array(length);
    this.stack = new Int32Array(2 * length + 1);
  }

  /** Whether `bytes[start, end)`, all of it, is of the expression's language. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const { classes, classOf } = this.program;
    let state = this.start === UNKNOWN ? this.begin() : this.start;
    let { next } = this;
    for (let i = start; i < end; i++) {
      const byteClass = classOf[bytes[i]];
      let to = next[state * classes + byteClass];
      if (to === UNKNOWN) {
        to = this.step(state, byteClass);
        next = this.next;
      }
      if (to === DEAD) return false;
      state = to;
    }
    return this.accepts[state] === 1;
  }

  /** Bytes held for remembered states. */
  get cacheBytes(): number {
    const arrays = [this.next, this.accepts, this.starts, this.instructions, this.hashes, this.slots];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  private begin(): number {
    this.nextRound();
    this.follow(0, true, false);
    // Found by no hash: only here does the text begin, which counts if it also ends here.
    this.start = this.add(NONE);
    return this.start;
  }

  private step(state: number, byteClass: number): number {
    const { program, instructions, starts } = this;
    const { ops, x, members, classes } = program;
    this.nextRound();
    for (let i = starts[state]; i < starts[state + 1]; i++) {
      const at = instructions[i];
      this.visits++;
      if (ops[at] === SET && members[x[at] * classes + byteClass] === 1) this.follow(at + 1, false, false);
    }
    const before = this.states;
    const to = this.find();
    // Where all was forgotten to make room, the state that led here is gone too.
    if (this.states >= before) this.next[state * classes + byteClass] = to;
    return to;
  }

  private nextRound(): void {
    if (this.round === 0x7fff_ffff) {
      this.marks.fill(0);
      this.round = 0;
    }
    this.round++;
  }

  /** Marks all that is reached from an instruction without a byte. */
  private follow(from: number, begins: boolean, ends: boolean): void {
    const { marks, stack, round } = this;
    const { ops, x, y } = this.program;
    let depth = 0;
    stack[depth++] = from;
    while (depth > 0) {
      const at = stack[--depth];
      if (marks[at] === round) continue;
      marks[at] = round;
      this.visits++;
      const op = ops[at];
      if (op === SPLIT) {
        stack[depth++] = x[at];
        stack[depth++] = y[at];
      } else if (op === JUMP) {
        stack[depth++] = x[at];
      } else if ((op === BEGIN && begins) || (op === END && ends)) {
        stack[depth++] = at + 1;
      }
    }
  }

  /** The state whose set is marked: `DEAD` for none, a remembered one, or one that is made now. */
  private find(): number {
    const hash = this.hash();
    if (hash === NONE) return DEAD;
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask)
      if (hashes[slots[slot]] === hash && this.isMarked(slots[slot])) return slots[slot];
    return this.add(hash);
  }

  /** Of the marked instructions that a state keeps; `NONE` when there are none. */
  private hash(): number {
    const { marks, round } = this;
    const { ops } = this.program;
    let hash = NONE;
    for (let at = 0; at < ops.length; at++) {
      this.visits++;
      if (marks[at] === round && isKept(ops[at]))
        hash = Math.imul((hash >>> 15) ^ hash ^ (at + 1), 0x2c1b_3c6d) & 0x7fff_ffff;
    }
    return hash;
  }

  private isMarked(state: number): boolean {
    const { marks, round, instructions, starts, program } = this;
    const { ops } = program;
    let i = starts[state];
    for (let at = 0; at < ops.length; at++) {
      this.visits++;
      if (marks[at] !== round || !isKept(ops[at])) continue;
      if (i === starts[state + 1] || instructions[i] !== at) return false;
      i++;
    }
    return i === starts[state + 1];
  }

  /** Makes a state of the marked instructions, to be found by `hash`. */
  private add(hash: number): number {
    const { ops } = this.program;
    if (!this.hasRoom()) this.forget();
    const state = this.states++;
    const { starts, instructions, marks, round } = this;
    let at = starts[state];
    let accepts = false;
    let hasEnd = false;
    for (let i = 0; i < ops.length; i++) {
      if (marks[i] !== round || !isKept(ops[i])) continue;
      instructions[at++] = i;
      if (ops[i] === MATCH) accepts = true;
      else if (ops[i] === END) hasEnd = true;
    }
    starts[state + 1] = at;
    if (hash !== NONE) this.remember(state, hash);
    this.accepts[state] = accepts || (hasEnd && this.acceptsAtEnd(state, hash === NONE)) ? 1 : 0;
    return state;
  }

  private acceptsAtEnd(state: number, begins: boolean): boolean {
    const { starts, instructions, marks } = this;
    const { ops } = this.program;
    this.nextRound();
    for (let i = starts[state]; i < starts[state + 1]; i++) this.follow(instructions[i], begins, true);
    for (let i = 0; i < ops.length; i++) if (ops[i] === MATCH && marks[i] === this.round) return true;
    return false;
  }

  private remember(state: number, hash: number): void {
    this.hashes[state] = hash;
    insert(this.slots, state, hash);
  }

  /** Whether one more state fits; makes room where the bounds allow it. */
  private hasRoom(): boolean {
    const { states, starts } = this;
    const { length } = this.program.ops;
    if (states === this.maxStates || starts[states] + length > this.maxInstructions) return false;
    if (states === this.accepts.length) this.growStates(Math.min(2 * states, this.maxStates));
    if (starts[states] + length > this.instructions.length) {
      const instructions = new Int32Array(Math.min(2 * this.instructions.length, this.maxInstructions));
      instructions.set(this.instructions);
      this.instructions = instructions;
    }
    return true;
  }

  private growStates(states: number): void {
    const next = new Int32Array(states * this.program.classes).fill(UNKNOWN);
    next.set(this.next);
    const accepts = new Uint8Array(states);
    accepts.set(this.accepts);
    const starts = new Int32Array(states + 1);
    starts.set(this.starts);
    const hashes = new Int32Array(states);
    hashes.set(this.hashes);
    this.next = next;
    this.accepts = accepts;
    this.starts = starts;
    this.hashes = hashes;
    // Never more than half full, so that a search ends soon.
    let { length } = this.slots;
    while (length < 2 * states) length *= 2;
    const slots = new Int32Array(length);
    for (const state of this.slots) if (state !== 0) insert(slots, state, hashes[state]);
    this.slots = slots;
  }

  private forget(): void {
    this.states = 1;
    this.start = UNKNOWN;
    this.next.fill(UNKNOWN);
    this.slots.fill(0);
  }
}

function insert(slots: Int32Array, state: number, hash: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = state;
}

/** What is left of a set when all that needs no byte has been followed. */
function isKept(op: number): boolean {
  return op === SET || op === END || op === MATCH;
}
