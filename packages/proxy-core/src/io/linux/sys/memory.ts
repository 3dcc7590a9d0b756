/** Addresses of buffers, and memory that is not ours. */
import koffi from 'koffi';
import { native } from './library.js';

const memcpy: (to: number, from: number, length: number) => number = native(
  'intptr_t memcpy(intptr_t, intptr_t, size_t)',
);

/**
 * The address of the bytes of a typed array, good for as long as the array is referenced: the storage of an ArrayBuffer does not move. (One that was detached
 * or shrunk has a smaller length: check `end <= bytes.length` at each use.) The caller keeps a reference until the native call has returned.
 */
export function addressOf(bytes: Uint8Array): number {
  return Number(koffi.address(bytes));
}

/** Memory of a fixed address for arguments and results of calls. */
export interface Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
}

export function scratch(length: number): Scratch {
  const buffer = new ArrayBuffer(length);
  const bytes = new Uint8Array(buffer);
  return { bytes, view: new DataView(buffer), address: addressOf(bytes) };
}

/**
 * `addressOf` with a memory of the two arrays asked for last: what goes out is nearly always the receive buffer or the one that heads are written into.
 * It keeps those two alive, until `forget`.
 */
export class AddressCache {
  private first: Uint8Array | undefined = undefined;
  private firstAddress = 0;
  private second: Uint8Array | undefined = undefined;
  private secondAddress = 0;

  of(bytes: Uint8Array): number {
    if (bytes === this.first) return this.firstAddress;
    if (bytes === this.second) return this.secondAddress;
    const address = addressOf(bytes);
    this.second = this.first;
    this.secondAddress = this.firstAddress;
    this.first = bytes;
    this.firstAddress = address;
    return address;
  }

  forget(): void {
    this.first = undefined;
    this.second = undefined;
  }
}

/** Copies native memory that both sides of the call keep alive. */
export const copy: (to: number, from: number, length: number) => void = memcpy;

/** A copy of `length` bytes of foreign memory. */
export function copyFrom(address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length > 0) {
    memcpy(addressOf(bytes), address, length);
    // Read after the call: the array cannot have been collected during it.
    if (bytes.length !== length) throw new Error('unreachable: the copy changed its length');
  }
  return bytes;
}

const word = scratch(8);

/** Writes a pointer into foreign memory (both architectures are little-endian). */
export function storePointer(to: number, value: number): void {
  word.view.setBigUint64(0, BigInt(value), true);
  memcpy(to, word.address, 8);
}

export function storeByte(to: number, value: number): void {
  word.bytes[0] = value;
  memcpy(to, word.address, 1);
}
