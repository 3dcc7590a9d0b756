/**
 * Counters, gauges and histograms of one data thread in shared memory. Counting is one addition to a typed array; a scrape reads the array from another thread and
 * costs the data thread nothing. Every series is defined once, by name and labels, and the definition is told to whoever renders.
 */

export type SeriesKind = 'counter' | 'gauge' | 'histogram';

export interface SeriesDefinition {
  /** Prometheus name; base units (seconds, bytes). */
  readonly name: string;
  readonly kind: SeriesKind;
  readonly help: string;
  readonly labels: Readonly<Record<string, string>>;
  /** First slot in the shared array. A histogram has one slot a bucket, one for `+Inf`, one for the sum. */
  readonly slot: number;
}

/** Upper bounds in seconds: half-decades from 100 µs to 10 s, where a mesh's latencies lie. */
export const latencyBuckets: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/**
 * Slots a thread has: 512 KiB, room for some thousand series. At the edge new label sets share one series whose labels are all `other`
 * but the direction, so a peer that invents names cannot make the memory grow.
 */
export const registrySlots = 65_536;

/** Kept for the shared series themselves. */
const spareSlots = 64 * (latencyBuckets.length + 2);

export class Registry {
  readonly memory: SharedArrayBuffer;
  private readonly values: Float64Array;
  private readonly defined: (definition: SeriesDefinition) => void;
  private readonly slots: Map<string, number> = new Map();
  private next = 0;

  constructor(defined: (definition: SeriesDefinition) => void, slots: number = registrySlots) {
    this.memory = new SharedArrayBuffer(8 * slots);
    this.values = new Float64Array(this.memory);
    this.defined = defined;
  }

  counter(name: string, help: string, labels: Record<string, string>): number {
    return this.define('counter', name, help, labels, 1);
  }

  gauge(name: string, help: string, labels: Record<string, string>): number {
    return this.define('gauge', name, help, labels, 1);
  }

  histogram(name: string, help: string, labels: Record<string, string>): number {
    return this.define('histogram', name, help, labels, latencyBuckets.length + 2);
  }

  add(slot: number, value: number): void {
    this.values[slot] += value;
  }

  /** So many new series of one slot each still get slots of their own. */
  hasRoomFor(series: number): boolean {
    // The last of them is asked for with all others there.
    return this.next + series - 1 + spareSlots <= this.values.length;
  }

  /** `count` slots from `slot` on, for whoever keeps its numbers there. */
  view(slot: number, count: number): Float64Array {
    return new Float64Array(this.memory, 8 * slot, count);
  }

  /** For gauges. */
  set(slot: number, value: number): void {
    this.values[slot] = value;
  }

  /** Records a duration in seconds. */
  observe(slot: number, seconds: number): void {
    let bucket = 0;
    while (bucket < latencyBuckets.length && seconds > latencyBuckets[bucket]) bucket++;
    this.values[slot + bucket] += 1;
    this.values[slot + latencyBuckets.length + 1] += seconds;
  }

  private define(kind: SeriesKind, name: string, help: string, labels: Record<string, string>, size: number): number {
    const key = `${name} ${JSON.stringify(labels)}`;
    const existing = this.slots.get(key);
    if (existing !== undefined) return existing;
    const isFull = !this.hasRoomFor(1);
    const isOther = Object.entries(labels).every(([label, value]) => label === 'direction' || value === 'other');
    if (isFull && !isOther) {
      const other = Object.fromEntries(
        Object.entries(labels).map(([label, value]) => [label, label === 'direction' ? value : 'other']),
      );
      const shared = this.define(kind, name, help, other, size);
      return shared;
    }
    const slot = this.next;
    this.next += size;
    this.slots.set(key, slot);
    this.defined({ name, kind, help, labels, slot });
    return slot;
  }
}
