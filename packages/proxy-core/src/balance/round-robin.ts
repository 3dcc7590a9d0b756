/**
 * Turn by turn, each as often as its weight says, evenly spread: static strides (gRFC A58). The endpoints are gone through in rounds; one with half of the largest weight
 * is passed over in every second round. All that changes is a count.
 */
import type { Load } from './load.js';
import { isBarred, type Picker } from './picker.js';
import { WeightedDraw } from './weighted-draw.js';

/** The largest weight is scaled to this; finer differences do not count. */
const fullStride = 65_535;
/** Shifts the rounds that an endpoint is passed over in, so that not all with the same weight are passed over in the same round. */
const shift = 32_767;

export class RoundRobin<E extends Load> implements Picker<E> {
  private readonly from: WeightedDraw<E>;
  private readonly strides: Float64Array;
  /** Steps so far; below 0: none. Proxies that start together must not all begin with the same endpoint. */
  private step = -1;

  constructor(endpoints: readonly E[]) {
    const most = endpoints.reduce((max, { weight }) => Math.max(max, weight), 1);
    this.from = new WeightedDraw(endpoints);
    this.strides = Float64Array.from(endpoints, ({ weight }) => Math.max(1, Math.round((weight * fullStride) / most)));
  }

  pick(bars: number, tried: readonly E[], nowMs: number, random: () => number): E | undefined {
    const { endpoints } = this.from;
    const { length } = endpoints;
    if (this.step < 0) this.step = Math.floor(random() * length);
    // Two rounds: every endpoint with at least half of the largest weight has had its turn.
    for (let steps = 0; steps < 2 * length; steps++) {
      const index = this.step % length;
      const round = Math.floor(this.step / length) % fullStride;
      this.step++;
      const stride = this.strides[index];
      if ((stride * round + index * shift) % fullStride < fullStride - stride) continue;
      if (!isBarred(endpoints[index], bars, tried, nowMs)) return endpoints[index];
    }
    // Only endpoints with little weight are left, whose turn may be many rounds away.
    const drawn = this.from.draw(bars, tried, nowMs, random, -1);
    return endpoints[drawn];
  }
}
