/**
 * What one connection sends: held until it is open, copied since the caller reuses its buffer, counted against the high water, corked while more is promised.
 * Knows nothing of what arrives.
 */
import type net from 'node:net';

export class Outgoing {
  /** Bytes that `write` took. */
  writtenBytes = 0;
  /** `end` was called, or the connection is gone: writes go nowhere. */
  ended = false;

  private readonly highWaterBytes: number;
  private readonly atTurnEnd: (callback: () => void) => void;
  private readonly drained: () => void;
  private stream: net.Socket | undefined = undefined;
  /** Written before open: under TLS it must not go to a peer that is not verified yet. */
  private early: Buffer[] = [];
  private earlyBytes = 0;
  private awaitsDrain = false;
  private corked = false;
  private markedAt = 0;

  private readonly written = (): void => {
    if (!this.awaitsDrain || this.stream === undefined || this.stream.writableLength > 0) return;
    this.awaitsDrain = false;
    this.drained();
  };
  private readonly uncork = (): void => {
    if (!this.corked) return;
    this.corked = false;
    this.stream?.uncork();
  };

  /** `drained` is called after `write` returned false, when nothing is held any more; never from inside a method. */
  constructor(highWaterBytes: number, atTurnEnd: (callback: () => void) => void, drained: () => void) {
    this.highWaterBytes = highWaterBytes;
    this.atTurnEnd = atTurnEnd;
    this.drained = drained;
  }

  get heldBytes(): number {
    return this.earlyBytes + (this.stream?.writableLength ?? 0);
  }

  /** The connection is open: what was held goes to that stream. */
  open(stream: net.Socket): void {
    this.stream = stream;
    for (const bytes of this.early) stream.write(bytes, this.written);
    this.early = [];
    this.earlyBytes = 0;
    if (this.ended) stream.end();
  }

  write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean {
    if (this.ended || start === end) return true;
    this.writtenBytes += end - start;
    this.send(Buffer.from(bytes.subarray(start, end)), more);
    if (this.heldBytes < this.highWaterBytes) return true;
    this.awaitsDrain = true;
    // The promised write must wait for the drain now.
    this.uncork();
    return false;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.stream?.end();
  }

  /** The connection is gone. */
  close(): void {
    this.ended = true;
    this.awaitsDrain = false;
  }

  mark(): void {
    this.markedAt = this.writtenBytes;
  }

  /** node does not tell what the peer acknowledged; nothing written since the mark, or nothing ever sent, is certain all the same. */
  undelivered(): boolean {
    return this.writtenBytes === this.markedAt || this.earlyBytes > 0;
  }

  private send(copy: Buffer, more: boolean): void {
    const { stream } = this;
    if (stream === undefined) {
      this.early.push(copy);
      this.earlyBytes += copy.length;
      return;
    }
    if (more && !this.corked) {
      this.corked = true;
      stream.cork();
      // Should the promised write not come.
      this.atTurnEnd(this.uncork);
    }
    stream.write(copy, this.written);
    if (!more) this.uncork();
  }
}
