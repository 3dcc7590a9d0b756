import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { maxRequestBytes } from '../limits.js';
import type { Reply, Request } from '../protocol.js';

export interface SocketServer {
  close(): void;
}

/**
 * Listens on the unix socket, for its owner only, and answers one request a connection. An error of `answer` is told to the
 * caller, never thrown on.
 */
export async function serveSocket(
  path: string,
  answer: (request: Request, progress: (text: string) => void) => Promise<unknown>,
): Promise<SocketServer> {
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    readLine(socket, (line) => {
      const say = (reply: Reply): void => {
        if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
      };
      handle(line, answer, (text) => say({ progress: text })).then(
        (reply) => {
          say(reply);
          socket.end();
        },
        () => socket.destroy(),
      );
    });
  });
  // Born closed to others: between bind and chmod there must be no moment in which they could connect.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
    await once(server, 'listening');
  } finally {
    process.umask(mask);
  }
  chmodSync(path, 0o600);
  server.on('error', () => {});
  return {
    close: () => {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

async function handle(
  line: string,
  answer: (request: Request, progress: (text: string) => void) => Promise<unknown>,
  progress: (text: string) => void,
): Promise<Reply> {
  try {
    return { ok: true, result: await answer(JSON.parse(line) as Request, progress) };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
}

function readLine(socket: Socket, received: (line: string) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  let done = false;
  socket.on('data', (chunk) => {
    if (done) return;
    length += chunk.length;
    if (length > maxRequestBytes) {
      done = true;
      socket.destroy();
      return;
    }
    chunks.push(chunk);
    const newline = chunk.indexOf(10);
    if (newline < 0) return;
    done = true;
    received(Buffer.concat(chunks).toString('utf8').split('\n', 1)[0]);
  });
}
