/**
 * The framing of a chunked body (RFC 9112 section 7.1), without its payload and without its trailer section: a byte-wise machine that needs no carry.
 *
 *     size ─▶ digits ─▶ (extensions ─▶) size-lf ─▶ data ─▶ data-cr ─▶ data-lf ─▶ size
 *                                           └── size 0 ──▶ trailers
 *
 *     extensions: `;` ─▶ name ─▶ `=` ─▶ value ─────────────┐
 *                  ▲      │       └──▶ `"` quoted `"` ─▶ end ┤
 *                  └──────┴─────────────────────────────────┴─▶ CR
 *
 * Extensions are read by their grammar though none is kept: a line end inside quotes, or one that another reader sees where this one does not, moves the first byte
 * of the chunk, and with it that of the next request.
 */
import type { Limits } from '../../limits.js';
import { CR, hexValues, LF, nameBytes, valueBytes } from './tables.js';

const SIZE = 0;
const DIGITS = 1;
/** Behind `;`, within a name, behind `=`, within a token, within quotes, behind a backslash in quotes, behind the closing quote. */
const EXTENSION = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE = 4;
const EXTENSION_TOKEN = 5;
const QUOTED = 6;
const ESCAPED = 7;
const UNQUOTED = 8;
const SIZE_LF = 9;
const DATA = 10;
const DATA_CR = 11;
const DATA_LF = 12;
const TRAILERS = 13;

const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

/** 2^53 - 1 has 14 hexadecimal digits; a few leading zeros pass, a line of them does not. */
const maxSizeDigits = 16;
/** Chunk line bytes that count as no overhead: a size and two line ends. */
const freeLineBytes = 16;

export class ChunkedFraming {
  private readonly limits: Limits;
  private phase = SIZE;
  private size = 0;
  private lineBytes = 0;
  private extensionBytes = 0;
  private overhead = 0;
  /** Payload bytes of the current chunk not passed yet; the owner takes them off as it passes them. */
  remaining = 0;
  /** Why the framing is malformed, '' while it is not. */
  refusal = '';

  constructor(limits: Limits) {
    this.limits = limits;
  }

  begin(): void {
    this.phase = SIZE;
    this.size = 0;
    this.lineBytes = 0;
    this.extensionBytes = 0;
    this.overhead = 0;
    this.remaining = 0;
    this.refusal = '';
  }

  /** The last chunk was read; the trailer section follows. */
  get atTrailers(): boolean {
    return this.phase === TRAILERS;
  }

  /** Reads framing up to payload (`remaining` above 0), the trailer section, a refusal or `end`; returns the offset behind what it read. Only with `remaining` 0. */
  frame(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    while (i < end && this.phase !== TRAILERS) {
      if (this.phase === DATA) this.phase = DATA_CR;
      const byte = bytes[i++];
      switch (this.phase) {
        case SIZE:
        case DIGITS:
          this.digit(byte);
          break;
        case SIZE_LF:
          this.sizeEnd(byte);
          break;
        case DATA_CR:
          if (byte !== CR) this.refusal = 'a chunk longer than its size';
          this.phase = DATA_LF;
          break;
        case DATA_LF:
          if (byte !== LF) this.refusal = 'a CR that no LF follows';
          this.phase = SIZE;
          break;
        default:
          this.extension(byte);
          break;
      }
      if (this.remaining > 0 || this.refusal !== '') return i;
    }
    return i;
  }

  private digit(byte: number): void {
    const value = hexValues[byte];
    if (value !== 255) {
      if (this.size > (Number.MAX_SAFE_INTEGER - value) / 16) this.refusal = 'a chunk size above 2^53 - 1';
      if (++this.lineBytes > maxSizeDigits) this.refusal = 'a chunk size with too many digits';
      this.size = this.size * 16 + value;
      this.phase = DIGITS;
    } else if (this.phase === SIZE) {
      this.refusal = 'a chunk size that is not a hexadecimal number';
    } else if (byte === CR) {
      this.phase = SIZE_LF;
    } else if (byte === SEMICOLON) {
      this.phase = EXTENSION;
      this.extensionBytes = 1;
    } else {
      this.refusal = 'a chunk size that is not a hexadecimal number';
    }
  }

  /** `chunk-ext = *( ";" name [ "=" ( token / quoted-string ) ] )`, without the white space that RFC 9112 section 7.1.1 calls bad. */
  private extension(byte: number): void {
    const { phase } = this;
    const isToken = nameBytes[byte] !== 0;
    if (byte === CR) {
      if (phase === EXTENSION) this.refusal = 'a chunk extension without a name';
      else if (phase === QUOTED || phase === ESCAPED) this.refusal = 'a quoted chunk extension that does not end';
      else if (phase === EXTENSION_VALUE) this.refusal = 'a chunk extension without a value';
      this.phase = SIZE_LF;
      return;
    }
    if (valueBytes[byte] === 0)
      this.refusal = byte === LF ? 'a chunk line that ends with a bare LF' : 'a control byte in a chunk extension';
    else if (phase === QUOTED) this.phase = byte === QUOTE ? UNQUOTED : byte === BACKSLASH ? ESCAPED : QUOTED;
    else if (phase === ESCAPED) this.phase = QUOTED;
    else if (phase === EXTENSION && isToken) this.phase = EXTENSION_NAME;
    else if (phase === EXTENSION) this.refusal = 'a chunk extension without a name';
    else if (phase === EXTENSION_VALUE && byte === QUOTE) this.phase = QUOTED;
    else if (phase === EXTENSION_VALUE && isToken) this.phase = EXTENSION_TOKEN;
    else if (phase === EXTENSION_VALUE) this.refusal = 'a chunk extension without a value';
    else if (byte === SEMICOLON) this.phase = EXTENSION;
    else if (byte === EQUALS && phase === EXTENSION_NAME) this.phase = EXTENSION_VALUE;
    else if (!isToken || phase === UNQUOTED) this.refusal = 'a byte in a chunk extension that may not be there';
    if (++this.extensionBytes > this.limits.maxChunkExtensionBytes && this.refusal === '')
      this.refusal = `more than ${this.limits.maxChunkExtensionBytes} bytes of chunk extension`;
  }

  private sizeEnd(byte: number): void {
    if (byte !== LF) {
      this.refusal = 'a CR that no LF follows';
      return;
    }
    const line = this.lineBytes + this.extensionBytes + 4;
    this.overhead = Math.max(0, this.overhead + line - freeLineBytes - 2 * this.size);
    if (this.overhead > this.limits.maxChunkOverheadBytes) this.refusal = 'more chunk framing than payload';
    this.remaining = this.size;
    this.phase = this.size === 0 ? TRAILERS : DATA;
    this.size = 0;
    this.lineBytes = 0;
    this.extensionBytes = 0;
  }
}
