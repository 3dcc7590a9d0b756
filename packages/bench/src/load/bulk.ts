import { connect, type Socket } from 'node:net';
import { bulkPattern } from '../server/bulk.js';
import type { LoadTarget } from './closed-loop.js';
import { Failures } from './result.js';

/*
 * Takes what a server sends without end, on a number of connections. Each piece is held against the pattern at its place in the stream: its first bytes always, the
 * whole of one in sixteen.
 */

export interface BulkFigures {
  failures: Failures;
  durationS: number;
  connects: number;
  receivedBytes: number;
}

const bufferBytes = 256 * 1024;
const wholeEvery = 16;
const prefix = 32;

export class BulkReader {
  readonly #target: LoadTarget;
  readonly #sockets: Socket[];
  readonly #connections: number;
  #received: number;
  #failures: Failures;

  constructor(target: LoadTarget, connections: number) {
    this.#target = target;
    this.#connections = connections;
    this.#sockets = [];
    this.#received = 0;
    this.#failures = new Failures();
  }

  /** Opens the streams; they flow from now on. */
  async open(): Promise<void> {
    await Promise.all(Array.from({ length: this.#connections }, () => this.#stream()));
  }

  /** Counts for so many seconds. */
  run(seconds: number): Promise<BulkFigures> {
    this.#received = 0;
    const start = performance.now();
    return new Promise((resolve) => {
      setTimeout(() => {
        resolve({
          failures: this.#failures,
          durationS: (performance.now() - start) / 1000,
          connects: 0,
          receivedBytes: this.#received,
        });
        this.#failures = new Failures();
      }, seconds * 1000);
    });
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  #stream(): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(bufferBytes);
    let at = 0;
    let pieces = 0;
    return new Promise((resolve) => {
      const socket = connect({
        host: this.#target.host,
        port: this.#target.port,
        onread: {
          buffer,
          callback: (length) => {
            const whole = pieces % wholeEvery === 0;
            if (!isPattern(buffer, whole ? length : Math.min(length, prefix), at)) {
              this.#failures.add('content', `the stream differs near byte ${at}`);
              socket.destroy();
            }
            pieces += 1;
            at = (at + length) % bulkPattern.length;
            this.#received += length;
            return true;
          },
        },
      });
      this.#sockets.push(socket);
      socket.once('connect', resolve);
      socket.on('error', (error) => this.#failures.add('connection-lost', error.message));
      socket.on('close', () => {
        if (this.#sockets.includes(socket)) this.#failures.add('connection-lost', 'the stream ended');
        resolve();
      });
    });
  }
}

function isPattern(bytes: Buffer, length: number, streamAt: number): boolean {
  let at = 0;
  while (at < length) {
    const from = (streamAt + at) % bulkPattern.length;
    const size = Math.min(length - at, bulkPattern.length - from);
    if (bulkPattern.compare(bytes, at, at + size, from, from + size) !== 0) return false;
    at += size;
  }
  return true;
}
