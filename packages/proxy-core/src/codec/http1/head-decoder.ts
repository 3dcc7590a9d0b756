/**
 * Reads a head's lines in one pass into the offsets of a `Head`: a request line or status line, then fields, then the empty line (RFC 9112 sections 2 to 5).
 * Resumable at every byte, so that a head which trickles in is never scanned twice. Syntax only: what the fields mean is read once it is whole (framing.ts).
 *
 *     start ─▶ method ─▶ target ─▶ version ──┐                      ┌──▶ end-lf ─▶ whole
 *     status-version ─▶ code ─▶ reason ──────┴─▶ field ─▶ name ─▶ ows ─▶ value ─▶ value-lf ─▶ field
 */
import type { Failure } from '../../failure.js';
import { failure } from '../../failure.js';
import type { Limits } from '../../limits.js';
import { Head } from '../../message/head.js';
import { fieldIdOf } from './field-names.js';
import { methodText } from './methods.js';
import { CR, HTAB, LF, methodBytes, nameBytes, SP, targetBytes, underscoreMark, valueBytes } from './tables.js';

/** Results of `decode` that are not an offset. */
export const MORE = -1;
export const MALFORMED = -2;

const START = 0;
const START_LF = 1;
const METHOD = 2;
const TARGET = 3;
const VERSION = 4;
const STATUS_VERSION = 5;
const CODE = 6;
const REASON = 7;
const REASON_LF = 8;
const FIELD = 9;
const NAME = 10;
const OWS = 11;
const VALUE = 12;
const VALUE_LF = 13;
const END_LF = 14;

const versionLiteral = [72, 84, 84, 80, 47, 49, 46];
const nobody = new Head(0);

export class HeadDecoder {
  private readonly limits: Limits;
  /** Why the head is malformed, after `MALFORMED`. */
  failure: Failure | undefined = undefined;
  /** Some name holds a `_`. */
  underscores = false;
  /** Request target as sent. Absolute offsets in the head's bytes. */
  targetStart = 0;
  targetEnd = 0;

  private head: Head = nobody;
  private phase = FIELD;
  private maxBytes = 0;
  private maxFields = 0;
  /** Offset at which the head began in the last call, and at which reading goes on. */
  private base = 0;
  private at = 0;
  /** Start of the element being read. */
  private mark = 0;
  /** Name bytes of the field being read, or-ed. */
  private seen = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  beginRequest(head: Head): void {
    this.begin(head, START, this.limits.maxHeadBytes);
  }

  beginResponse(head: Head): void {
    this.begin(head, STATUS_VERSION, this.limits.maxHeadBytes);
  }

  beginTrailers(head: Head): void {
    this.begin(head, FIELD, this.limits.maxTrailerBytes);
  }

  private begin(head: Head, phase: number, maxBytes: number): void {
    head.clear();
    this.head = head;
    this.phase = phase;
    this.maxBytes = maxBytes;
    this.maxFields = head.maxFields;
    this.failure = undefined;
    this.underscores = false;
    this.targetStart = 0;
    this.targetEnd = 0;
    this.base = -1;
    this.at = 0;
    this.mark = 0;
    this.seen = 0;
  }

  /**
   * `bytes[start]` is the head's first byte each time; what came before is repeated in front of what is new, in this buffer or another.
   * Returns the offset behind the head, `MORE`, or `MALFORMED` with `failure` set.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    const { head } = this;
    head.bytes = bytes;
    if (this.base < 0) {
      this.at = start;
      this.base = start;
      this.mark = start;
      head.start = start;
    } else if (this.base !== start) {
      this.rebase(start - this.base);
    }
    const limit = start + this.maxBytes;
    const n = Math.min(end, limit);
    let i = this.at;
    if (this.phase < FIELD) {
      i = this.phase < STATUS_VERSION ? this.requestLine(bytes, i, n) : this.statusLine(bytes, i, n);
      if (i < 0) return i === MORE && n === limit ? this.tooLarge() : i;
    }
    i = this.fields(bytes, i, n);
    return i === MORE && n === limit ? this.tooLarge() : i;
  }

  private requestLine(bytes: Uint8Array, from: number, n: number): number {
    const { head, limits } = this;
    let i = from;
    let { phase } = this;
    if (i >= n) return this.pause(phase, i);
    if (phase === START) {
      // One empty line before a request is ignored (RFC 9112 section 2.2): old clients send it after a body.
      if (bytes[i] === CR) {
        phase = START_LF;
        if (++i === n) return this.pause(phase, i);
      } else {
        phase = METHOD;
      }
    }
    if (phase === START_LF) {
      if (bytes[i] !== LF) return this.bad('a CR that no LF follows');
      head.start = ++i;
      this.mark = i;
      phase = METHOD;
      if (i === n) return this.pause(phase, i);
    }
    if (phase === METHOD) {
      while (methodBytes[bytes[i]] === 1) {
        if (++i - this.mark > limits.maxMethodBytes) return this.bad('the method is too long');
        if (i === n) return this.pause(METHOD, i);
      }
      if (bytes[i] !== SP || i === this.mark)
        return this.bad('the request line does not begin with a method and one space');
      head.method = methodText(bytes, this.mark, i);
      if (head.method === '') return this.bad('a method that differs from a known one only in case');
      this.targetStart = ++i;
      phase = TARGET;
      if (i === n) return this.pause(phase, i);
    }
    if (phase === TARGET) {
      const edge = this.targetStart + limits.maxTargetBytes;
      while (targetBytes[bytes[i]] === 1) {
        if (++i > edge)
          return this.fail(failure('target-too-long', `more than ${limits.maxTargetBytes} bytes of target`));
        if (i === n) return this.pause(TARGET, i);
      }
      if (bytes[i] !== SP || i === this.targetStart)
        return this.bad('a byte in the request target that may not be there');
      this.targetEnd = i++;
      this.mark = i;
    }
    return this.version(bytes, i, n, VERSION, this.mark);
  }

  /** `HTTP/1.0` or `HTTP/1.1` and what ends it: CRLF in a request line, a space in a status line. */
  private version(bytes: Uint8Array, from: number, n: number, phase: number, mark: number): number {
    const { head } = this;
    for (let i = from; ; i++) {
      if (i === n) return this.pause(phase, i);
      const byte = bytes[i];
      const k = i - mark;
      if (k < 7) {
        if (byte !== versionLiteral[k]) return this.bad('the version is not HTTP/1.0 or HTTP/1.1');
      } else if (k === 7) {
        if (byte !== 48 && byte !== 49) return this.bad('the version is not HTTP/1.0 or HTTP/1.1');
        head.minorVersion = byte - 48;
      } else if (phase === STATUS_VERSION) {
        if (byte !== SP) return this.bad('no space behind the version');
        return i + 1;
      } else if (k === 8) {
        if (byte !== CR)
          return this.bad(
            byte === LF ? 'a line that ends with a bare LF' : 'the version is not the end of the request line',
          );
      } else {
        if (byte !== LF) return this.bad('a CR that no LF follows');
        return i + 1;
      }
    }
  }

  private statusLine(bytes: Uint8Array, from: number, n: number): number {
    const { head } = this;
    let i = from;
    let { phase } = this;
    if (phase === STATUS_VERSION) {
      i = this.version(bytes, i, n, STATUS_VERSION, this.mark);
      if (i < 0) return i;
      this.mark = i;
      phase = CODE;
    }
    if (phase === CODE) {
      for (; i - this.mark < 3; i++) {
        if (i === n) return this.pause(CODE, i);
        const digit = bytes[i] - 48;
        if (!(digit >= 0 && digit <= 9)) return this.bad('the status is not three digits');
        head.status = head.status * 10 + digit;
      }
      if (i === n) return this.pause(CODE, i);
      // The space behind the status is due even without a reason phrase; servers that leave it out with the phrase are read by all alike.
      if (head.status < 100 || head.status > 599) return this.bad('the status is not 100 to 599');
      if (bytes[i] !== SP && bytes[i] !== CR) return this.bad('the status is not three digits');
      if (bytes[i] === SP) i++;
      head.reasonStart = i;
      phase = REASON;
    }
    if (phase === REASON) {
      for (; ; i++) {
        if (i === n) return this.pause(REASON, i);
        if (valueBytes[bytes[i]] === 0) break;
      }
      if (bytes[i] !== CR)
        return this.bad(bytes[i] === LF ? 'a line that ends with a bare LF' : 'a control byte in the reason phrase');
      head.reasonEnd = i++;
      phase = REASON_LF;
    }
    if (i === n) return this.pause(REASON_LF, i);
    if (bytes[i] !== LF) return this.bad('a CR that no LF follows');
    return i + 1;
  }

  private fields(bytes: Uint8Array, from: number, n: number): number {
    const { head, maxFields } = this;
    const { offsets, ids } = head;
    let phase = Math.max(this.phase, FIELD);
    let { mark, seen } = this;
    let count = head.fieldCount;
    let i = from;
    let paused = phase;
    for (;;) {
      paused = phase;
      if (i === n) break;
      if (phase === FIELD) {
        if (bytes[i] === CR) {
          i++;
          phase = END_LF;
          continue;
        }
        if (count === maxFields) return this.fail(failure('request-head-too-large', `more than ${maxFields} fields`));
        mark = i;
        seen = 0;
        phase = NAME;
      }
      if (phase === NAME) {
        paused = NAME;
        let byte = bytes[i];
        let low = nameBytes[byte];
        while (low !== 0) {
          seen |= low;
          if (++i === n) break;
          byte = bytes[i];
          low = nameBytes[byte];
        }
        if (i === n) break;
        if (byte !== 58 || i === mark) return this.badName(byte, i === mark);
        offsets[4 * count] = mark;
        offsets[4 * count + 1] = i;
        ids[count] = fieldIdOf(bytes, mark, i);
        if (seen >= underscoreMark) this.underscores = true;
        i++;
        phase = OWS;
      }
      if (phase === OWS) {
        paused = OWS;
        while (i < n && (bytes[i] === SP || bytes[i] === HTAB)) i++;
        if (i === n) break;
        mark = i;
        offsets[4 * count + 2] = i;
        phase = VALUE;
      }
      if (phase === VALUE) {
        paused = VALUE;
        while (i < n && valueBytes[bytes[i]] === 1) i++;
        if (i === n) break;
        if (bytes[i] !== CR)
          return this.bad(bytes[i] === LF ? 'a line that ends with a bare LF' : 'a control byte in a field value');
        let last = i;
        while (last > mark && (bytes[last - 1] === SP || bytes[last - 1] === HTAB)) last--;
        offsets[4 * count + 3] = last;
        count++;
        i++;
        phase = VALUE_LF;
        continue;
      }
      if (bytes[i] !== LF) return this.bad('a CR that no LF follows');
      i++;
      if (phase === END_LF) {
        head.fieldCount = count;
        head.end = i;
        return i;
      }
      phase = FIELD;
    }
    head.fieldCount = count;
    this.mark = mark;
    this.seen = seen;
    return this.pause(paused, i);
  }

  private pause(phase: number, at: number): number {
    this.phase = phase;
    this.at = at;
    return MORE;
  }

  /** The head so far lies elsewhere now. */
  private rebase(shift: number): void {
    const { head } = this;
    const { offsets } = head;
    this.base += shift;
    this.at += shift;
    this.mark += shift;
    this.targetStart += shift;
    this.targetEnd += shift;
    head.start += shift;
    head.reasonStart += shift;
    head.reasonEnd += shift;
    const touched = Math.min(4 * head.fieldCount + 3, offsets.length);
    for (let i = 0; i < touched; i++) offsets[i] += shift;
  }

  private badName(byte: number, first: boolean): number {
    if (byte === LF) return this.bad('a line that ends with a bare LF');
    if (byte !== SP && byte !== HTAB)
      return this.bad(first ? 'a field without a name' : 'a byte in a field name that may not be there');
    return this.bad(first ? 'a folded field value' : 'white space between a field name and its colon');
  }

  private tooLarge(): number {
    return this.fail(failure('request-head-too-large', `more than ${this.maxBytes} bytes`));
  }

  private bad(detail: string): number {
    return this.fail(failure('bad-request', detail));
  }

  private fail(cause: Failure): number {
    this.failure = cause;
    return MALFORMED;
  }
}
