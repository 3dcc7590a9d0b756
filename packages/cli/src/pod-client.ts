// A program that is run inside a pod: one HTTP request, told as JSON in the first argument, its answer as JSON on standard output.
// It is the client of the demo that knows nothing of the mesh: it looks a name up, connects and asks.
import { request } from 'node:http';
import type { PodAnswer, PodRequest } from './pod-request.js';

const asked = JSON.parse(process.argv[2]) as PodRequest;
/** Where interception is not possible the testbed names the sidecar as the HTTP proxy, as every program understands it. */
const proxy = asked.direct === true ? undefined : (process.env.http_proxy ?? process.env.HTTP_PROXY);
const url = new URL(asked.url);
const target = proxy === undefined ? url : new URL(proxy);

const outgoing = request(
  {
    host: target.hostname.replace(/^\[|\]$/g, ''),
    port: target.port === '' ? 80 : Number(target.port),
    path: proxy === undefined ? `${url.pathname}${url.search}` : asked.url,
    method: asked.method ?? 'GET',
    headers: { host: url.host, ...asked.headers },
    timeout: asked.timeoutMs ?? 60_000,
  },
  (response) => {
    const { remoteAddress, remotePort } = response.socket;
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', (error) => answer({ error: error.message }));
    response.on('end', () =>
      answer({
        status: response.statusCode ?? 0,
        headers: response.headers as Record<string, string>,
        body: Buffer.concat(chunks).toString('utf8'),
        remote: `${remoteAddress}:${remotePort}`,
      }),
    );
  },
);
outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
outgoing.on('error', (error: NodeJS.ErrnoException) => answer({ error: error.code ?? error.message }));
outgoing.end(asked.body);

function answer(result: Partial<PodAnswer>): void {
  process.stdout.write(
    `${JSON.stringify({ status: 0, headers: {}, body: '', remote: '', error: undefined, ...result })}\n`,
  );
}
