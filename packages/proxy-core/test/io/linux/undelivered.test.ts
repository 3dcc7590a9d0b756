import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { createAuthority, RecordingHandler, writeText } from '@tulle/testkit';
import t from 'tap';
import { meanwhile, nodeTurns, openStage, type Stage } from './stage.js';

interface Foreign {
  readonly port: number;
  readonly sockets: net.Socket[];
}

async function foreignServer(
  t: { teardown(run: () => unknown): void },
  options: net.ServerOpts = {},
): Promise<Foreign> {
  const sockets: net.Socket[] = [];
  const server = net.createServer(options, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, sockets };
}

/** A connection that has carried one message already, as a pooled one has; `undelivered` is asked in `onClose`. */
async function used(stage: Stage, foreign: Foreign, read = true) {
  let undelivered: boolean | undefined;
  const handler = new RecordingHandler({
    onClose: (connection) => {
      undelivered = connection.undelivered();
    },
  });
  const connection = stage.connect({ host: '127.0.0.1', port: foreign.port }, handler);
  writeText(connection, 'first request');
  await stage.until('open', () => handler.opened && foreign.sockets.length === 1);
  const [socket] = foreign.sockets;
  if (read) {
    let got = 0;
    socket.on('data', (chunk) => {
      got += chunk.length;
    });
    await stage.until('the first request is read', () => got === 13);
  }
  return { connection, handler, socket, undelivered: () => undelivered };
}

t.test('certain: the peer had closed before the bytes went out, and answers them with an RST', async (t) => {
  const stage = openStage(t);
  const { connection, handler, socket, undelivered } = await used(stage, await foreignServer(t));
  socket.destroy();
  await nodeTurns();
  connection.mark();
  writeText(connection, 'second request');
  await stage.until('closed', () => handler.closed);
  t.equal(handler.error?.code, 'reset');
  t.equal(undelivered(), true);
});

t.test('certain: the reset was here before the write, so the kernel took nothing', async (t) => {
  const stage = openStage(t);
  const { connection, handler, socket, undelivered } = await used(stage, await foreignServer(t));
  socket.resetAndDestroy();
  await nodeTurns();
  connection.mark();
  writeText(connection, 'second request');
  await stage.until('closed', () => handler.closed);
  t.equal(handler.error?.code, 'reset');
  t.equal(undelivered(), true);
});

t.test('certain: it was never connected', async (t) => {
  const stage = openStage(t);
  const foreign = await foreignServer(t);
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  t.not(foreign.port, port);
  let undelivered: boolean | undefined;
  const handler = new RecordingHandler({
    onClose: (connection) => {
      undelivered = connection.undelivered();
    },
  });
  const connection = stage.connect({ host: '127.0.0.1', port }, handler);
  connection.mark();
  writeText(connection, 'request');
  await stage.until('refused', () => handler.closed);
  t.equal(handler.error?.code, 'refused');
  t.equal(undelivered, true);
});

t.test('not certain: the peer read the bytes and then reset', async (t) => {
  const stage = openStage(t);
  const { connection, handler, socket, undelivered } = await used(stage, await foreignServer(t));
  connection.mark();
  writeText(connection, 'second request');
  await once(socket, 'data');
  socket.resetAndDestroy();
  await stage.until('closed', () => handler.closed);
  t.equal(undelivered(), false);
});

t.test('not certain: the peer read a single byte and closed in order', async (t) => {
  const stage = openStage(t);
  const { connection, handler, socket, undelivered } = await used(stage, await foreignServer(t));
  connection.mark();
  writeText(connection, 'x');
  await once(socket, 'data');
  socket.destroy();
  await stage.until('ended', () => handler.ended);
  t.equal(connection.undelivered(), false);
  connection.end();
  await stage.until('closed', () => handler.closed);
  t.equal(undelivered(), false);
});

t.test("not certain: the peer's kernel has the bytes, though its program never read them", async (t) => {
  const stage = openStage(t);
  const foreign = await foreignServer(t, { pauseOnConnect: true });
  const { connection, handler, socket, undelivered } = await used(stage, foreign, false);
  connection.mark();
  writeText(connection, 'second request');
  await stage.turns(5);
  socket.destroy();
  await stage.until('closed', () => {
    if (handler.ended) connection.end();
    return handler.closed;
  });
  t.equal(undelivered(), false);
});

t.test('certain over TLS: the peer had sent close_notify and FIN', async (t) => {
  const stage = openStage(t);
  const authority = await createAuthority();
  const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
  const sockets: tls.TLSSocket[] = [];
  let got = 0;
  const server = tls.createServer({ cert: identity.certificateChainPem, key: identity.privateKeyPem }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      got += chunk.length;
    });
    sockets.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const context = stage.io.tlsContext({
    side: 'client',
    certificateChainPem: undefined,
    privateKeyPem: undefined,
    trustPem: authority.rootPem,
    requirePeerCertificate: true,
    alpn: [],
  });
  for (const read of [false, true]) {
    got = 0;
    const seen: boolean[] = [];
    const handler = new RecordingHandler({ onClose: (connection) => seen.push(connection.undelivered()) });
    const { port } = server.address() as net.AddressInfo;
    const connection = stage.connect({ host: '127.0.0.1', port }, handler, context);
    writeText(connection, 'first request');
    await stage.until('read', () => got === 13);
    const socket = sockets.pop();
    if (read) {
      connection.mark();
      writeText(connection, 'second request');
      await meanwhile(() => got === 27);
      socket?.destroy();
    } else {
      socket?.destroy();
      await nodeTurns();
      connection.mark();
      writeText(connection, 'second request');
    }
    await stage.until('closed', () => {
      if (handler.ended) connection.end();
      return handler.closed;
    });
    t.same(seen, [!read]);
  }
  context.release();
});
