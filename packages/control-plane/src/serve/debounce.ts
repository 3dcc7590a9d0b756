import type { SetTimer } from './events.js';

export interface DebounceOptions {
  /** Wait until nothing came for this long. */
  quietMs: number;
  /** But no longer than this after the first. */
  maxDelayMs: number;
  now: () => number;
  setTimer: SetTimer;
}

/** Many calls come to one call of `action`: after a quiet, and after a bounded delay whatever comes. */
export function debounce(options: DebounceOptions, action: () => void): () => void {
  let firstAt: number | undefined;
  let cancel = () => {};
  return () => {
    const now = options.now();
    firstAt ??= now;
    cancel();
    const delay = Math.min(options.quietMs, firstAt + options.maxDelayMs - now);
    cancel = options.setTimer(Math.max(delay, 0), () => {
      firstAt = undefined;
      action();
    });
  };
}
