import { maxHeadBytes } from '../limits.js';

/*
 * A lean reader of HTTP/1.1 messages for both ends of the bench: bytes in, calls out, no I/O. It reads what the bench and
 * the programs behind it send (content-length, chunked, until close), and names what it does not understand. It is no
 * judge of hostile messages: that is the proxy's trade, not the load generator's.
 *
 *   head ──> length ──────────────────────────> end
 *     ├────> size <──> chunk ──> trailer ─────> end      (RFC 9112, 7.1)
 *     ├────> until close ─────────────────────> end
 *     └──────────────────────────────────────── end      (no body)
 */

export type MessageKind = 'request' | 'response';

/** What the bench looks at in a head. One object per reader, filled anew for each message. */
export interface MessageHead {
  /** Status of a response; 0 for a request. */
  status: number;
  /** Method and target of a request; empty for a response. */
  method: string;
  target: string;
  /** Announced length; -1 when the message has none. */
  contentLength: number;
  chunked: boolean;
  /** Whether the connection carries another message after this one (RFC 9112, 9.3). */
  keepAlive: boolean;
  /** Value of the header x-tulle-bench-id, or empty. */
  id: string;
  /** Value of the header x-tulle-bench-sha256, or empty. */
  sha256: string;
}

export interface MessageSink {
  head(head: MessageHead): void;
  /** A piece of the body: valid during the call only. */
  body(bytes: Buffer, start: number, end: number): void;
  end(): void;
}

/** The peer sent something that is no HTTP/1.1 message the bench can read. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

type State = 'head' | 'length' | 'until-close' | 'size' | 'chunk' | 'chunk-end' | 'trailer';

const CR = 13;
const LF = 10;

export class MessageReader {
  readonly head: MessageHead;
  readonly #kind: MessageKind;
  readonly #sink: MessageSink;
  #state: State;
  /** Bytes of the body or of the chunk that are still to come. */
  #left: number;
  /** The start of a line or head whose rest has not come yet, as latin1. */
  #partial: string;
  /** The next answer has no body whatever its head says: it answers HEAD (RFC 9110, 9.3.2). */
  #bodiless: boolean;

  constructor(kind: MessageKind, sink: MessageSink) {
    this.head = emptyHead();
    this.#kind = kind;
    this.#sink = sink;
    this.#state = 'head';
    this.#left = 0;
    this.#partial = '';
    this.#bodiless = false;
  }

  /** Says that the next response answers a HEAD request. */
  expectNoBody(): void {
    this.#bodiless = true;
  }

  /** Whether a message has begun and not ended. */
  get isInside(): boolean {
    return this.#state !== 'head' || this.#partial !== '';
  }

  /**
   * Reads bytes[start, end). Several messages may end in one call.
   * @throws BadMessage; the reader is of no use after it.
   */
  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(bytes, at, end);
          break;
        case 'length':
          at = this.#readBody(bytes, at, end);
          if (this.#left === 0) this.#finish();
          break;
        case 'chunk':
          at = this.#readBody(bytes, at, end);
          if (this.#left === 0) this.#state = 'chunk-end';
          break;
        case 'until-close':
          this.#sink.body(bytes, at, end);
          return;
        case 'size':
        case 'chunk-end':
        case 'trailer':
          at = this.#readLine(bytes, at, end);
          break;
      }
    }
  }

  /**
   * The peer has closed its side.
   * @throws BadMessage when a message was cut off.
   */
  close(): void {
    if (this.#state === 'until-close') this.#finish();
    else if (this.isInside) throw new BadMessage('the connection was closed inside a message');
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    const stop = Math.min(end, start + this.#left);
    this.#left -= stop - start;
    this.#sink.body(bytes, start, stop);
    return stop;
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    const text = bytes.toString('latin1', start, Math.min(end, start + maxHeadBytes));
    const before = this.#partial.length;
    const whole = before === 0 ? text : this.#partial + text;
    const stop = whole.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (stop === -1) {
      if (whole.length >= maxHeadBytes) throw new BadMessage(`the head is longer than ${maxHeadBytes} bytes`);
      this.#partial = whole;
      return end;
    }
    this.#partial = '';
    parseHead(this.#kind, whole, stop, this.head);
    this.#begin();
    return start + (stop + 4 - before);
  }

  #begin(): void {
    const head = this.head;
    // RFC 9110, 15.2: an interim response comes before the one that counts.
    if (this.#kind === 'response' && head.status < 200 && head.status !== 101) return;
    const bodiless = this.#bodiless || head.status === 204 || head.status === 304;
    this.#bodiless = false;
    this.#sink.head(head);
    if (bodiless) this.#finish();
    else if (head.chunked) this.#state = 'size';
    else if (head.contentLength > 0) {
      this.#state = 'length';
      this.#left = head.contentLength;
    } else if (head.contentLength === 0 || this.#kind === 'request') this.#finish();
    else {
      this.#state = 'until-close';
      head.keepAlive = false;
    }
  }

  #readLine(bytes: Buffer, start: number, end: number): number {
    const lineFeed = bytes.indexOf(LF, start);
    const stop = lineFeed === -1 || lineFeed >= end ? end : lineFeed;
    const line = this.#partial + bytes.toString('latin1', start, stop);
    if (line.length > maxHeadBytes) throw new BadMessage(`a chunk line is longer than ${maxHeadBytes} bytes`);
    if (stop === end) {
      this.#partial = line;
      return end;
    }
    this.#partial = '';
    if (line.charCodeAt(line.length - 1) !== CR) throw new BadMessage('a chunk line does not end in CR LF');
    this.#line(line.slice(0, -1));
    return stop + 1;
  }

  #line(line: string): void {
    if (this.#state === 'size') {
      const digits = line.split(';', 1)[0].trimEnd();
      if (!/^[0-9a-f]{1,13}$/i.test(digits))
        throw new BadMessage(`bad chunk size ${JSON.stringify(line.slice(0, 40))}`);
      this.#left = Number.parseInt(digits, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    } else if (this.#state === 'chunk-end') {
      if (line !== '') throw new BadMessage('a chunk is longer than its size');
      this.#state = 'size';
    } else if (line === '') this.#finish();
  }

  #finish(): void {
    this.#state = 'head';
    this.#sink.end();
  }
}

function emptyHead(): MessageHead {
  return {
    status: 0,
    method: '',
    target: '',
    contentLength: -1,
    chunked: false,
    keepAlive: true,
    id: '',
    sha256: '',
  };
}

function parseHead(kind: MessageKind, text: string, end: number, head: MessageHead): void {
  const lineEnd = text.indexOf('\r\n');
  const firstLine = text.slice(0, lineEnd);
  if (kind === 'response') {
    const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(firstLine);
    if (match === null) throw new BadMessage(`bad status line ${JSON.stringify(firstLine.slice(0, 60))}`);
    head.status = Number(match[2]);
    head.keepAlive = match[1] === '1';
  } else {
    const match = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(firstLine);
    if (match === null) throw new BadMessage(`bad request line ${JSON.stringify(firstLine.slice(0, 60))}`);
    head.method = match[1];
    head.target = match[2];
    head.keepAlive = match[3] === '1';
  }
  head.contentLength = -1;
  head.chunked = false;
  head.id = '';
  head.sha256 = '';
  for (let at = lineEnd + 2; at < end; ) {
    const next = text.indexOf('\r\n', at);
    const stop = next === -1 || next > end ? end : next;
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon >= stop) throw new BadMessage(`bad header line ${JSON.stringify(text.slice(at, stop))}`);
    readHeader(text, at, colon, stop, head);
    at = stop + 2;
  }
}

/** Looks at the length of the name first: most headers are of no interest, and then nothing is cut out of the text. */
function readHeader(text: string, at: number, colon: number, stop: number, head: MessageHead): void {
  const length = colon - at;
  if (length !== 14 && length !== 17 && length !== 10 && length !== 16 && length !== 20) return;
  const name = text.slice(at, colon).toLowerCase();
  const value = text.slice(colon + 1, stop).trim();
  switch (name) {
    case 'content-length':
      if (!/^\d{1,15}$/.test(value)) throw new BadMessage(`bad content-length ${JSON.stringify(value)}`);
      if (head.contentLength !== -1) throw new BadMessage('two content-length headers');
      head.contentLength = Number(value);
      break;
    case 'transfer-encoding':
      if (value.toLowerCase() !== 'chunked') throw new BadMessage(`transfer-encoding ${JSON.stringify(value)}`);
      head.chunked = true;
      break;
    case 'connection':
      if (/\bclose\b/i.test(value)) head.keepAlive = false;
      else if (/\bkeep-alive\b/i.test(value)) head.keepAlive = true;
      break;
    case 'x-tulle-bench-id':
      head.id = value;
      break;
    case 'x-tulle-bench-sha256':
      head.sha256 = value;
      break;
  }
}
