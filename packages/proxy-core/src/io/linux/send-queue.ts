/** Bytes that a connection has still to send, copied into slabs that all connections of a thread share. */
import { addressOf, copy } from './sys/memory.js';

/** One slab is one TLS record at most (RFC 8446 section 5.1), and small enough that a thousand slow readers hold 16 MB. */
export const slabBytes = 16_384;
/** Slabs kept for the next connection in need; what is more is left to the garbage collector. */
const maxSpareSlabs = 64;

class Slab {
  readonly bytes: Uint8Array = new Uint8Array(new ArrayBuffer(slabBytes));
  readonly address: number = addressOf(this.bytes);
  start = 0;
  end = 0;
}

export class SlabPool {
  private readonly spare: Slab[] = [];

  take(): Slab {
    return this.spare.pop() ?? new Slab();
  }

  give(slab: Slab): void {
    slab.start = 0;
    slab.end = 0;
    if (this.spare.length < maxSpareSlabs) this.spare.push(slab);
  }
}

/** Of every queue that is empty: nothing is ever put in. */
const noSlabs: Slab[] = [];

/** First in, first out. Holds no slab while it is empty. */
export class SendQueue {
  /** Bytes held. */
  bytes = 0;
  private readonly pool: SlabPool;
  private slabs: Slab[] = noSlabs;

  constructor(pool: SlabPool) {
    this.pool = pool;
  }

  /** Slabs in use. */
  get pieces(): number {
    return this.slabs.length;
  }

  pieceAddress(index: number): number {
    const slab = this.slabs[index];
    return slab.address + slab.start;
  }

  pieceBytes(index: number): number {
    const slab = this.slabs[index];
    return slab.end - slab.start;
  }

  /** Bytes that fit behind the last ones in the same slab. */
  get room(): number {
    return this.slabs.length === 0 ? slabBytes : slabBytes - this.slabs[this.slabs.length - 1].end;
  }

  /** Copies `size` bytes of native memory. */
  append(address: number, size: number): void {
    this.bytes += size;
    let from = address;
    let left = size;
    while (left > 0) {
      let slab = this.slabs[this.slabs.length - 1];
      if (slab === undefined || slab.end === slabBytes) {
        slab = this.pool.take();
        if (this.slabs === noSlabs) this.slabs = [];
        this.slabs.push(slab);
      }
      const count = Math.min(left, slabBytes - slab.end);
      copy(slab.address + slab.end, from, count);
      slab.end += count;
      from += count;
      left -= count;
    }
  }

  /** Drops the first `size` bytes. */
  consume(size: number): void {
    this.bytes -= size;
    let left = size;
    let emptied = 0;
    while (left > 0) {
      const slab = this.slabs[emptied];
      const count = Math.min(left, slab.end - slab.start);
      slab.start += count;
      left -= count;
      if (slab.start < slab.end) break;
      this.pool.give(slab);
      emptied++;
    }
    if (emptied === this.slabs.length) this.slabs = noSlabs;
    else if (emptied > 0) this.slabs.splice(0, emptied);
  }

  clear(): void {
    for (const slab of this.slabs) this.pool.give(slab);
    this.slabs = noSlabs;
    this.bytes = 0;
  }
}
