/**
 * Consistent hashing on a ring (Karger 1997; Envoy's RING_HASH): every endpoint has points on it by its weight, and a key belongs to the first point at or behind
 * its hash. An endpoint that comes or goes moves its own share of the keys and no others.
 */
import { hashText, noHash } from '../message/hash.js';
import type { Load } from './load.js';
import { anyFree, isBarred, type Picker } from './picker.js';

export class RingHash<E extends Load> implements Picker<E> {
  private readonly endpoints: readonly E[];
  /** Hashes in order, and whose each is. */
  private readonly points: Uint32Array;
  private readonly owners: Uint32Array;

  /** @param minSize and maxSize bounds of the number of points; each endpoint has one at least. */
  constructor(endpoints: readonly E[], minSize: number, maxSize: number) {
    const counts = pointCounts(endpoints, minSize, maxSize);
    const size = counts.reduce((sum, count) => sum + count, 0);
    // Sorted as one number each: the hash above, the owner in the lower 21 bits.
    const packed = new Float64Array(size);
    let at = 0;
    for (const [owner, { key }] of endpoints.entries()) {
      for (let i = 0; i < counts[owner]; i++) packed[at++] = hashText(`${key}_${i}`) * ownerRange + owner;
    }
    packed.sort();
    this.endpoints = endpoints;
    this.points = Uint32Array.from(packed, (value) => Math.floor(value / ownerRange));
    this.owners = Uint32Array.from(packed, (value) => value % ownerRange);
  }

  pick(bars: number, tried: readonly E[], nowMs: number, random: () => number, hash: number): E | undefined {
    const { endpoints, owners } = this;
    const { length } = owners;
    if (length === 0) return undefined;
    const start = this.firstPoint(hash === noHash ? random() * 0x1_0000_0000 : hash);
    const owner = endpoints[owners[start]];
    if (!isBarred(owner, bars, tried, nowMs)) return owner;
    if (!anyFree(endpoints, bars, tried, nowMs)) return undefined;
    for (let i = start + 1; ; i++) {
      const next = endpoints[owners[i % length]];
      if (!isBarred(next, bars, tried, nowMs)) return next;
    }
  }

  private firstPoint(hash: number): number {
    const { points } = this;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle] < hash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}

/** More than the endpoints of any cluster. */
const ownerRange = 2 ** 21;

/**
 * Of an endpoint with the least weight (or the largest weight of which all are multiples). A number that does not depend on how many endpoints there are: with a ring of
 * constant size every endpoint would get more points when one goes, and twice as many keys would move.
 */
const pointsOfUnit = 512;

function pointCounts(endpoints: readonly Load[], minSize: number, maxSize: number): number[] {
  const unit = endpoints.reduce((sofar, { weight }) => commonDivisor(sofar, weight), 0);
  const total = endpoints.reduce((sum, { weight }) => sum + (weight / unit) * pointsOfUnit, 0);
  const scale = total < minSize ? Math.ceil(minSize / total) : Math.min(1, maxSize / total);
  return endpoints.map(({ weight }) => Math.max(1, Math.floor((weight / unit) * pointsOfUnit * scale)));
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
