import { createServer, type Server } from 'node:http';
import { formatAddress, type SocketAddress } from '@tulle/proxy-core';
import { ADMIN_REQUEST_TIMEOUT_MS } from '../limits.js';

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** `GET /path` -> what it answers. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

/** An address cannot be listened on. The message holds the remedy. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

export interface Listening {
  readonly address: SocketAddress;
  close(): Promise<void>;
}

export function textPage(status: number, body: string, contentType = 'text/plain; charset=utf-8'): Page {
  return { status, contentType, body };
}

export function jsonPage(value: unknown): Page {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

/**
 * Serves pages.
 * @param key of the address in the bootstrap, for the error.
 * @throws ListenError
 */
export async function servePages(key: string, at: SocketAddress, pages: Pages): Promise<Listening> {
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const path = url.split('?', 1)[0];
    void answer(method, path, pages).then(({ status, contentType, body }) => {
      response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
      response.end(method === 'HEAD' ? undefined : body);
    });
  });
  server.requestTimeout = ADMIN_REQUEST_TIMEOUT_MS;
  server.headersTimeout = ADMIN_REQUEST_TIMEOUT_MS;
  await listen(server, key, at);
  const { address: host, port } = server.address() as { address: string; port: number };
  return {
    address: { host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(method: string, path: string, pages: Pages): Promise<Page> {
  const wanted = method === 'HEAD' ? 'GET' : method;
  const key = `${wanted} ${path}`;
  if (!Object.hasOwn(pages, key)) {
    const other = Object.keys(pages).find((page) => page.endsWith(` ${path}`));
    if (other !== undefined) return textPage(405, `use ${other}\n`);
    return textPage(404, `there are: ${Object.keys(pages).join(', ')}\n`);
  }
  try {
    return await pages[key]();
  } catch (error) {
    return textPage(500, `${(error as Error).message}\n`);
  }
}

function listen(server: Server, key: string, at: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(key, at, cause)));
    server.listen(at.port, at.host, resolve);
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: stop it',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
};

function listenError(key: string, at: SocketAddress, cause: NodeJS.ErrnoException): ListenError {
  const why = REASONS[cause.code ?? ''] ?? cause.message;
  return new ListenError(
    `cannot listen on ${formatAddress(at)}: ${why}, or give "${key}" another address in the bootstrap`,
    {
      cause,
    },
  );
}
