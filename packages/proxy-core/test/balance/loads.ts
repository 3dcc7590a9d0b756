/** Endpoints as balancers see them, and numbers by chance that are the same in every run. */
import type { Load } from '../../src/balance/load.js';

export interface Named extends Load {
  readonly key: string;
}

export function load(key: string, more: Partial<Load> = {}): Named {
  return {
    key,
    weight: 1,
    active: 0,
    latencyMs: 0,
    measuredMs: 0,
    avoidUntilMs: 0,
    ejected: false,
    ...more,
  };
}

/** Addresses with these weights. */
export function loads(...weights: readonly number[]): Named[] {
  return weights.map((weight, i) => load(`10.0.0.${i + 1}:8080`, { weight }));
}

/** Numbers of [0, 1) in a fixed order. */
export function numbers(...values: readonly number[]): () => number {
  let at = 0;
  return () => values[at++ % values.length];
}

/** Uniform in [0, 1), from a seed (Mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
