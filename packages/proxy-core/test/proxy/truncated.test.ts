/** An answer that its server breaks off reaches the client broken off: never as a whole one. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { createAuthority } from '@tulle/testkit';
import type { Test } from 'tap';
import t from 'tap';
import { cluster, config, onEveryEngine, start, tcpServer } from './fixture.js';

/** What a client gets, and how it ends. */
async function seenBy(port: number): Promise<{ text: string; ending: 'end' | 'reset' }> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  let text = '';
  let ending: 'end' | 'reset' = 'end';
  socket.on('data', (part) => {
    text += part.toString('latin1');
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => {
    ending = 'reset';
  });
  socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  return { text, ending };
}

/** Is what the client got a whole answer, as RFC 9112 section 6.3 reads it? */
function isWhole({ text, ending }: { text: string; ending: string }): boolean {
  const [head, ...rest] = text.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length);
  if (/^transfer-encoding: chunked/im.test(head)) return body.endsWith('0\r\n\r\n');
  return ending === 'end';
}

const broken: [name: string, answer: string][] = [
  ['content-length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'],
  ['chunked, between two chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ['chunked, within a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc'],
  ['chunked, before its last line', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n'],
];

onEveryEngine(t, 'plain text: whatever is missing is seen to be missing', async (t, engine) => {
  for (const [name, answer] of broken) {
    for (const how of ['end', 'reset'] as const) {
      const upstream = await tcpServer(t, (socket) => {
        socket.once('data', () => {
          if (how === 'end') socket.end(answer);
          else socket.write(answer, () => setImmediate(() => socket.resetAndDestroy()));
        });
      });
      const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
      const seen = await seenBy(port);
      t.notOk(isWhole(seen), `${name}, ${how}: ${JSON.stringify(seen)}`);
      t.match((await logged(1))[0], { reason: 'upstream-reset' });
    }
  }
});

async function tlsServer(t: Test, answered: (socket: tls.TLSSocket, raw: net.Socket) => void) {
  const authority = await createAuthority();
  const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/up');
  const context = { cert: identity.certificateChainPem, key: identity.privateKeyPem };
  const raws = new Set<net.Socket>();
  const server = net.createServer((raw) => {
    raws.add(raw);
    raw.on('error', () => {});
    const socket = new tls.TLSSocket(raw, { isServer: true, ...context });
    socket.on('error', () => {});
    socket.once('data', () => answered(socket, raw));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const raw of raws) raw.destroy();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, rootPem: authority.rootPem };
}

onEveryEngine(t, 'TLS: an answer that ends with its connection is whole with close_notify only', async (t, engine) => {
  const answer = 'HTTP/1.1 200 OK\r\n\r\nuntil the end';
  for (const [how, expected] of [
    ['close_notify', true],
    ['FIN alone', false],
    ['RST', false],
  ] as const) {
    const { port: upstream, rootPem } = await tlsServer(t, (socket, raw) => {
      if (how === 'close_notify') socket.end(answer);
      else
        socket.write(answer, () =>
          setImmediate(() => {
            if (how === 'RST') raw.resetAndDestroy();
            else raw.end();
          }),
        );
    });
    const up = cluster('up', [upstream], { tls: { trust: 'root', alpn: [] } });
    const endpoints = [{ address: { host: '127.0.0.1', port: upstream }, weight: 1, tls: true }];
    const secured = config({ clusters: [{ ...up, endpoints }] });
    const trust = [{ name: 'root', caPem: rootPem, trustDomain: undefined }];
    const { port, logged } = await start(t, engine, { ...secured, trust });
    const seen = await seenBy(port);
    t.match(seen.text, /until the end/, how);
    t.equal(isWhole(seen), expected, `${how}: ${JSON.stringify(seen)}`);
    t.match((await logged(1))[0], { status: 200, reason: expected ? '' : 'upstream-reset' });
  }
});
