import { createHash } from 'node:crypto';
import { randomSequence } from './arrivals.js';

/** How the length of a request's body is announced. */
export type BodyMode = 'length' | 'chunked';

/** Length of request bodies in bytes. With a range the lengths are spread evenly on a log scale: many small ones, few large ones. */
export interface BodySize {
  min: number;
  max: number;
}

/** Bodies begin at one of so many places of the same bytes, so that a body that went to the wrong request shows. */
const offsets = 4093;

/** The bodies of a run: the same id has the same body, neighbours have different ones. */
export class Payloads {
  readonly #bytes: Buffer;
  readonly #size: BodySize;

  constructor(size: BodySize) {
    this.#size = size;
    this.#bytes = Buffer.allocUnsafe(size.max + offsets);
    const random = randomSequence(20_251_124);
    for (let at = 0; at < this.#bytes.length; at++) this.#bytes[at] = random() * 256;
  }

  bytesOf(id: number): Buffer {
    const start = (id * 7) % offsets;
    return this.#bytes.subarray(start, start + this.#lengthOf(id));
  }

  sha256Of(id: number): string {
    return createHash('sha256').update(this.bytesOf(id)).digest('hex');
  }

  #lengthOf(id: number): number {
    const { min, max } = this.#size;
    if (min === max) return max;
    // The golden ratio's multiples fill [0, 1) evenly at any number of requests.
    const position = (id * 0.618033988749895) % 1;
    return Math.round(Math.exp(Math.log(min + 1) + position * (Math.log(max + 1) - Math.log(min + 1))) - 1);
  }
}

/** Lengths of the chunks in which request `id` sends its body, odd ones on purpose: 1 KiB to 64 KiB. */
export function chunkLength(id: number): number {
  return 1024 + ((id * 7919) % 64_512);
}
