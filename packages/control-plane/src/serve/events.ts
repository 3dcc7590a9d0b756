import type { XdsType } from '@tulle/xds';

/** What the servers do, to be counted. */
export interface ServeEvents {
  streamOpened(): void;
  streamClosed(): void;
  pushed(type: XdsType, resources: number): void;
  answered(type: XdsType, answer: 'ack' | 'nack' | 'stale'): void;
  /** `result`: `ok`, or the name of the gRPC status. */
  certificate(result: string): void;
}

/** A logger as pino has it; messages and fields hold no secrets. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Calls back later; the result cancels. */
export type SetTimer = (ms: number, callback: () => void) => () => void;

/** The longest delay that Node's timers take; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The real clock. Its timers do not keep the process alive. */
export const realTimer: SetTimer = (ms, callback) => {
  const timer = setTimeout(callback, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
  timer.unref();
  return () => clearTimeout(timer);
};
