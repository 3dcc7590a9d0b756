import type { Log, Outside } from '../src/outside.js';

/** A clock that the test moves, no chance, and a log that can be read. */
export class TestOutside implements Outside {
  private nowMs = 1_700_000_000_000;
  private readonly timers: Set<{ at: number; callback: () => void }> = new Set();
  readonly lines: string[] = [];
  readonly log: Log;
  chance = 0;

  constructor() {
    const write = (level: string) => (fields: object, message: string) => {
      this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
    this.log = { info: write('info'), warn: write('warn'), error: write('error'), fatal: write('fatal') };
  }

  readonly now = (): number => this.nowMs;
  readonly random = (): number => this.chance;
  readonly setTimer = (ms: number, callback: () => void): (() => void) => {
    const timer = { at: this.nowMs + ms, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  /** How long until the next timer, in milliseconds. */
  nextIn(): number | undefined {
    const times = [...this.timers].map(({ at }) => at);
    return times.length === 0 ? undefined : Math.min(...times) - this.nowMs;
  }

  /** Moves the time, and runs what is due on the way, with the promises that follow from it. */
  async pass(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.timers.delete(next);
      this.nowMs = next.at;
      next.callback();
      await settle();
    }
    this.nowMs = end;
    await settle();
  }
}

/** Lets promises that are settled already run their callbacks. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
