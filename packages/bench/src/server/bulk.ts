import { type AddressInfo, createServer, type Socket } from 'node:net';
import { randomSequence } from '../load/arrivals.js';
import type { BenchServer } from './serve.js';

/** What a bulk stream repeats. Its length is no power of two, so that a piece that is missing shows. */
export const bulkPattern: Buffer = patternOf(262_139);

/** A server that sends to every connection, from its start and as fast as it takes. */
export async function serveBulk(host: string, port: number): Promise<BenchServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The reader goes when it has measured enough.
    socket.on('error', () => socket.destroy());
    const pour = (): void => {
      while (!socket.destroyed && socket.write(bulkPattern)) {
        // Until the socket's buffer is full; `drain` goes on.
      }
    };
    socket.on('drain', pour);
    socket.resume();
    pour();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  const { address, port: bound } = server.address() as AddressInfo;
  return {
    host: address,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function patternOf(bytes: number): Buffer {
  const pattern = Buffer.allocUnsafe(bytes);
  const random = randomSequence(7);
  for (let at = 0; at < bytes; at++) pattern[at] = random() * 256;
  return pattern;
}
