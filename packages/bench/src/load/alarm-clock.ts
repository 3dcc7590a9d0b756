import { Worker } from 'node:worker_threads';
import { maxHeadStartUs } from '../limits.js';
import type { ArrivalSettings } from './arrivals.js';

/*
 * Being woken at a due time, more finely than the event loop can. A timer of the event loop counts whole milliseconds, which is ten
 * times what a proxy costs, and polling until the time has come takes the CPU from what is measured. So a second thread walks
 * the same arrivals, sleeps in Atomics.wait (a futex with a deadline in ns) and posts a message a moment before each.
 * How long before is learned: the clock aims at being early once in ten times, and then the event loop turns for the few µs left.
 */

/** What both threads see. */
export interface AlarmState {
  /** Int32 cells, see `cells`. */
  flags: Int32Array;
  /** Start and end of the run in µs on the monotonic clock, written before `phase` becomes running. */
  times: Float64Array;
}

/** Indices into `AlarmState.flags`. */
export const cells: { readonly phase: 0; readonly posted: 1; readonly headStartUs: 2; readonly count: 3 } = {
  /** One of `phases`. The worker sleeps on this cell, so that a change wakes it. */
  phase: 0,
  /** 1 from when the worker has posted until the message is taken: one message is enough for many due times. */
  posted: 1,
  /** How long before a due time the worker wakes, in µs. */
  headStartUs: 2,
  count: 3,
};

export const phases: { readonly waiting: 0; readonly running: 1; readonly stopped: 2 } = {
  waiting: 0,
  running: 1,
  stopped: 2,
};

/** What the worker is started with. */
export interface AlarmSettings {
  arrivals: ArrivalSettings;
  state: AlarmState;
}

/** Share of wake-ups that the head start makes come before the due time. */
const earlyShare = 0.1;
const stepUs = 2;

export class AlarmClock {
  readonly #worker: Worker;
  readonly #state: AlarmState;
  #headStartUs: number;

  /** @param ring is called in the event loop at, or a little before, each due time. */
  constructor(arrivals: ArrivalSettings, ring: () => void) {
    this.#headStartUs = 60;
    this.#state = {
      flags: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * cells.count)),
      times: new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT * 2)),
    };
    this.#state.flags[cells.headStartUs] = this.#headStartUs;
    const workerData: AlarmSettings = { arrivals, state: this.#state };
    this.#worker = new Worker(new URL('./alarm-worker.js', import.meta.url), { workerData });
    this.#worker.on('message', (message) => {
      if (message === 'ready') return;
      Atomics.store(this.#state.flags, cells.posted, 0);
      ring();
    });
  }

  /** Resolves when the thread has loaded its program (`online` comes before that): it takes tens of ms on a busy machine, which must not fall into the run. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.once('message', () => resolve());
      this.#worker.once('error', reject);
    });
  }

  start(startUs: number, endUs: number): void {
    this.#state.times.set([startUs, endUs]);
    this.#enter(phases.running);
  }

  /** Says whether the last ring came before its due time or after: the head start moves towards one early ring in ten. */
  learn(ring: 'early' | 'late'): void {
    const moved = this.#headStartUs + (ring === 'early' ? -stepUs * (1 - earlyShare) : stepUs * earlyShare);
    this.#headStartUs = Math.min(maxHeadStartUs, Math.max(0, moved));
    Atomics.store(this.#state.flags, cells.headStartUs, Math.round(this.#headStartUs));
  }

  async close(): Promise<void> {
    this.#enter(phases.stopped);
    await this.#worker.terminate();
  }

  #enter(phase: number): void {
    Atomics.store(this.#state.flags, cells.phase, phase);
    Atomics.notify(this.#state.flags, cells.phase);
  }
}
