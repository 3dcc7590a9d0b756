/** What a test of a limit says: how the proxy is brought there, and what it does on either side. */
import { slotMs } from '../../src/time/hashed-wheel.js';

export interface Edge {
  /** Brings a proxy with that limit to `value` bytes, fields or milliseconds, and tells what became of it. */
  meet(limit: number, value: number): string;
  /** A limit that is small enough to reach. */
  readonly limit: number;
  /** At the limit. For a time: just before it is over. */
  readonly within: string;
  /** One over it. For a time: when it is over, and `laterMs` have gone by at most. */
  readonly beyond: string;
  /** Times: how late it may be noticed; the default is what the timer wheel takes. */
  readonly laterMs?: number;
}

/** Values on either side of the edge of the limit with that name. */
export function sidesOf(name: string, { limit, laterMs = 2 * slotMs }: Edge): { within: number; beyond: number } {
  return name.endsWith('Ms') ? { within: limit - 1, beyond: limit + laterMs } : { within: limit, beyond: limit + 1 };
}
