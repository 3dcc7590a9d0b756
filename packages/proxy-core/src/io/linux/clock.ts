/** The machine's clocks. */
import type { Clock } from '../io.js';

/** The wall clock is looked at again this often: it may have been set. */
const checkMs = 1_000;
/** A difference below this is Date.now's rounding. */
const toleranceMs = 2;

/** `wallMs` is the monotonic clock moved to 1970, so that it has fractions and durations agree with it, and follows the system's when that is set. */
export function systemClock(): Clock {
  let offsetMs = performance.timeOrigin;
  let checkedMs = Number.NEGATIVE_INFINITY;
  return {
    nowMs: () => performance.now(),
    wallMs: () => {
      const nowMs = performance.now();
      if (nowMs - checkedMs >= checkMs) {
        checkedMs = nowMs;
        const found = Date.now() - nowMs;
        if (Math.abs(found - offsetMs) > toleranceMs) offsetMs = found;
      }
      return nowMs + offsetMs;
    },
  };
}
