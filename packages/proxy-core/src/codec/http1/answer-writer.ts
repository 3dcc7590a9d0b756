/** Writes answers as their client understands them: which framing and persistence a head announces follows from the request's version and method. */
import { type HeadEdits, noEdits } from '../../message/edits.js';
import type { Head } from '../../message/head.js';
import { BodyWriter } from './body-writer.js';
import { encodeLocal, encodeResponse, headBound, localBound, type Persistence, type WireFraming } from './encoder.js';
import { outbox } from './outbox.js';

const noBytes = new Uint8Array(0);

export class AnswerWriter extends BodyWriter {
  /** Of the request. */
  minorVersion = 1;
  private isHead = false;

  /** The next answer, to a request of that version and method. */
  answer(minorVersion: number, method: string): void {
    this.minorVersion = minorVersion;
    this.isHead = method === 'HEAD';
    this.begin();
  }

  /** How the body of an answer with that head goes to this client; `close`: its end is the connection's (RFC 9112 section 6.3). */
  framingOf(head: Head): WireFraming {
    if (head.upgrade || this.isHead || head.status === 204 || head.status === 304) return 'none';
    if (head.framing === 'length' || head.framing === 'none') return 'length';
    return this.minorVersion === 1 ? 'chunked' : 'close';
  }

  /** A 1xx other than 101, sent at once. */
  writeInterim(head: Head): void {
    this.encode(head, noEdits, 'none', 'default');
    this.flush();
  }

  writeHead(head: Head, edits: HeadEdits, framing: WireFraming, close: boolean): void {
    this.encode(
      head,
      edits,
      framing,
      head.upgrade ? (head.status === 101 ? 'upgrade' : 'default') : this.persistence(close),
    );
    this.setFraming(head.upgrade ? 'close' : framing);
  }

  /** A whole answer of the proxy's own. */
  writeLocal(status: number, fields: readonly Uint8Array[], body: Uint8Array, close: boolean): void {
    const hasBody = status >= 200 && status !== 204 && status !== 304;
    const length = hasBody ? body.length : -1;
    outbox.open(this, localBound(fields));
    outbox.length = encodeLocal(status, fields, length, this.persistence(close), outbox.bytes, outbox.length);
    this.setFraming(hasBody && !this.isHead ? 'length' : 'none');
    this.write(body, 0, body.length);
  }

  private persistence(close: boolean): Persistence {
    if (close) return 'close';
    return this.minorVersion === 0 ? 'keep-alive' : 'default';
  }

  private encode(head: Head, edits: HeadEdits, framing: WireFraming, persistence: Persistence): void {
    outbox.open(this, headBound(head, edits, noBytes));
    outbox.length = encodeResponse(head, edits, framing, persistence, outbox.bytes, outbox.length);
  }
}
