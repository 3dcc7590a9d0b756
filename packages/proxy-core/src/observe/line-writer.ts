/**
 * Writes log lines into one buffer by hand: a line is text that the proxy knows, numbers, and bytes that peers sent, which are escaped so that a line stays a line.
 * Many lines leave in one write.
 *
 * A line is some 500 bytes, and text that is turned into bytes character by character costs more than everything else that happens to a request outside the kernel:
 * hence phrases, which are bytes already, and a memory of the names that come again.
 */
import { formatAddress, type SocketAddress } from '../address.js';
import { writeDecimal, writeDigits } from '../message/decimal.js';
import { copyAll, fromLatin1 } from '../message/head.js';

const hex = '0123456789abcdef';
const quote = 34;
const backslash = 92;

/** Bytes that one value takes in a line, escapes included; what is longer ends in `...`. */
const maxValueBytes = 4_096;
/** A line is at most this long: it has eleven such values at most, and the rest is names and numbers. */
const reserveBytes = 49_152;
/** Names whose escaped bytes are remembered: routes, clusters, policies and peers of a busy proxy. At the edge: all are forgotten, and learnt anew. */
const maxRemembered = 1_024;
/** Longer ones are not remembered, so that the memory is bounded in bytes too. */
const maxRememberedLength = 512;

/** 1: may stand in a JSON string as it is. */
const plain = new Uint8Array(256);
for (let byte = 32; byte < 127; byte++) plain[byte] = byte === quote || byte === backslash ? 0 : 1;

/** ASCII text of the proxy's own, as bytes. */
export const phrase: (text: string) => Uint8Array = fromLatin1;

export class LineWriter {
  private readonly bytes: Uint8Array;
  private length = 0;
  private readonly addresses: Map<SocketAddress, Uint8Array> = new Map();
  private readonly names: Map<string, Uint8Array> = new Map();
  /** RFC 3339 up to the seconds' point, of second `timeSecond`. */
  private readonly time: Uint8Array = new Uint8Array(20);
  private timeSecond = Number.NaN;

  constructor(capacity: number = 2 * reserveBytes) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Whether the next line might not fit: flush first. */
  get isFull(): boolean {
    return this.length + reserveBytes > this.bytes.length;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** What was written since the last `reset`; valid until the next write. */
  take(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  reset(): void {
    this.length = 0;
  }

  /** Where the next byte goes. */
  get at(): number {
    return this.length;
  }

  /** A copy of what was written from `start` on. */
  since(start: number): Uint8Array {
    return this.bytes.slice(start, this.length);
  }

  /** Bytes as they are. */
  phrase(source: Uint8Array): this {
    this.length = copyAll(source, this.bytes, this.length);
    return this;
  }

  /** ASCII text of the proxy's own, as it is. */
  raw(text: string): this {
    const { bytes, length } = this;
    const size = text.length;
    for (let i = 0; i < size; i++) bytes[length + i] = text.charCodeAt(i);
    this.length = length + size;
    return this;
  }

  /** As `formatAddress`. Remembered by the object, which lives as long as its connection or endpoint. */
  address(address: SocketAddress): this {
    const known = this.addresses.get(address);
    if (known !== undefined) return this.phrase(known);
    const bytes = fromLatin1(formatAddress(address));
    if (this.addresses.size >= maxRemembered) this.addresses.clear();
    this.addresses.set(address, bytes);
    return this.phrase(bytes);
  }

  /** A whole number of 0 to 2^53 - 1. */
  number(value: number): this {
    this.length = writeDecimal(value, this.bytes, this.length);
    return this;
  }

  /** RFC 3339 in UTC with microseconds; `wallMs`: since 1970, with a fraction. */
  timestamp(wallMs: number): this {
    const micros = Math.floor(wallMs * 1000);
    const second = Math.floor(micros / 1_000_000);
    if (second !== this.timeSecond) {
      this.timeSecond = second;
      this.time.set(fromLatin1(new Date(second * 1000).toISOString().slice(0, 20)));
    }
    this.phrase(this.time);
    this.length = writeDigits(micros - second * 1_000_000, 6, this.bytes, this.length);
    this.bytes[this.length++] = 90;
    return this;
  }

  /** The inside of a JSON string from Latin-1 bytes: printable ASCII as it is, everything else as an escape. */
  json(source: Uint8Array, start: number, end: number): this {
    const { bytes } = this;
    const first = this.length;
    const plainEnd = Math.min(end, start + maxValueBytes);
    let at = start;
    let to = first;
    while (at < plainEnd && plain[source[at]] === 1) bytes[to++] = source[at++];
    this.length = to;
    if (at < end) this.jsonSlowly(source, at, end, first + maxValueBytes);
    return this;
  }

  /** The inside of a JSON string from a name that will come again. */
  jsonText(text: string): this {
    if (text === '') return this;
    const known = this.names.get(text);
    if (known !== undefined) return this.phrase(known);
    const start = this.length;
    this.jsonOnce(text);
    if (text.length <= maxRememberedLength) {
      if (this.names.size >= maxRemembered) this.names.clear();
      this.names.set(text, this.bytes.slice(start, this.length));
    }
    return this;
  }

  /** The inside of a JSON string from text that is hardly the same twice. */
  jsonOnce(text: string): this {
    const full = this.length + maxValueBytes;
    let at = 0;
    while (at < text.length && this.length < full) {
      const code = text.charCodeAt(at++);
      if (code < 256) this.jsonByte(code);
      else this.raw(`\\u${code.toString(16).padStart(4, '0')}`);
    }
    if (at < text.length) this.raw('...');
    return this;
  }

  private jsonSlowly(source: Uint8Array, start: number, end: number, full: number): void {
    let at = start;
    while (at < end && this.length < full) this.jsonByte(source[at++]);
    if (at < end) this.raw('...');
  }

  private jsonByte(byte: number): void {
    const { bytes } = this;
    if (plain[byte] === 1) {
      bytes[this.length++] = byte;
    } else if (byte === quote || byte === backslash) {
      bytes[this.length++] = backslash;
      bytes[this.length++] = byte;
    } else {
      this.raw('\\u00');
      bytes[this.length++] = hex.charCodeAt(byte >> 4);
      bytes[this.length++] = hex.charCodeAt(byte & 15);
    }
  }
}
