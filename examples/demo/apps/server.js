// A plain HTTP server. It knows nothing of any mesh.
//   VERSION  named in the answers (default v1)     PORT  default 8080     HOST  default 0.0.0.0
//   GET  /           one line: who answered, which version, what was asked
//   POST /echo       the body, streamed back
//   POST /hash       {"sha256":…,"length":…} of the body
//   GET  /slow?ms=N  answers after N milliseconds
//   GET  /status/N   answers with that status
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const version = process.env.VERSION ?? 'v1';
const port = Number(process.env.PORT ?? 8080);
const host = process.env.HOST ?? '0.0.0.0';
const name = process.env.HOSTNAME ?? hostname();
/** The longest /slow may hold a request: past this a typing mistake would look like a hang. */
const maxSlowMs = 60_000;

function text(response, status, body) {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function hash(request, response) {
  const digest = createHash('sha256');
  let length = 0;
  request.on('data', (chunk) => {
    digest.update(chunk);
    length += chunk.length;
  });
  request.on('end', () => text(response, 200, `${JSON.stringify({ sha256: digest.digest('hex'), length })}\n`));
}

function echo(request, response) {
  const headers = { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' };
  // The answer is framed as the question was: by length, or in chunks.
  if (request.headers['content-length'] !== undefined) headers['content-length'] = request.headers['content-length'];
  response.writeHead(200, headers);
  request.pipe(response);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://server');
  if (url.pathname === '/echo') return echo(request, response);
  if (url.pathname === '/hash') return hash(request, response);
  request.resume();
  const status = /^\/status\/([2-5]\d\d)$/.exec(url.pathname);
  if (status !== null) {
    const code = Number(status[1]);
    if (code !== 204 && code !== 304) return text(response, code, `status ${code}\n`);
    response.writeHead(code);
    return response.end();
  }
  if (url.pathname === '/slow') {
    const ms = Math.min(maxSlowMs, Math.max(0, Number(url.searchParams.get('ms') ?? 1000) || 0));
    const timer = setTimeout(() => text(response, 200, `slept ${ms} ms\n`), ms);
    response.on('close', () => clearTimeout(timer));
    return undefined;
  }
  if (url.pathname === '/headers') return text(response, 200, `${JSON.stringify(request.headers)}\n`);
  return text(response, 200, `hello from ${name} ${version}: ${request.method} ${request.url}\n`);
});

server.keepAliveTimeout = 75_000;
server.on('error', (error) => {
  console.error(`cannot listen on ${host}:${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, host, () => console.log(`server ${version} listens on ${host}:${port}`));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
