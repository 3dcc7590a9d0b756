/** Request body bytes kept aside: while no place is there yet, and so that a request which never arrived can be sent again. */
import type { Place } from '../exchange.js';
import type { Slabs } from '../message/slabs.js';

const empty = new Uint8Array(0);

export class HeldBody {
  private bytes: Uint8Array = empty;
  private length = 0;
  /** Some bytes were not kept: what is held is not the whole body and cannot be replayed. */
  private lost = false;
  private readonly slabs: Slabs;

  constructor(slabs: Slabs) {
    this.slabs = slabs;
  }

  /** All bytes of the body so far are here. */
  get isWhole(): boolean {
    return !this.lost;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      const grown = this.slabs.take(Math.max(needed, 2 * this.bytes.length));
      grown.set(this.bytes.subarray(0, this.length));
      this.slabs.give(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(source.subarray(start, end), this.length);
    this.length = needed;
  }

  /** Appends while all of the body is here and no more than `maxBytes`; gives up where it becomes more. */
  keep(source: Uint8Array, start: number, end: number, maxBytes: number): void {
    if (this.lost) return;
    if (this.length + end - start > maxBytes) this.drop();
    else this.append(source, start, end);
  }

  /** Gives up: the body has become too large to keep. */
  private drop(): void {
    this.release();
    this.lost = true;
  }

  /** Nothing is held any more: the exchange is over. */
  release(): void {
    this.slabs.give(this.bytes);
    this.bytes = empty;
    this.length = 0;
  }

  /**
   * Sends all bytes, and keeps them where they are no more than `maxBytes`: what was read before there was a place may be more.
   * Returns false when the place holds too much: stop until it says to go on.
   */
  replay(place: Pick<Place, 'sendBody'>, maxBytes: number): boolean {
    if (this.length === 0) return true;
    const room = place.sendBody(this.bytes, 0, this.length);
    if (this.length > maxBytes) this.drop();
    return room;
  }
}
