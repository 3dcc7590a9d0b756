/**
 * The fewest exchanges under way for its weight, among all endpoints or among some drawn by weight (Envoy: LEAST_REQUEST with choice_count). Of equals chance decides,
 * by weight.
 */
import type { Load } from './load.js';
import { isBarred, type Picker } from './picker.js';
import { WeightedDraw } from './weighted-draw.js';

export class LeastRequest<E extends Load> implements Picker<E> {
  private readonly from: WeightedDraw<E>;
  /** How many are drawn and compared; 0: all are compared. */
  private readonly choices: number;

  constructor(endpoints: readonly E[], choices: number) {
    this.from = new WeightedDraw(endpoints);
    this.choices = choices;
  }

  pick(bars: number, tried: readonly E[], nowMs: number, random: () => number): E | undefined {
    return this.choices === 0 ? this.ofAll(bars, tried, nowMs, random) : this.ofSome(bars, tried, nowMs, random);
  }

  private ofSome(bars: number, tried: readonly E[], nowMs: number, random: () => number): E | undefined {
    const { endpoints, shares } = this.from;
    let best = this.from.draw(bars, tried, nowMs, random, -1);
    if (best < 0) return undefined;
    for (let drawn = 1; drawn < this.choices; drawn++) {
      const other = this.from.draw(bars, tried, nowMs, random, best);
      if (other < 0) break;
      if (endpoints[other].active / shares[other] < endpoints[best].active / shares[best]) best = other;
    }
    return endpoints[best];
  }

  private ofAll(bars: number, tried: readonly E[], nowMs: number, random: () => number): E | undefined {
    const { endpoints, shares } = this.from;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    /** Shares of all that are equal to the best so far. */
    let tied = 0;
    for (let index = 0; index < endpoints.length; index++) {
      const endpoint = endpoints[index];
      const load = endpoint.active / shares[index];
      if (load > least || isBarred(endpoint, bars, tried, nowMs)) continue;
      tied = load < least ? shares[index] : tied + shares[index];
      if (load < least || random() * tied < shares[index]) best = index;
      least = load;
    }
    return endpoints[best];
  }
}
