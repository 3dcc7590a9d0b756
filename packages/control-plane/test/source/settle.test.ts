import t from 'tap';
import { Settle, type Timers } from '../../src/source/settle.js';

/** A clock that moves when it is told to. */
class Clock implements Timers {
  #now = 0;
  #waiting: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, callback };
    this.#waiting.push(timer);
    return {
      cancel: () => {
        this.#waiting = this.#waiting.filter((it) => it !== timer);
      },
    };
  }

  pass(ms: number): void {
    this.#now += ms;
    const due = this.#waiting.filter(({ at }) => at <= this.#now);
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}

function settle(): { clock: Clock; settle: Settle; calls: number[] } {
  const clock = new Clock();
  const calls: number[] = [];
  return { clock, calls, settle: new Settle(50, 200, clock, () => calls.push(clock.now())) };
}

t.test('a burst of events is one call, when it has been quiet for long enough', async (t) => {
  const { clock, calls, settle: it } = settle();
  for (let i = 0; i < 3; i++) {
    it.event();
    clock.pass(20);
  }
  t.same(calls, []);
  clock.pass(30);
  t.same(calls, [90]);
});

t.test('a burst without end is called for all the same', async (t) => {
  const { clock, calls, settle: it } = settle();
  for (let i = 0; i < 41; i++) {
    it.event();
    clock.pass(10);
  }
  t.same(calls, [200, 400]);
});

t.test('a cancelled burst comes to nothing, and the next is a new one', async (t) => {
  const { clock, calls, settle: it } = settle();
  it.event();
  it.cancel();
  clock.pass(500);
  t.same(calls, []);
  it.event();
  clock.pass(50);
  t.same(calls, [550]);
});
