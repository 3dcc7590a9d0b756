import type { Socket } from 'node:net';
import type { LoadOptions, Target } from './options.js';
import { chunkLength, Payloads } from './payload.js';

/** Writes the requests of a run. The head is made once; only the id differs. */
export class RequestWriter {
  readonly payloads: Payloads | undefined;
  readonly #start: string;
  readonly #chunked: boolean;

  constructor(options: LoadOptions, target: Target) {
    const extra = options.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.#start = `${options.method} ${target.path} HTTP/1.1\r\nhost: ${target.authority}\r\n${extra}x-tulle-bench-id: `;
    this.payloads = options.body === undefined ? undefined : new Payloads(options.body.size);
    this.#chunked = options.body?.mode === 'chunked';
  }

  /** Hands request `id` to the socket. Returns the bytes of its body. */
  write(socket: Socket, id: number): number {
    if (this.payloads === undefined) {
      socket.write(`${this.#start}${id}\r\n\r\n`, 'latin1');
      return 0;
    }
    const body = this.payloads.bytesOf(id);
    socket.cork();
    if (this.#chunked) this.#writeChunks(socket, id, body);
    else {
      socket.write(`${this.#start}${id}\r\ncontent-length: ${body.length}\r\n\r\n`, 'latin1');
      if (body.length > 0) socket.write(body);
    }
    socket.uncork();
    return body.length;
  }

  #writeChunks(socket: Socket, id: number, body: Buffer): void {
    socket.write(`${this.#start}${id}\r\ntransfer-encoding: chunked\r\n\r\n`, 'latin1');
    const step = chunkLength(id);
    for (let at = 0; at < body.length; at += step) {
      const chunk = body.subarray(at, at + step);
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      socket.write('\r\n', 'latin1');
    }
    socket.write('0\r\n\r\n', 'latin1');
  }
}
