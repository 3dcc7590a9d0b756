/**
 * Writes a body in the framing that its head announced, and knows whether the connection wants a pause. Small pieces collect in the outbox behind the head,
 * large ones go straight from the buffer they came in.
 */
import type { Connection } from '../../io/io.js';
import { copyBytes, type Head } from '../../message/head.js';
import {
  chunkHeadBytes,
  encodeChunkEnd,
  encodeChunkHead,
  encodeLastChunk,
  lastChunkBound,
  type WireFraming,
} from './encoder.js';
import { coalesceBytes, type OutboxWriter, outbox } from './outbox.js';

export class BodyWriter implements OutboxWriter {
  readonly connection: Connection;
  private framing: WireFraming = 'none';
  private full = false;
  private toldFull = false;
  /** Payload taken since `begin`. */
  payloadBytes = 0;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** The next message; its framing is not known yet. */
  begin(): void {
    this.framing = 'none';
    this.payloadBytes = 0;
  }

  setFraming(framing: WireFraming): void {
    this.framing = framing;
  }

  /** Returns false when too much is held: stop until `drained` says to go on. With framing `none`, as for an answer to HEAD, payload is dropped. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    const { framing, connection } = this;
    const length = end - start;
    if (framing === 'none' || length === 0) return true;
    this.payloadBytes += length;
    const isChunked = framing === 'chunked';
    outbox.open(this, chunkHeadBytes + 2 + (length <= coalesceBytes ? length : 0));
    if (isChunked) outbox.length = encodeChunkHead(length, outbox.bytes, outbox.length);
    if (length <= coalesceBytes) {
      outbox.length = copyBytes(bytes, start, end, outbox.bytes, outbox.length);
    } else {
      this.flushWith(true);
      if (!connection.write(bytes, start, end, isChunked)) this.full = true;
      outbox.open(this, 2);
    }
    if (isChunked) outbox.length = encodeChunkEnd(outbox.bytes, outbox.length);
    if (this.full) this.toldFull = true;
    return !this.full;
  }

  /** The body is whole. */
  end(trailers: Head | undefined): void {
    if (this.framing !== 'chunked') return;
    outbox.open(this, lastChunkBound(trailers));
    outbox.length = encodeLastChunk(trailers, outbox.bytes, outbox.length);
  }

  /** Sends what was collected. */
  flush(): void {
    this.flushWith(false);
  }

  /** The connection is gone: forgets what was collected for it. */
  drop(): void {
    outbox.drop(this);
  }

  /** The connection has sent all it held. True if somebody was told to stop. */
  drained(): boolean {
    const { toldFull } = this;
    this.full = false;
    this.toldFull = false;
    return toldFull;
  }

  mustPause(): void {
    this.full = true;
  }

  private flushWith(more: boolean): void {
    outbox.flush(this, more);
  }
}
