/* `uws-proxy.js MODULE HOST PORT TO-HOST TO-PORT`: uWebSockets.js in front, node:http behind. MODULE is where the binary's loader lies. */
import http from 'node:http';
import { createRequire } from 'node:module';

/** The part of its interface that is used here. */
interface UwsResponse {
  cork(write: () => void): void;
  writeStatus(status: string): this;
  writeHeader(name: string, value: string): this;
  end(body: Buffer): void;
  onData(taken: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  onAborted(aborted: () => void): void;
}
interface UwsRequest {
  getMethod(): string;
  getUrl(): string;
  getQuery(): string;
  forEach(header: (name: string, value: string) => void): void;
}
interface Uws {
  App(): {
    any(
      pattern: string,
      handle: (response: UwsResponse, request: UwsRequest) => void,
    ): { listen(host: string, port: number, told: (socket: unknown) => void): void };
  };
}

const [path, host, port, toHost, toPort] = process.argv.slice(2);
const uws = createRequire(import.meta.url)(path) as Uws;
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 10_000 });
/** Made by uWebSockets.js itself, or for one connection only (RFC 9110, 7.6.1). */
const ownHeaders = new Set(['connection', 'content-length', 'transfer-encoding', 'keep-alive', 'date']);

uws
  .App()
  .any('/*', (response, request) => {
    // The request object is valid during this call only.
    const headers: Record<string, string> = {};
    request.forEach((name, value) => {
      if (name !== 'connection') headers[name] = value;
    });
    const query = request.getQuery();
    const target = query === '' || query === undefined ? request.getUrl() : `${request.getUrl()}?${query}`;
    forward(response, {
      agent,
      host: toHost,
      port: Number(toPort),
      method: request.getMethod().toUpperCase(),
      path: target,
      headers,
    });
  })
  .listen(host, Number(port), (socket) => {
    if (!socket) {
      process.stderr.write(`cannot listen on ${host}:${port}\n`);
      process.exit(1);
    }
  });
process.once('SIGTERM', () => process.exit(0));

function forward(response: UwsResponse, options: http.RequestOptions): void {
  let isGone = false;
  const upstream = http.request(options, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      if (isGone) return;
      response.cork(() => {
        response.writeStatus(`${answer.statusCode} ${answer.statusMessage}`);
        for (const [name, value] of Object.entries(answer.headers)) {
          if (typeof value === 'string' && !ownHeaders.has(name)) response.writeHeader(name, value);
        }
        response.end(Buffer.concat(chunks));
      });
    });
  });
  response.onAborted(() => {
    isGone = true;
    upstream.destroy();
  });
  upstream.on('error', () => {
    if (!isGone) response.cork(() => response.writeStatus('502 Bad Gateway').end(Buffer.alloc(0)));
  });
  response.onData((chunk, isLast) => {
    // The chunk's memory is taken back after this call.
    if (chunk.byteLength > 0) upstream.write(Buffer.from(chunk.slice(0)));
    if (isLast) upstream.end();
  });
}
