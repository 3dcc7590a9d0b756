import { createHash } from 'node:crypto';
import type { MessageHead } from '../http/message-reader.js';

/** What the bench's server answers, as bytes. Pure. */

/** The body of every answer without a special path. */
export function fixedBody(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'tulle ');
}

/** The answer that every request without a special path gets: made once, so that serving is one write. */
export class FixedAnswer {
  readonly #whole: Buffer;
  readonly #headStart: string;
  readonly #body: Buffer;
  /** A body that fits a packet or two goes out with its head as one string. */
  readonly #smallBody: string | undefined;

  constructor(bodyBytes: number) {
    this.#body = fixedBody(bodyBytes);
    const hash = createHash('sha256').update(this.#body).digest('hex');
    this.#headStart = `HTTP/1.1 200 OK\r\ncontent-length: ${bodyBytes}\r\ncontent-type: text/plain\r\nx-tulle-bench-sha256: ${hash}\r\n`;
    this.#whole = Buffer.concat([Buffer.from(`${this.#headStart}\r\n`), this.#body]);
    this.#smallBody = bodyBytes <= 4096 ? this.#body.toString('latin1') : undefined;
  }

  /** The pieces to write for a request with this id; `withBody` is false for HEAD. */
  pieces(id: string, withBody: boolean, keepAlive: boolean): (Buffer | string)[] {
    if (id === '' && withBody && keepAlive) return [this.#whole];
    const head = `${this.#headStart}${idLine(id)}${closeLine(keepAlive)}\r\n`;
    if (!withBody) return [head];
    return this.#smallBody === undefined ? [head, this.#body] : [head + this.#smallBody];
  }
}

/** Answers with the body that came, framed as it came. */
export function echoAnswer(head: MessageHead, chunks: readonly Buffer[], length: number): (Buffer | string)[] {
  const start = `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n${idLine(head.id)}${closeLine(head.keepAlive)}`;
  if (!head.chunked) return [`${start}content-length: ${length}\r\n\r\n`, ...chunks];
  const pieces: (Buffer | string)[] = [`${start}transfer-encoding: chunked\r\n\r\n`];
  for (const chunk of chunks) pieces.push(`${chunk.length.toString(16)}\r\n`, chunk, '\r\n');
  pieces.push('0\r\n\r\n');
  return pieces;
}

/** Answers with the SHA-256 of the body that came, in hexadecimal. */
export function hashAnswer(head: MessageHead, sha256: string): (Buffer | string)[] {
  return [
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n${idLine(head.id)}${closeLine(head.keepAlive)}content-length: 64\r\n\r\n${sha256}`,
  ];
}

/** Refuses and says why; the connection closes after it. */
export function refusal(status: string, reason: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: ${reason.length}\r\n\r\n${reason}`;
}

function idLine(id: string): string {
  return id === '' ? '' : `x-tulle-bench-id: ${id}\r\n`;
}

function closeLine(keepAlive: boolean): string {
  return keepAlive ? '' : 'connection: close\r\n';
}
