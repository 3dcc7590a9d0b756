/**
 * Power of two choices over peak-EWMA (Mitzenmacher 2001; as Finagle and linkerd have it): of two endpoints drawn by weight, the one at which a request may expect to
 * wait less. An endpoint's weight also divides what is under way there, so that one with three times the weight gets its three times under load too.
 */
import { decayMs, type Load } from './load.js';
import type { Picker } from './picker.js';
import { WeightedDraw } from './weighted-draw.js';

/** An endpoint never measured counts as this fast, so that it is tried soon but not flooded. */
const initialLatencyMs = 1;

export class TwoChoices<E extends Load> implements Picker<E> {
  private readonly from: WeightedDraw<E>;

  constructor(endpoints: readonly E[]) {
    this.from = new WeightedDraw(endpoints);
  }

  pick(bars: number, tried: readonly E[], nowMs: number, random: () => number): E | undefined {
    const { endpoints } = this.from;
    const first = this.from.draw(bars, tried, nowMs, random, -1);
    if (first < 0) return undefined;
    const second = this.from.draw(bars, tried, nowMs, random, first);
    if (second < 0) return endpoints[first];
    // Of equals the first drawn, which is drawn by weight alone.
    return endpoints[this.isQuicker(second, first, nowMs) ? second : first];
  }

  /**
   * Whether a request may expect to wait less at the one than at the other: latency × (active / share + 1). In one piece: what a function hands back with a fraction, the
   * engine may put on the heap.
   */
  private isQuicker(one: number, other: number, nowMs: number): boolean {
    const { endpoints, shares } = this.from;
    const a = endpoints[one];
    const b = endpoints[other];
    const latencyA = a.measuredMs === 0 ? initialLatencyMs : a.latencyMs * 2 ** ((a.measuredMs - nowMs) / decayMs);
    const latencyB = b.measuredMs === 0 ? initialLatencyMs : b.latencyMs * 2 ** ((b.measuredMs - nowMs) / decayMs);
    return (latencyA + 0.01) * (a.active / shares[one] + 1) < (latencyB + 0.01) * (b.active / shares[other] + 1);
  }
}
