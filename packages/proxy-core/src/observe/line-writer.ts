/**
 * Writes log lines into one buffer by hand: a line is text that the proxy knows, numbers, and bytes that peers sent, which are escaped so that a line stays a line.
 * Many lines leave in one write.
 */
const hex = '0123456789abcdef';
const quote = 34;
const backslash = 92;

/** Bytes that one value takes in a line, escapes included; what is longer ends in `...`. */
const maxValueBytes = 4_096;
/** A line is at most this long: it has ten such values at most, and the rest is names and numbers. */
const reserveBytes = 49_152;

export class LineWriter {
  private readonly bytes: Uint8Array;
  private length = 0;

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

  /** ASCII text of the proxy's own, as it is. */
  raw(text: string): this {
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
    return this;
  }

  /** A whole number of 0 to 2^53 - 1. */
  number(value: number): this {
    return this.raw(String(value));
  }

  /** The inside of a JSON string from Latin-1 bytes: printable ASCII as it is, everything else as an escape. */
  json(source: Uint8Array, start: number, end: number): this {
    const full = this.length + maxValueBytes;
    let at = start;
    while (at < end && this.length < full) this.jsonByte(source[at++]);
    if (at < end) this.raw('...');
    return this;
  }

  /** The inside of a JSON string from text. */
  jsonText(text: string): this {
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

  private jsonByte(byte: number): void {
    const { bytes } = this;
    if (byte === quote || byte === backslash) {
      bytes[this.length++] = backslash;
      bytes[this.length++] = byte;
    } else if (byte >= 32 && byte < 127) {
      bytes[this.length++] = byte;
    } else {
      this.raw('\\u00');
      bytes[this.length++] = hex.charCodeAt(byte >> 4);
      bytes[this.length++] = hex.charCodeAt(byte & 15);
    }
  }
}
