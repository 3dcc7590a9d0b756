/** The machine's clocks. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../io.js';

/** The wall clock is looked at again this often: it may have been set. */
const checkMs = 1_000;
/** A difference below this is Date.now's rounding. */
const toleranceMs = 2;

/**
 * `wallMs` is the monotonic clock moved to 1970, so that it has fractions and durations agree with it, and follows the system's when that is set.
 * The loop calls `beginTurn` and `endTurn`.
 */
export class SystemClock implements Clock {
  private offsetMs: number = performance.timeOrigin;
  private checkedMs = Number.NEGATIVE_INFINITY;
  private turn = 0;

  nowMs(): number {
    return performance.now();
  }

  turnMs(): number {
    return this.turn === 0 ? performance.now() : this.turn;
  }

  wallMs(monotonicMs: number): number {
    if (monotonicMs - this.checkedMs >= checkMs) this.check();
    return monotonicMs + this.offsetMs;
  }

  beginTurn(): number {
    this.turn = performance.now();
    return this.turn;
  }

  endTurn(): void {
    this.turn = 0;
  }

  private check(): void {
    this.checkedMs = performance.now();
    const found = Date.now() - this.checkedMs;
    if (Math.abs(found - this.offsetMs) > toleranceMs) this.offsetMs = found;
  }
}
