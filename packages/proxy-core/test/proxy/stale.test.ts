/** Servers that close kept connections at the worst moment: whoever asks for what may be repeated must not notice, and what may not be is sent once. */
import http from 'node:http';
import type { Socket } from 'node:net';
import type { Test } from 'tap';
import t from 'tap';
import { seeded } from '../balance/loads.js';
import { ask, cluster, config, onEveryEngine, start, tcpServer, toCluster } from './fixture.js';

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const clients = 16;
const requestsEach = 130;

/** What a server does behind an answer. */
const endings: readonly ((socket: Socket) => void)[] = [
  () => {},
  () => {},
  (socket) => socket.end(),
  (socket) => void socket.resetAndDestroy(),
  (socket) => void setImmediate(() => socket.end()),
  (socket) => void setImmediate(() => socket.resetAndDestroy()),
  (socket) => void setImmediate(() => setImmediate(() => socket.destroy())),
  // Closes when the next request is there already: whether it was read nobody can tell.
  (socket) => void socket.prependOnceListener('data', () => socket.resetAndDestroy()),
];

/** A server that ends connections by chance; how often it has taken each request that it answered or read. */
async function closingServer(t: Test, seen: Map<string, number>): Promise<number> {
  const random = seeded(11);
  return tcpServer(t, (socket) => {
    let text = '';
    socket.on('data', (part) => {
      // Who has said that no more answers come takes no more requests: what comes is dropped.
      if (socket.writableEnded) return;
      text += part.toString('latin1');
      // A request is whole with its head, or with the two bytes of its body.
      for (let match = takeRequest(text); match !== undefined; match = takeRequest(text)) {
        text = match.rest;
        seen.set(match.path, (seen.get(match.path) ?? 0) + 1);
        if (socket.destroyed) return;
        socket.write(answer);
        endings[Math.floor(random() * endings.length)](socket);
      }
    });
    socket.on('end', () => socket.end());
  });
}

function takeRequest(text: string): { path: string; rest: string } | undefined {
  const head = /^(GET|POST) (\S+) [\s\S]*?\r\n\r\n/.exec(text);
  if (head === null) return undefined;
  const length = head[0].length + (head[1] === 'POST' ? 2 : 0);
  return text.length < length ? undefined : { path: head[2], rest: text.slice(length) };
}

async function load(port: number, method: string, body: string | undefined): Promise<Map<number, number>> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const statuses = new Map<number, number>();
  const one = async (client: number): Promise<void> => {
    for (let i = 0; i < requestsEach; i++) {
      const { status } = await ask({ port, method, path: `/${client}/${i}`, body, agent });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
  agent.destroy();
  return statuses;
}

const total = clients * requestsEach;

onEveryEngine(t, 'requests that may be repeated are all answered', async (t, engine) => {
  const seen = new Map<string, number>();
  const upstream = await closingServer(t, seen);
  const route = toCluster('up');
  const repeats = { ...route, action: { ...route.action, retry: { attempts: 10, on: ['reset'] } } } as typeof route;
  const { port, proxy } = await start(t, engine, config({ routes: [repeats], clusters: [cluster('up', [upstream])] }));
  t.same([...(await load(port, 'GET', undefined))], [[200, total]]);
  const retries = /^tulle_retries_total\{.*\} (\d+)$/m.exec(proxy.metrics())?.[1];
  t.ok(Number(retries) > 100, `${retries} were sent again`);
});

onEveryEngine(t, 'requests that may not be repeated are taken once at most', async (t, engine) => {
  const seen = new Map<string, number>();
  const upstream = await closingServer(t, seen);
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const statuses = await load(port, 'POST', 'ab');
  t.equal((statuses.get(200) ?? 0) + (statuses.get(502) ?? 0), total, JSON.stringify([...statuses]));
  t.ok((statuses.get(200) ?? 0) > total / 2);
  t.same(
    [...seen].filter(([, times]) => times > 1),
    [],
    'no request twice',
  );
});
