/** Draws from endpoints by chance, each as often as its weight says: an alias table (Walker 1977, built as Vose 1991 does), so that a draw takes the same time for any number. */
import type { Load } from './load.js';
import { isBarred } from './picker.js';

/** So many draws may hit endpoints that are barred; then those that are not are gone through one by one. */
const maxDraws = 4;

export class WeightedDraw<E extends Load> {
  readonly endpoints: readonly E[];
  /** Weight of each endpoint over the mean of all. */
  readonly shares: Float64Array;
  private readonly isEven: boolean;
  private readonly keep: Float64Array;
  private readonly alias: Uint32Array;

  constructor(endpoints: readonly E[]) {
    const { length } = endpoints;
    const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
    this.endpoints = endpoints;
    this.shares = Float64Array.from(endpoints, ({ weight }) => (weight * length) / total);
    this.isEven = endpoints.every(({ weight }) => weight === endpoints[0].weight);
    this.keep = new Float64Array(length).fill(1);
    this.alias = Uint32Array.from(endpoints.keys());
    if (!this.isEven) this.fillTable();
  }

  /** Index of an endpoint that is not barred and not at index `besides` (-1: none); -1: there is none. */
  draw(bars: number, tried: readonly E[], nowMs: number, random: () => number, besides: number): number {
    const { endpoints } = this;
    if (endpoints.length === 1) return besides === 0 || isBarred(endpoints[0], bars, tried, nowMs) ? -1 : 0;
    for (let draws = 0; draws < maxDraws; draws++) {
      const index = this.once(random, besides);
      if (index >= 0 && !isBarred(endpoints[index], bars, tried, nowMs)) return index;
    }
    // Each is kept over all before it with the chance that its weight gives it: reservoir sampling.
    let chosen = -1;
    let sum = 0;
    for (let index = 0; index < endpoints.length; index++) {
      if (index === besides || isBarred(endpoints[index], bars, tried, nowMs)) continue;
      sum += this.shares[index];
      if (random() * sum < this.shares[index]) chosen = index;
    }
    return chosen;
  }

  /** One draw; -1: it hit `besides`, or there is nothing to draw. */
  private once(random: () => number, besides: number): number {
    const { length } = this.endpoints;
    if (this.isEven) {
      const index = Math.floor(random() * (besides < 0 ? length : length - 1));
      if (besides >= 0 && index >= besides) return index + 1 < length ? index + 1 : -1;
      return index < length ? index : -1;
    }
    const spot = random() * length;
    const slot = Math.floor(spot);
    const index = spot - slot < this.keep[slot] ? slot : this.alias[slot];
    return index === besides ? -1 : index;
  }

  /** Every slot of the table keeps a part of its own endpoint and gives the rest to one that is due more. */
  private fillTable(): void {
    const due = this.shares.slice();
    const small: number[] = [];
    const large: number[] = [];
    for (const [index, share] of due.entries()) (share < 1 ? small : large).push(index);
    for (let low = small.pop(), high = large.pop(); low !== undefined && high !== undefined; low = small.pop()) {
      this.keep[low] = due[low];
      this.alias[low] = high;
      due[high] -= 1 - due[low];
      if (due[high] < 1) {
        small.push(high);
        high = large.pop();
      }
    }
  }
}
