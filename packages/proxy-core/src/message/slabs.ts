/**
 * Small buffers that live as long as an exchange, taken from a free list: a fresh one per request would go through the allocator of array buffers, which
 * costs more than parsing a head does.
 */
const slabBytes = 4_096;
/** Kept at most; the rest goes to the garbage collector after a burst. */
const maxFree = 1_024;

export class Slabs {
  private readonly free: Uint8Array[] = [];

  /** At least `bytes` long; what it holds is undefined. */
  take(bytes: number): Uint8Array {
    if (bytes > slabBytes) return new Uint8Array(bytes);
    return this.free.pop() ?? new Uint8Array(slabBytes);
  }

  /** The caller keeps no reference. */
  give(slab: Uint8Array): void {
    if (slab.length === slabBytes && this.free.length < maxFree) this.free.push(slab);
  }
}
