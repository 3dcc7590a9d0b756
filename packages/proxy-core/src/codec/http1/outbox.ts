/**
 * Collects what one connection is sent within a turn, so that head, framing and a small body leave in one write: one system call, one TLS record.
 * One per thread, since a turn fills it for one connection after another; whoever comes next sends what the one before left.
 */
import type { Connection } from '../../io/io.js';

/** Payload up to a TLS record is copied behind its head: a copy of 16 KiB costs about a microsecond, a second send three or four. */
export const coalesceBytes = 16_384;
const initialBytes = 131_072;

class Outbox {
  bytes: Uint8Array = new Uint8Array(initialBytes);
  length = 0;
  private connection: Connection | undefined = undefined;

  /** Makes room for `size` bytes towards `connection`; write them from `length` on and set `length`. */
  open(connection: Connection, size: number): void {
    if (this.connection !== connection) {
      if (this.length > 0) this.send(false);
      this.connection = connection;
    }
    if (this.length + size <= this.bytes.length) return;
    if (this.length > 0) this.send(true);
    // Heads are bounded by limits and configured fields: this happens once for unusual ones.
    if (size > this.bytes.length) this.bytes = new Uint8Array(2 * size);
  }

  holds(connection: Connection): boolean {
    return this.length > 0 && this.connection === connection;
  }

  /** Sends what is held for `connection`; false when the connection wants a pause. `more`: another write follows in this turn. */
  flush(connection: Connection, more: boolean): boolean {
    return this.holds(connection) ? this.send(more) : true;
  }

  /** The connection is gone: what was held for it too. */
  drop(connection: Connection): void {
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.length = 0;
  }

  private send(more: boolean): boolean {
    const { length } = this;
    this.length = 0;
    return this.connection?.write(this.bytes, 0, length, more) ?? true;
  }
}

export const outbox: Outbox = new Outbox();
