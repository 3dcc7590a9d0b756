/**
 * HTTP/1.1 messages out of bytes: pure and strict, one reading of every message (RFC 9112). Bytes are pushed in, events come out at once; the only thing
 * not consumed is a head or trailer section that is not whole yet, which the connection keeps and presents again with more behind it.
 *
 *     head ─▶ length ─────────────▶ whole ─▶ (expectRequest, expectResponse) head
 *        ├──▶ chunked ─▶ trailers ─▶ whole
 *        ├──▶ opaque (until the peer ends, or a tunnel) ─▶ whole
 *        └──▶ whole (no body)                    anything ─▶ stopped
 */

import type { SeenRequest } from '../../exchange.js';
import { type Failure, failure } from '../../failure.js';
import type { Limits } from '../../limits.js';
import { Head, latin1 } from '../../message/head.js';
import { defaultPathOptions, type PathOptions } from '../../message/path-options.js';
import { ChunkedFraming } from './chunked.js';
import { checkTrailers, frameRequest, frameResponse, hostField } from './framing.js';
import { HeadDecoder, MORE } from './head-decoder.js';
import { hasLookAlike } from './look-alikes.js';
import { CR, LF } from './tables.js';
import { readTarget } from './target.js';

/** What the decoder tells. For a message: `messageHead`, `messageBody` any number of times, `messageEnd`; 1xx heads come before the final one. `messageMalformed` is last. */
export interface MessageEvents {
  /** A whole head with its framing decided. Its bytes are those passed to `decode`. */
  messageHead(head: Head): void;
  /** Payload, framing removed. */
  messageBody(bytes: Uint8Array, start: number, end: number): void;
  /** The message is whole. `trailers` is a head without a start line, valid during the call. */
  messageEnd(trailers: Head | undefined): void;
  /** `bad-request` and its like on the request side, `upstream-bad-response` on the other. `seen`: of a request whose head is malformed. */
  messageMalformed(failure: Failure, seen: SeenRequest | undefined): void;
}

const WHOLE = 0;
const HEAD = 1;
const LENGTH = 2;
const CHUNKED = 3;
const TRAILERS = 4;
const OPAQUE = 5;
const STOPPED = 6;

export class Http1Decoder {
  private readonly limits: Limits;
  private pathOptions: PathOptions = defaultPathOptions;
  private readonly lines: HeadDecoder;
  private readonly chunks: ChunkedFraming;
  events: MessageEvents;
  private phase = WHOLE;
  private head: Head | undefined = undefined;
  private trailers: Head | undefined = undefined;
  private remaining = 0;
  private isResponse = false;
  private method = '';
  private upgradeAsked = false;
  private interim = 0;

  constructor(limits: Limits, events: MessageEvents) {
    this.limits = limits;
    this.events = events;
    this.lines = new HeadDecoder(limits);
    this.chunks = new ChunkedFraming(limits);
  }

  /** The next bytes are a request, decoded into `head`. */
  expectRequest(head: Head, pathOptions: PathOptions = defaultPathOptions): void {
    this.isResponse = false;
    this.pathOptions = pathOptions;
    this.head = head;
    this.lines.beginRequest(head);
    this.phase = HEAD;
  }

  /** The next bytes answer a request with `method`; `upgradeAsked` if it asked for an upgrade or is a CONNECT. */
  expectResponse(head: Head, method: string, upgradeAsked: boolean): void {
    this.isResponse = true;
    this.method = method;
    this.upgradeAsked = upgradeAsked;
    this.interim = 0;
    this.head = head;
    this.lines.beginResponse(head);
    this.phase = HEAD;
  }

  /** No message is expected: the last one is whole, or none was begun. */
  get isWhole(): boolean {
    return this.phase === WHOLE;
  }

  /** Payload bytes that are still announced: exact for a length, 0 otherwise. */
  get announced(): number {
    return this.phase === LENGTH ? this.remaining : 0;
  }

  /** From now on every byte is payload until the peer ends. */
  becomeOpaque(): void {
    this.phase = OPAQUE;
  }

  /** No more events, also when called from within one. */
  stop(): void {
    this.phase = STOPPED;
  }

  /**
   * Decodes `bytes[start, end)` up to the end of one message. Returns the offset behind what was consumed: short of `end` when the message is whole,
   * or when a head or trailer section is not, in which case the next call must begin with the bytes left.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      switch (this.phase) {
        case HEAD: {
          const next = this.decodeHead(bytes, at, end);
          if (next < 0) return next === MORE ? at : end;
          at = next;
          break;
        }
        case LENGTH: {
          const n = Math.min(this.remaining, end - at);
          this.remaining -= n;
          this.events.messageBody(bytes, at, at + n);
          at += n;
          if (this.phase === LENGTH && this.remaining === 0) this.finish(undefined);
          break;
        }
        case CHUNKED:
          at = this.decodeChunks(bytes, at, end);
          break;
        case TRAILERS: {
          const next = this.decodeTrailers(bytes, at, end);
          if (next < 0) return next === MORE ? at : end;
          at = next;
          break;
        }
        case OPAQUE:
          this.events.messageBody(bytes, at, end);
          return end;
        default:
          return at;
      }
    }
    return at;
  }

  /** The peer sends no more. True if that ended a message in order or none was begun; false if one was cut short. */
  end(): boolean {
    if (this.phase === OPAQUE) this.finish(undefined);
    return this.phase === WHOLE;
  }

  private decodeHead(bytes: Uint8Array, at: number, end: number): number {
    const { lines } = this;
    const head = this.head as Head;
    const next = lines.decode(bytes, at, end);
    if (next < 0) {
      if (next !== MORE) this.malformed(lines.failure as Failure);
      return next;
    }
    const refusal = this.isResponse ? frameResponse(head, this.method, this.upgradeAsked) : this.acceptRequest(head);
    if (refusal !== '' || (lines.underscores && hasLookAlike(head))) {
      this.malformed(failure('bad-request', refusal || 'field names that differ only in _ and -'));
      return next;
    }
    if (this.isResponse && head.status < 200 && head.status !== 101) {
      this.interimHead(head);
      return next;
    }
    // Before the event, which may stop the decoder.
    const { framing } = head;
    let empty = false;
    if (framing === 'chunked') {
      this.phase = CHUNKED;
      this.chunks.begin();
    } else if (framing === 'length' && head.contentLength > 0) {
      this.phase = LENGTH;
      this.remaining = head.contentLength;
    } else if (framing === 'until-close' || (this.isResponse && head.upgrade)) {
      this.phase = OPAQUE;
    } else {
      empty = true;
      this.phase = LENGTH;
      this.remaining = 0;
    }
    this.events.messageHead(head);
    if (empty && this.phase === LENGTH) this.finish(undefined);
    return next;
  }

  private acceptRequest(head: Head): string {
    const { lines } = this;
    return frameRequest(head) || readTarget(head, lines.targetStart, lines.targetEnd, hostField(), this.pathOptions);
  }

  private interimHead(head: Head): void {
    if (++this.interim > this.limits.maxInterimResponses) {
      this.malformed(failure('bad-request', `more than ${this.limits.maxInterimResponses} interim answers`));
      return;
    }
    this.events.messageHead(head);
    if (this.phase === HEAD) this.lines.beginResponse(head);
  }

  private decodeChunks(bytes: Uint8Array, start: number, end: number): number {
    const { chunks } = this;
    let at = start;
    while (at < end && this.phase === CHUNKED) {
      if (chunks.remaining > 0) {
        const n = Math.min(chunks.remaining, end - at);
        chunks.remaining -= n;
        this.events.messageBody(bytes, at, at + n);
        at += n;
        continue;
      }
      at = chunks.frame(bytes, at, end);
      if (chunks.refusal !== '') this.malformed(failure('bad-request', chunks.refusal));
      else if (chunks.atTrailers) this.phase = TRAILERS;
    }
    if (this.phase === TRAILERS && !(at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF)) {
      this.trailers ??= new Head(this.limits.maxHeaderFields);
      this.lines.beginTrailers(this.trailers);
    }
    return at;
  }

  private decodeTrailers(bytes: Uint8Array, at: number, end: number): number {
    const { trailers, lines } = this;
    if (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) {
      this.finish(undefined);
      return at + 2;
    }
    const next = lines.decode(bytes, at, end);
    if (next < 0) {
      if (next !== MORE) this.malformed(lines.failure as Failure);
      return next;
    }
    const head = trailers as Head;
    const refusal = checkTrailers(head);
    if (refusal !== '' || (lines.underscores && hasLookAlike(head))) {
      this.malformed(failure('bad-request', refusal || 'field names that differ only in _ and -'));
      return next;
    }
    this.finish(head.fieldCount === 0 ? undefined : head);
    return next;
  }

  private finish(trailers: Head | undefined): void {
    this.phase = WHOLE;
    this.events.messageEnd(trailers);
  }

  private malformed(cause: Failure): void {
    const seen = this.phase === HEAD && !this.isResponse ? this.seenRequest() : undefined;
    this.phase = STOPPED;
    this.events.messageMalformed(this.isResponse ? failure('upstream-bad-response', cause.detail) : cause, seen);
  }

  /** While the head's bytes are those of the read buffer. */
  private seenRequest(): SeenRequest {
    const { targetStart, targetEnd } = this.lines;
    const { method, bytes } = this.head as Head;
    return { method, target: targetEnd > targetStart ? latin1(bytes, targetStart, targetEnd) : '' };
  }
}
