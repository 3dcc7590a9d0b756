/**
 * Collects what one connection is sent within a turn, so that head, framing and a small body leave in one write: one system call, one TLS record.
 * One per thread, since a turn fills it for one connection after another; whoever comes next sends what the one before left.
 */
import type { Connection } from '../../io/io.js';

/** Payload up to a TLS record is copied behind its head: a copy of 16 KiB costs about a microsecond, a second send three or four. */
export const coalesceBytes = 16_384;
const initialBytes = 131_072;

/** Who writes to a connection through the outbox. */
export interface OutboxWriter {
  readonly connection: Connection;
  /** The connection holds too much, as its `write` said; it may have been another writer whose turn sent the bytes. */
  mustPause(): void;
}

class Outbox {
  bytes: Uint8Array = new Uint8Array(initialBytes);
  length = 0;
  private writer: OutboxWriter | undefined = undefined;

  /** Makes room for `size` bytes of `writer`; write them from `length` on and set `length`. */
  open(writer: OutboxWriter, size: number): void {
    if (this.writer !== writer) {
      if (this.length > 0) this.send(false);
      this.writer = writer;
    }
    if (this.length + size <= this.bytes.length) return;
    if (this.length > 0) this.send(true);
    // Heads are bounded by limits and configured fields: this happens once for unusual ones.
    if (size > this.bytes.length) this.bytes = new Uint8Array(2 * size);
  }

  /** Sends what is held of `writer`. `more`: another write follows in this turn. */
  flush(writer: OutboxWriter, more: boolean): void {
    if (this.length > 0 && this.writer === writer) this.send(more);
  }

  /** The connection is gone: what was held for it too. */
  drop(writer: OutboxWriter): void {
    if (this.writer !== writer) return;
    this.writer = undefined;
    this.length = 0;
  }

  private send(more: boolean): void {
    const { length, writer } = this;
    this.length = 0;
    if (writer?.connection.write(this.bytes, 0, length, more) === false) writer.mustPause();
  }
}

export const outbox: Outbox = new Outbox();
