import { createHash, type Hash } from 'node:crypto';
import type { MessageHead } from '../http/message-reader.js';
import type { LoadOptions } from './options.js';
import type { Payloads } from './payload.js';

/** Why an answer does not count. Each is counted under its name in the result. */
export type AnswerFault = 'status' | 'length' | 'hash' | 'wrong-id';

/** What all connections of a run hold an answer against. */
export interface Expectation {
  status: number;
  /** Length of every answer. */
  bytes: number | 'as-the-first' | 'any';
  verifyHash: boolean;
  /** Body of each request; undefined when requests have none. */
  payloads: Payloads | undefined;
  /** The server answers with the hash of what it got, somewhere in its text, not with the body. */
  answersHash: boolean;
}

export function expectationOf(options: LoadOptions, path: string, payloads: Payloads | undefined): Expectation {
  const { body } = options;
  const sameLength = body === undefined || body.size.min === body.size.max;
  return {
    status: options.expectStatus,
    bytes: options.expectBytes ?? (sameLength ? 'as-the-first' : 'any'),
    verifyHash: options.verifyHash,
    payloads,
    answersHash: path.split('?', 1)[0].endsWith('/hash'),
  };
}

/** Checks one answer after the other of one connection. */
export class AnswerCheck {
  bytes: number;
  readonly #expected: Expectation;
  #id: number;
  #fault: AnswerFault | undefined;
  #hash: Hash | undefined;
  #announcedHash: string;
  #text: string;

  constructor(expected: Expectation) {
    this.bytes = 0;
    this.#expected = expected;
    this.#id = 0;
    this.#fault = undefined;
    this.#hash = undefined;
    this.#announcedHash = '';
    this.#text = '';
  }

  /** An answer to request `id` is awaited. */
  begin(id: number): void {
    this.#id = id;
    this.bytes = 0;
    this.#fault = undefined;
    this.#announcedHash = '';
    this.#text = '';
    this.#hash = this.#expected.verifyHash ? createHash('sha256') : undefined;
  }

  head(head: MessageHead): void {
    if (head.status !== this.#expected.status) this.#fault = 'status';
    // Only a server that echoes the id is held to it; with others the body says whose answer it is, as neighbours differ.
    else if (head.id !== '' && head.id !== String(this.#id)) this.#fault = 'wrong-id';
    this.#announcedHash = head.sha256;
  }

  body(bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    if (this.#hash === undefined) return;
    const piece = bytes.subarray(start, end);
    if (this.#expected.answersHash) this.#text += piece.toString('latin1');
    else this.#hash.update(piece);
  }

  /** The answer is complete. */
  end(): AnswerFault | undefined {
    return this.#fault ?? this.#lengthFault() ?? this.#hashFault();
  }

  #lengthFault(): AnswerFault | undefined {
    const expected = this.#expected;
    if (expected.verifyHash && expected.payloads !== undefined) {
      if (expected.answersHash) return undefined;
      return this.bytes === expected.payloads.bytesOf(this.#id).length ? undefined : 'length';
    }
    if (expected.bytes === 'as-the-first') expected.bytes = this.bytes;
    return expected.bytes === 'any' || this.bytes === expected.bytes ? undefined : 'length';
  }

  #hashFault(): AnswerFault | undefined {
    const { payloads, answersHash } = this.#expected;
    if (this.#hash === undefined) return undefined;
    const actual = answersHash ? /[0-9a-f]{64}/.exec(this.#text)?.[0] : this.#hash.digest('hex');
    const wanted = payloads === undefined ? this.#announcedHash : payloads.sha256Of(this.#id);
    return actual === wanted ? undefined : 'hash';
  }
}
