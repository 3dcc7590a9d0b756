/** Bytes that a connection could not use yet: a head that is not whole, or requests behind one that is not answered. Exists only while there are some. */
import { CR, LF } from './tables.js';

const leastBytes = 1_024;

export class Carry {
  bytes: Uint8Array = new Uint8Array(leastBytes);
  length = 0;

  /** No more than the empty line that may come before a request (RFC 9112 section 2.2). */
  get isEmptyLine(): boolean {
    return this.length <= 2 && this.bytes[0] === CR && (this.length === 1 || this.bytes[1] === LF);
  }

  /** Puts what arrived behind what is kept. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      const grown = new Uint8Array(2 * length);
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }

  /** Keeps the part from `start` on. */
  dropTo(start: number): void {
    this.bytes.copyWithin(0, start, this.length);
    this.length -= start;
  }
}

/** What to carry on with when `bytes[at, end)` could not be used; `bytes` may be the carried ones. undefined: nothing is left. */
export function keepRest(carry: Carry | undefined, bytes: Uint8Array, at: number, end: number): Carry | undefined {
  if (at === end) return undefined;
  if (carry?.bytes === bytes) {
    if (at > 0) carry.dropTo(at);
    return carry;
  }
  const fresh = new Carry();
  fresh.append(bytes, at, end);
  return fresh;
}
