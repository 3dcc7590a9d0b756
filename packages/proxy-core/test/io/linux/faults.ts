/** The engine over a C library that fails when it is told to. What is not told goes to the real one. */
import type { Test } from 'tap';
import type { LinuxIo, LinuxIoOptions } from '../../../src/io/linux/linux-io.js';
import { errno } from '../../../src/io/linux/sys/errno.js';
import * as library from '../../../src/io/linux/sys/library.js';
import { copy, scratch } from '../../../src/io/linux/sys/memory.js';

type Call = (...values: number[]) => number;

interface Fault {
  readonly errno: number;
  /** Calls that fail; then the real ones are done again. */
  times: number;
  readonly only: ((...values: number[]) => boolean) | undefined;
  /** The call is done and said to have failed. */
  readonly done: boolean;
}

export class Faults {
  private readonly faults = new Map<string, Fault>();
  private readonly counted = new Map<string, number>();
  private socketError = 0;
  /** errno of the last call, if that was one of ours. */
  private number: number | undefined;

  /** `only`: of the calls with these arguments. */
  fail(call: string, errno: number, { times = 1, only, done = false }: Partial<Omit<Fault, 'errno'>> = {}): void {
    this.faults.set(call, { errno, times, only, done });
  }

  /** What SO_ERROR tells next. */
  tellSocketError(errno: number): void {
    this.socketError = errno;
  }

  /** Calls made, failed ones included. */
  calls(call: string): number {
    return this.counted.get(call) ?? 0;
  }

  clear(): void {
    this.faults.clear();
    this.counted.clear();
    this.socketError = 0;
  }

  /** What takes the place of sys/library. */
  get library(): typeof library {
    return {
      ...library,
      lastErrno: () => this.number ?? library.lastErrno(),
      native: <Signature>(definition: string): Signature => {
        const name = /(\w+)\(/.exec(definition)?.[1] ?? '';
        return this.wrap(name, library.native(definition)) as Signature;
      },
    };
  }

  private wrap(name: string, real: Call): Call {
    return (...values) => {
      this.counted.set(name, this.calls(name) + 1);
      const fault = this.faults.get(name);
      if (fault !== undefined && fault.times > 0 && fault.only?.(...values) !== false) {
        fault.times--;
        if (fault.done) real(...values);
        this.number = fault.errno;
        // OpenSSL tells of its own calls by SSL_get_error.
        if (name.startsWith('SSL_')) this.fail('SSL_get_error', fault.errno);
        return name === 'SSL_get_error' ? sslErrorOf(fault.errno) : -1;
      }
      if (name === 'getsockopt' && values[2] === 4 && this.socketError !== 0) return this.writeSocketError(values[3]);
      const result = real(...values);
      this.number = undefined;
      return result;
    };
  }

  private writeSocketError(to: number): number {
    word.view.setInt32(0, this.socketError, true);
    copy(to, word.address, 4);
    this.socketError = 0;
    return 0;
  }
}

/** SSL_ERROR_WANT_READ for what OpenSSL takes for a call that would block (BIO_sock_non_fatal_error), else SSL_ERROR_SYSCALL. */
function sslErrorOf(number: number): number {
  return number === errno.EINTR ? 2 : 5;
}

const word = scratch(4);

export interface FaultyEngine {
  createIo(options?: LinuxIoOptions): LinuxIo;
  createWakeFd(): number;
  readonly faults: Faults;
}

/** An engine and the faults of its library; loaded anew, so that no other engine has them. */
export async function faultyEngine(t: Test): Promise<FaultyEngine> {
  const faults = new Faults();
  // By the names of the files: tap looks modules up before tsx does.
  const { createLinuxIo } = (await t.mockImport('../../../src/io/linux/linux-io.ts', {
    '../../../src/io/linux/sys/library.ts': faults.library,
  })) as typeof import('../../../src/io/linux/linux-io.js');
  const { createWakeFd } = (await t.mockImport('../../../src/io/linux/wake.ts', {
    '../../../src/io/linux/sys/library.ts': faults.library,
  })) as typeof import('../../../src/io/linux/wake.js');
  return { createIo: createLinuxIo, createWakeFd, faults };
}
