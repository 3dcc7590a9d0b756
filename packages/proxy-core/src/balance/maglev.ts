/**
 * Consistent hashing by a lookup table (Maglev, Eisenbud 2016, section 3.4): every endpoint fills slots in an order of its own, by turns and by weight. More even than a
 * ring and quicker to look up; an endpoint that goes moves its own share of the keys and a few others.
 */
import { hashText, nextHash, noHash } from '../message/hash.js';
import type { Load } from './load.js';
import { anyFree, isBarred, type Picker } from './picker.js';

export class Maglev<E extends Load> implements Picker<E> {
  private readonly endpoints: readonly E[];
  /** Whose each slot is. */
  private readonly slots: Uint32Array;

  /** @param size of the table: a prime, at least as many as there are endpoints. */
  constructor(endpoints: readonly E[], size: number) {
    // The order in which they came is no reason for another table.
    this.endpoints = [...endpoints].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.slots = filledSlots(this.endpoints, size);
  }

  pick(bars: number, tried: readonly E[], nowMs: number, random: () => number, hash: number): E | undefined {
    const { endpoints, slots } = this;
    const { length } = slots;
    if (length === 0) return undefined;
    const key = hash === noHash ? Math.floor(random() * 0x1_0000_0000) : hash;
    const start = key % length;
    const owner = endpoints[slots[start]];
    if (!isBarred(owner, bars, tried, nowMs)) return owner;
    if (!anyFree(endpoints, bars, tried, nowMs)) return undefined;
    // Other slots at random: what one endpoint cannot take is spread over all others by their weights.
    for (let turn = 1; turn <= maxTurns; turn++) {
      const next = endpoints[slots[nextHash(key, turn) % length]];
      if (!isBarred(next, bars, tried, nowMs)) return next;
    }
    for (let i = start + 1; i < start + length; i++) {
      const next = endpoints[slots[i % length]];
      if (!isBarred(next, bars, tried, nowMs)) return next;
    }
    // In a table too small for all, whoever is free may have no slot: once round is enough.
    return undefined;
  }
}

/** So many slots are tried; where nearly all endpoints are barred, the table is walked through then. */
const maxTurns = 16;
const nobody = 0xffff_ffff;

function filledSlots(endpoints: readonly Load[], size: number): Uint32Array {
  if (endpoints.length === 0) return new Uint32Array(0);
  const slots = new Uint32Array(size).fill(nobody);
  const most = endpoints.reduce((max, { weight }) => Math.max(max, weight), 0);
  const places = endpoints.map(({ key }) => hashText(key) % size);
  const steps = endpoints.map(({ key }) => (hashText(key, 1) % (size - 1)) + 1);
  const taken = new Float64Array(endpoints.length);
  let left = size;
  for (let round = 1; left > 0; round++) {
    for (const [index, { weight }] of endpoints.entries()) {
      // One of half the largest weight takes a slot in every second round.
      if (left === 0 || taken[index] * most >= round * weight) continue;
      while (slots[places[index]] !== nobody) places[index] = (places[index] + steps[index]) % size;
      slots[places[index]] = index;
      taken[index]++;
      left--;
    }
  }
  return slots;
}
