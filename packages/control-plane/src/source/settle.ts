/** Timers, handed in so that tests need no real time. */
export interface Timers {
  now(): number;
  after(ms: number, callback: () => void): { cancel(): void };
}

export const realTimers: Timers = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/**
 * Turns bursts of events into single calls: each call comes when `quietMs` have passed without an event, or `longestMs` after the
 * first event of the burst, whichever is sooner.
 */
export class Settle {
  readonly #quietMs: number;
  readonly #longestMs: number;
  readonly #timers: Timers;
  readonly #call: () => void;
  #burst: { deadline: number; timer: { cancel(): void } } | undefined;

  constructor(quietMs: number, longestMs: number, timers: Timers, call: () => void) {
    this.#quietMs = quietMs;
    this.#longestMs = longestMs;
    this.#timers = timers;
    this.#call = call;
  }

  event(): void {
    const now = this.#timers.now();
    const deadline = this.#burst?.deadline ?? now + this.#longestMs;
    this.#burst?.timer.cancel();
    const wait = Math.max(0, Math.min(this.#quietMs, deadline - now));
    const timer = this.#timers.after(wait, () => {
      this.#burst = undefined;
      this.#call();
    });
    this.#burst = { deadline, timer };
  }

  /** Forgets a burst that has not come to its call. */
  cancel(): void {
    this.#burst?.timer.cancel();
    this.#burst = undefined;
  }
}
