/** What the sidecar is handed from outside: time, randomness and a log. Tests hand in their own. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
}

/** Calls back once after a time, unless it is cancelled by what it returns. */
export type SetTimer = (ms: number, callback: () => void) => () => void;

export interface Outside {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly setTimer: SetTimer;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** node's clock in steps that its timers can hold. */
export const realTimer: SetTimer = (ms, callback) => {
  const longest = 0x7fff_ffff;
  const timer = setTimeout(callback, Math.min(Math.max(ms, 0), longest));
  return () => clearTimeout(timer);
};
