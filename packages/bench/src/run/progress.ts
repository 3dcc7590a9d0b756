import type { BenchCase } from '../result/bench-case.js';
import type { CaseEvent } from './run-case.js';

/** What is going on and how long it will take: one line that is rewritten on a terminal, plain lines elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #head: string;
  #rounds: number;
  #begunMs: number;
  #shown: boolean;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#head = '';
    this.#rounds = 0;
    this.#begunMs = 0;
    this.#shown = false;
  }

  caseStarts(benchCase: BenchCase, index: number, count: number): void {
    this.#head = `[${index + 1}/${count}] ${benchCase.name}`;
    this.#rounds = benchCase.rounds.min;
    this.#begunMs = 0;
    this.#say(`${this.#head}: ${benchCase.title}`, true);
  }

  event(event: CaseEvent): void {
    switch (event.kind) {
      case 'starting':
        this.#say(`${this.#head}: starting ${event.system}`, false);
        break;
      case 'checking':
        this.#say(`${this.#head}: other generators against ${event.system}`, false);
        break;
      case 'started':
        this.#begunMs = performance.now();
        for (const { name, state, reason } of event.systems) {
          if (state !== 'measured') this.#say(`${this.#head}: ${name} is ${state}: ${reason}`, true);
        }
        break;
      case 'round': {
        const { round, systems } = event;
        const done = round.index * systems + round.position + 1;
        const all = this.#rounds * systems;
        const left = done >= all ? 0 : ((performance.now() - this.#begunMs) / done) * (all - done);
        const time = left > 0 ? `, ${Math.ceil(left / 1000)} s left` : '';
        this.#say(`${this.#head}: round ${round.index + 1} of ${this.#rounds}, ${round.system}${time}`, false);
        if (!round.valid)
          this.#say(`${this.#head}: ${round.system}, round ${round.index + 1}: ${round.invalid.join('; ')}`, true);
        break;
      }
    }
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }

  /** @param stays a line of its own, which is also told where there is no terminal. */
  #say(line: string, stays: boolean): void {
    if (!this.#stream.isTTY) {
      if (stays) this.#stream.write(`${line}\n`);
      return;
    }
    this.clear();
    this.#stream.write(stays ? `${line}\n` : line.slice(0, this.#stream.columns - 1));
    this.#shown = !stays;
  }
}
