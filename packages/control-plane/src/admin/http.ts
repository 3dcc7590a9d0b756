import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Listening, listenError } from '../serve/listen.js';

/** What an admin page answers. */
export interface Page {
  status: number;
  contentType: string;
  body: string;
}

/** Path -> page. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

export function jsonPage(value: unknown): Page {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

export function textPage(status: number, body: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

/** A slow or silent client holds a socket no longer than this. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Connections at once; more are closed at once. Who scrapes and looks needs a few. */
const MAX_CONNECTIONS = 256;

/**
 * Serves pages to be read, over plain HTTP: nothing secret is on them, and nothing can be changed by them.
 * @throws ListenError
 */
export async function listenAdmin(host: string, port: number, pages: Pages): Promise<Listening> {
  const table = new Map(Object.entries(pages));
  const server = createServer((request, response) => {
    answer(table, request).then(
      (page) => send(request, response, page),
      () => send(request, response, textPage(500, 'this page failed\n')),
    );
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await bind(server, host, port);
  return {
    address: host.includes(':') ? `[${host}]:${bound}` : `${host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(pages: ReadonlyMap<string, Pages[string]>, request: IncomingMessage): Promise<Page> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return textPage(405, 'only GET and HEAD\n');
  const path = (request.url ?? '').split('?', 1)[0];
  const page = pages.get(path);
  if (page === undefined) return textPage(404, `no such page; there are: ${[...pages.keys()].join(' ')}\n`);
  return page();
}

function send(request: IncomingMessage, response: ServerResponse, page: Page): void {
  const body = Buffer.from(page.body);
  response.writeHead(page.status, { 'content-type': page.contentType, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(listenError('--admin', `${host}:${port}`, cause)));
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
