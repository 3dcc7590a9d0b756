/* `node-http-proxy.js SPEC`: one proxy of node:http. SPEC is a ProxySpec as JSON. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { ProxySpec, TlsEnd } from '../systems/system.js';

const { listen, to, listenTls, toTls } = JSON.parse(readFileSync(process.argv[2], 'utf8')) as ProxySpec;
const client = toTls === undefined ? http : https;
const agent = new client.Agent({
  keepAlive: true,
  maxFreeSockets: 10_000,
  maxCachedSessions: 0,
  ...upstreamTls(toTls),
});

function handle(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { connection: _, ...headers } = request.headers;
  const options = { agent, host: to.host, port: to.port, method: request.method, path: request.url, headers };
  const upstream = client.request(options, (answer) => {
    const { connection: __, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, rest);
    answer.pipe(response);
  });
  upstream.on('error', () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  // A request without a body ends at once: piping it would make node announce a chunked one.
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined)
    upstream.end();
  else request.pipe(upstream);
}

const server =
  listenTls === undefined
    ? http.createServer(handle)
    : https.createServer(
        { ...filesOf(listenTls), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
        handle,
      );
server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.listen({ host: listen.host, port: listen.port, backlog: 4096 });
process.once('SIGTERM', () => process.exit(0));

function upstreamTls(tls: TlsEnd | undefined): https.AgentOptions {
  return tls === undefined ? {} : { ...filesOf(tls), servername: tls.peerName, minVersion: 'TLSv1.3' };
}

function filesOf({ certificate, key, ca }: TlsEnd): { cert: Buffer; key: Buffer; ca: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key), ca: readFileSync(ca) };
}
