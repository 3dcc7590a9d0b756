import { createHash, type Hash } from 'node:crypto';
import { fixedBody } from '../server/answers.js';

/*
 * Reads answers that are all the same, as fast as that allows: a head that was read once is recognised by its bytes. Status and length of every answer are
 * checked, the content of a sample by hash.
 */

/** What is wrong with an answer; empty: nothing. */
export type AnswerVerdict = 'more' | 'complete' | 'complete-closing' | 'status' | 'length' | 'hash' | 'bad-response';

/** One answer in so many of a connection is hashed. */
const sampleEvery = 64;
/** A head this long is none of ours. */
const maxHead = 16 * 1024;

/** A head as it was read: its bytes and what follows from them. Shared by all connections of a run. */
export class HeadCache {
  bytes: Buffer;
  length: number;
  closes: boolean;

  constructor() {
    this.bytes = Buffer.alloc(maxHead);
    this.length = 0;
    this.closes = false;
  }
}

/** What every answer is held against. */
export interface FixedExpectation {
  bodyBytes: number;
  sha256: string;
}

export function expectationOf(bodyBytes: number): FixedExpectation {
  return { bodyBytes, sha256: createHash('sha256').update(fixedBody(bodyBytes)).digest('hex') };
}

export class FixedAnswerReader {
  readonly #expected: FixedExpectation;
  readonly #cache: HeadCache;
  #answers: number;
  /** Body bytes of the current answer that are still to come; -1 while its head is not complete. */
  #left: number;
  #closes: boolean;
  /** Start of a head that came in pieces. */
  #pending: Buffer | undefined;
  #hash: Hash | undefined;

  constructor(expected: FixedExpectation, cache: HeadCache) {
    this.#expected = expected;
    this.#cache = cache;
    this.#answers = 0;
    this.#left = -1;
    this.#closes = false;
    this.#pending = undefined;
    this.#hash = undefined;
  }

  /** A new connection: nothing of the last one counts. */
  reset(): void {
    this.#left = -1;
    this.#pending = undefined;
    this.#hash = undefined;
  }

  /** Bytes [0, length) of one connection came. */
  read(bytes: Buffer, length: number): AnswerVerdict {
    let at = 0;
    if (this.#left < 0) {
      const cache = this.#cache;
      if (this.#pending === undefined && cache.length > 0 && length >= cache.length && this.#isCached(bytes)) {
        at = cache.length;
        this.#left = this.#expected.bodyBytes;
        this.#closes = cache.closes;
      } else {
        return this.#readHead(bytes, length);
      }
    }
    return this.#readBody(bytes, at, length);
  }

  #isCached(bytes: Buffer): boolean {
    return this.#cache.bytes.compare(bytes, 0, this.#cache.length, 0, this.#cache.length) === 0;
  }

  #readHead(bytes: Buffer, length: number): AnswerVerdict {
    const piece = bytes.subarray(0, length);
    const all = this.#pending === undefined ? piece : Buffer.concat([this.#pending, piece]);
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) {
      if (all.length >= maxHead) return 'bad-response';
      this.#pending = Buffer.from(all);
      return 'more';
    }
    this.#pending = undefined;
    const head = all.toString('latin1', 0, end + 2);
    if (!/^HTTP\/1\.1 \d{3} /.test(head)) return 'bad-response';
    if (!head.startsWith('HTTP/1.1 200 ')) return 'status';
    const announced = /\r\ncontent-length: *(\d+)\r\n/i.exec(head);
    if (announced === null) return 'bad-response';
    if (Number(announced[1]) !== this.#expected.bodyBytes) return 'length';
    this.#closes = /\r\nconnection: *close\r\n/i.test(head);
    if (end + 4 < maxHead) {
      all.copy(this.#cache.bytes, 0, 0, end + 4);
      this.#cache.length = end + 4;
      this.#cache.closes = this.#closes;
    }
    this.#left = this.#expected.bodyBytes;
    return this.#readBody(all, end + 4, all.length);
  }

  #readBody(bytes: Buffer, start: number, end: number): AnswerVerdict {
    const came = end - start;
    if (this.#left === this.#expected.bodyBytes && this.#answers % sampleEvery === 0)
      this.#hash ??= createHash('sha256');
    if (came > this.#left) return 'bad-response';
    this.#hash?.update(bytes.subarray(start, end));
    this.#left -= came;
    if (this.#left > 0) return 'more';
    this.#answers += 1;
    this.#left = -1;
    if (this.#hash !== undefined) {
      const actual = this.#hash.digest('hex');
      this.#hash = undefined;
      if (actual !== this.#expected.sha256) return 'hash';
    }
    return this.#closes ? 'complete-closing' : 'complete';
  }
}
