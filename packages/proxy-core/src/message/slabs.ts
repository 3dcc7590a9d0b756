/**
 * Buffers that live as long as an exchange, taken from free lists: a fresh one goes through the allocator of array buffers, which clears it and counts it for the
 * collector. A small one costs more than parsing a head does, a large one a tenth of what a body of 1 MB costs.
 */
interface Size {
  readonly bytes: number;
  /** Kept at most; the rest goes to the garbage collector after a burst. */
  readonly maxFree: number;
}

/** Heads. */
const small: Size = { bytes: 4_096, maxFree: 1_024 };
/** What is held of request bodies, `maxReplayBytes` by default. */
const large: Size = { bytes: 65_536, maxFree: 64 };

export class Slabs {
  private readonly small: Uint8Array[] = [];
  private readonly large: Uint8Array[] = [];

  /** At least `bytes` long; what it holds is undefined. */
  take(bytes: number): Uint8Array {
    if (bytes <= small.bytes) return this.small.pop() ?? new Uint8Array(small.bytes);
    if (bytes <= large.bytes) return this.large.pop() ?? new Uint8Array(large.bytes);
    return new Uint8Array(bytes);
  }

  /** The caller keeps no reference. */
  give(slab: Uint8Array): void {
    if (slab.length === small.bytes && this.small.length < small.maxFree) this.small.push(slab);
    else if (slab.length === large.bytes && this.large.length < large.maxFree) this.large.push(slab);
  }
}
