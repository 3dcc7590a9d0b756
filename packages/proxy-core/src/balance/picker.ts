/**
 * Stage balance: which endpoint of a cluster takes the next try? A picker is a snapshot of a cluster's endpoints and their weights: other endpoints or weights are
 * another picker. Load and health are read from the endpoints themselves at each pick. Nothing is allocated by one.
 */
import type { Load } from './load.js';

export interface Picker<E extends Load> {
  /**
   * Chooses among the endpoints that nothing in `bars` keeps out; undefined: there is none.
   * @param hash of the request's key, `noHash` without: only consistent hashing looks at it.
   */
  pick(bars: number, tried: readonly E[], nowMs: number, random: () => number, hash: number): E | undefined;
}

/** What keeps an endpoint from being chosen, as bits. */
const barTried = 1;
const barEjected = 2;
const barAvoided = 4;

/** Endpoints are looked for with fewer bars each time: one that is merely avoided before an ejected one, that before one that this very request has tried. */
const usualLadder: readonly number[] = [barTried | barEjected | barAvoided, barTried | barEjected, barTried, 0];
/** With too few left in service, ejection counts for nothing: better all endpoints with some bad answers than a few that break down under the load of all. */
const panicLadder: readonly number[] = [barTried | barAvoided, barTried, 0];

export function isBarred<E extends Load>(load: E, bars: number, tried: readonly E[], nowMs: number): boolean {
  return (
    ((bars & barEjected) !== 0 && load.ejected) ||
    ((bars & barAvoided) !== 0 && load.avoidUntilMs > nowMs) ||
    ((bars & barTried) !== 0 && tried.length > 0 && tried.includes(load))
  );
}

/** Is any left that nothing keeps out? A walk that looks for one would go on for ever otherwise. */
export function anyFree<E extends Load>(
  endpoints: readonly E[],
  bars: number,
  tried: readonly E[],
  nowMs: number,
): boolean {
  for (const endpoint of endpoints) if (!isBarred(endpoint, bars, tried, nowMs)) return true;
  return false;
}

/** Undefined only when the picker has no endpoints at all: a last chance is better than none. */
export function pickEndpoint<E extends Load>(
  picker: Picker<E>,
  isPanicking: boolean,
  tried: readonly E[],
  nowMs: number,
  random: () => number,
  hash: number,
): E | undefined {
  for (const bars of isPanicking ? panicLadder : usualLadder) {
    const chosen = picker.pick(bars, tried, nowMs, random, hash);
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}
