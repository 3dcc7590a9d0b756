import { createRequire } from 'node:module';

/**
 * The libc calls of this folder. Each returns a number as in C: -1 is failure, and `errno` must be read right after.
 * Buffers are only read or written during the call.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  send(fd: number, data: Uint8Array, length: number, flags: number): number;
  /** `address` is filled with the sender's; `addressLength` holds its size before and its length after the call. */
  recvfrom(
    fd: number,
    data: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: Uint8Array,
  ): number;
  close(fd: number): number;
  errno(): number;
}

let loaded: Libc | undefined;

/**
 * Loads koffi at the first use, so that importing the package, or rendering, needs no native code.
 * The calls are looked up in the running program, which has its libc loaded: glibc and musl alike.
 */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const program = koffi.load(null);
  return {
    socket: program.func('int socket(int, int, int)') as Libc['socket'],
    bind: program.func('int bind(int, void *, uint32_t)') as Libc['bind'],
    setsockopt: program.func('int setsockopt(int, int, int, void *, uint32_t)') as Libc['setsockopt'],
    // Returned as ssize_t, which koffi knows as intptr_t; datagrams here stay far below 2^53.
    send: program.func('intptr_t send(int, void *, size_t, int)') as Libc['send'],
    recvfrom: program.func('intptr_t recvfrom(int, void *, size_t, int, void *, void *)') as Libc['recvfrom'],
    close: program.func('int close(int)') as Libc['close'],
    errno: () => koffi.errno(),
  };
}
