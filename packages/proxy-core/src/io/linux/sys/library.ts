/**
 * The one place that loads native code. `load(null)` gives the symbols of the running program: those of its C library (glibc or musl) and of the OpenSSL
 * that node is linked with.
 *
 * Pointers are declared as `intptr_t`. koffi hands integers below 2^53 over as numbers, and user-space addresses end at 2^48 (2^52 on arm64), so a pointer is
 * a number here: no BigInt is made per call, and a call with four numbers costs 0.03 µs against 0.05 with a Buffer and 0.08 with a `subarray`.
 */
import koffi from 'koffi';

const program = koffi.load(null);

/** Declares one C function of the running program. Throws when the program has no such symbol. */
export function native<Signature>(definition: string): Signature {
  return program.func(definition) as Signature;
}

/** errno of this thread. Right after the failed call, before anything else runs. */
export const lastErrno: () => number = () => koffi.errno();

/** The types of a C callback's result and arguments. */
export function callbackType(result: string, parameters: readonly string[]): CallbackType {
  return koffi.pointer(koffi.proto(result, [...parameters]));
}

export type CallbackType = ReturnType<typeof koffi.pointer>;

export interface NativeCallback {
  readonly address: number;
  readonly handle: bigint;
}

/** A function that C may call, on this thread and only while one of our own calls runs. It must not throw. Give it back with `releaseCallback`. */
export function nativeCallback(type: CallbackType, body: (...values: number[]) => number): NativeCallback {
  const handle = koffi.register(body, type);
  return { address: Number(koffi.address(handle)), handle };
}

export function releaseCallback(callback: NativeCallback): void {
  koffi.unregister(callback.handle);
}
