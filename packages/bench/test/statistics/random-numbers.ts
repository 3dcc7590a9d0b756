import type t from 'tap';
import { randomSequence } from '../../src/load/arrivals.js';

/** The same numbers in [0, 1) for the same seed. */
export const sequence: (seed: number) => () => number = randomSequence;

/** Standard normal numbers (Box and Muller). */
export function normals(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Student's t with three degrees of freedom: noise with the far outliers of a machine that others use too. */
export function heavyTailed(random: () => number): () => number {
  const normal = normals(random);
  return () => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3);
}

export function near(tap: Pick<typeof t, 'ok'>, found: number, wanted: number, within: number): void {
  tap.ok(Math.abs(found - wanted) <= within, `${found} is ${wanted} within ${within}`);
}
