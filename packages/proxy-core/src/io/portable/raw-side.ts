/**
 * The encrypted side of a TLSSocket: the socket below it, as a stream that node's TLS reads through. With a net.Socket directly below, node tells a bare FIN as the same end
 * as close_notify; between the two it can be seen which of them came first.
 *
 *     net.Socket ──data──▶ RawSide ──▶ TLSSocket ──data──▶
 *         └── FIN ────────▶ end: has the TLSSocket seen close_notify? no: truncated
 */
import type net from 'node:net';
import { Duplex } from 'node:stream';

/** What node's documentation leaves out: `ended` is set when the end was seen, `readableEnded` only when it was told. */
interface ReadableInside {
  readonly _readableState?: { readonly ended?: boolean };
}

export class RawSide extends Duplex {
  /** The peer sent its FIN without close_notify before it. Known when the TLSSocket tells its end. */
  truncated = false;
  private readonly socket: net.Socket;
  private readonly onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.socket.pause();
  };
  private readonly onEnd = (): void => {
    this.push(null);
  };
  private readonly onClose = (): void => {
    this.destroy();
  };

  /** `early` was read from the socket before. */
  constructor(socket: net.Socket, early: Uint8Array | undefined) {
    super({ allowHalfOpen: true, autoDestroy: false });
    this.socket = socket;
    socket.on('data', this.onData);
    socket.on('end', this.onEnd);
    socket.on('close', this.onClose);
    socket.pause();
    if (early !== undefined) this.push(early);
  }

  /** Before the TLSSocket, which then listens to the end as well. */
  watch(stream: net.Socket & ReadableInside): void {
    this.prependOnceListener('end', () => {
      this.truncated = stream._readableState?.ended !== true;
    });
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.socket.cork();
    const last = chunks.length - 1;
    for (let i = 0; i < last; i++) this.socket.write(chunks[i].chunk);
    this.socket.write(chunks[last].chunk, done);
    this.socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
