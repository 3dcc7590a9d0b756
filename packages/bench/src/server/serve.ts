import { createHash, type Hash } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BadMessage, type MessageHead, MessageReader } from '../http/message-reader.js';
import { maxEchoBytes } from '../limits.js';
import { echoAnswer, FixedAnswer, hashAnswer, refusal } from './answers.js';

/*
 * The server behind what is measured. It answers every path with the same bytes; a body that is sent to /echo comes back, one that is
 * sent to /hash is answered with its SHA-256. A request that announces the hash of its body is refused when the body has another. It echoes x-tulle-bench-id, so that the generator can tell whose answer it got.
 */

export interface ServeOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  /** Length of the fixed answer. */
  bodyBytes: number;
}

export interface BenchServer {
  host: string;
  port: number;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
}

/** Resolves when it listens; rejects with the error of node:net when it cannot. */
export async function serveBench(options: ServeOptions): Promise<BenchServer> {
  const fixed = new FixedAnswer(options.bodyBytes);
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away is its own affair; its socket closes.
    socket.on('error', () => socket.destroy());
    serveConnection(socket, fixed);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, backlog: 4096 }, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    host: address,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serveConnection(socket: Socket, fixed: FixedAnswer): void {
  const exchange = new Exchange(socket, fixed);
  const reader = new MessageReader('request', exchange);
  socket.on('drain', () => socket.resume());
  socket.on('data', (bytes) => {
    try {
      reader.read(bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      socket.end(refusal('400 Bad Request', error.message));
    }
    // A client that sends without reading is not read from.
    if (socket.writableNeedDrain) socket.pause();
  });
}

/** The request that is being read on one connection. */
class Exchange {
  readonly #socket: Socket;
  readonly #fixed: FixedAnswer;
  #head: MessageHead | undefined;
  #path: string;
  #chunks: Buffer[];
  #length: number;
  #hash: Hash | undefined;

  constructor(socket: Socket, fixed: FixedAnswer) {
    this.#socket = socket;
    this.#fixed = fixed;
    this.#head = undefined;
    this.#path = '';
    this.#chunks = [];
    this.#length = 0;
    this.#hash = undefined;
  }

  head(head: MessageHead): void {
    this.#head = head;
    this.#path = head.target.split('?', 1)[0];
    this.#length = 0;
    this.#hash = this.#path === '/hash' || head.sha256 !== '' ? createHash('sha256') : undefined;
  }

  body(bytes: Buffer, start: number, end: number): void {
    if (this.#hash !== undefined) this.#hash.update(bytes.subarray(start, end));
    else if (this.#path === '/echo') {
      this.#length += end - start;
      if (this.#length > maxEchoBytes) {
        this.#chunks = [];
        this.#socket.end(refusal('413 Content Too Large', `the echo holds ${maxEchoBytes} bytes`));
        throw new BadMessage('the body is too long for the echo');
      }
      this.#chunks.push(bytes.subarray(start, end));
    }
  }

  end(): void {
    const head = this.#head as MessageHead;
    const pieces = this.#answer(head);
    if (this.#socket.writableEnded) return;
    if (pieces.length === 1) this.#socket.write(pieces[0], 'latin1');
    else {
      this.#socket.cork();
      for (const piece of pieces) this.#socket.write(piece, 'latin1');
      this.#socket.uncork();
    }
    if (!head.keepAlive) this.#socket.end();
  }

  #answer(head: MessageHead): (Buffer | string)[] {
    const hash = this.#hash?.digest('hex');
    if (this.#path === '/hash') return hashAnswer(head, hash as string);
    if (hash !== undefined && hash !== head.sha256) {
      return [refusal('422 Unprocessable Content', `the body has the hash ${hash}, announced was another`)];
    }
    if (this.#path === '/echo') {
      const chunks = this.#chunks;
      this.#chunks = [];
      return echoAnswer(head, chunks, this.#length);
    }
    return this.#fixed.pieces(head.id, head.method !== 'HEAD', head.keepAlive);
  }
}
