import type { Checked } from './checked.js';

/** Collects the checks and, when it has somewhere to write to, tells the story as it happens. */
export class Teller {
  readonly checks: Checked[];
  readonly #write: (text: string) => void;
  #act: string;
  #number: number;

  /** @param write undefined: nothing is told, only collected. */
  constructor(write: ((text: string) => void) | undefined) {
    this.checks = [];
    this.#write = write ?? (() => {});
    this.#act = '';
    this.#number = 0;
  }

  get failed(): number {
    return this.checks.filter(({ ok }) => !ok).length;
  }

  act(act: { readonly id: string; readonly title: string }): void {
    this.#act = act.id;
    this.#number += 1;
    this.#write(`\n${String(this.#number).padStart(2)}  ${act.title}\n`);
  }

  /** A sentence about what is done. */
  say(text: string): void {
    this.#write(`    ${text}\n`);
  }

  /** What a reader could type himself. */
  command(text: string): void {
    this.#write(`    $ ${text}\n`);
  }

  /** Lines as they are: a table, a log line. */
  lines(lines: readonly string[]): void {
    for (const line of lines) this.#write(`      ${line}\n`);
  }

  check(id: string, ok: boolean, claim: string, seen: string): void {
    this.checks.push({ act: this.#act, id, ok, claim, seen });
    this.#write(`    ${ok ? '✓' : '✗'} ${claim}\n`);
    if (seen !== '') this.#write(`      ${seen}\n`);
  }
}
