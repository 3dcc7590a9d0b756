import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { ask, cluster, config, exchangeBytes, httpServer, onEveryEngine, start, tcpServer } from './fixture.js';

onEveryEngine(t, 'after a 101 bytes are opaque both ways, and each side may end first', async (t, engine) => {
  const upstream = await tcpServer(t, (socket) => {
    let text = '';
    socket.on('data', (part) => {
      text += part;
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      if (text.endsWith('\r\n\r\n'))
        socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ');
      if (body === 'bye') socket.end('server ends');
    });
    socket.on('end', () => socket.end(`got ${text.slice(text.indexOf('\r\n\r\n') + 4)}`));
  });
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  for (const [send, got, end] of [
    ['to the end', 'hello got to the end', true],
    ['bye', 'hello server ends', false],
  ] as const) {
    const request = http.get({
      host: '127.0.0.1',
      port,
      headers: { connection: 'upgrade', upgrade: 'websocket' },
      agent: false,
    });
    const [response, socket, head] = (await once(request, 'upgrade')) as [http.IncomingMessage, net.Socket, Buffer];
    t.equal(response.statusCode, 101);
    let text = head.toString();
    socket.on('data', (part) => {
      text += part;
    });
    if (end) socket.end(send);
    else socket.write(send);
    await once(socket, 'end');
    socket.end();
    t.equal(text, got);
  }
  t.match(await logged(2), [
    { status: 101, reason: '' },
    { status: 101, reason: '' },
  ]);
});

onEveryEngine(
  t,
  '100-continue is asked of the upstream, and a refusal reaches the client before its body',
  async (t, engine) => {
    const server = http.createServer();
    server.on('checkContinue', (request, response) => {
      if (request.url === '/no') {
        response.writeHead(417).end();
        return;
      }
      response.writeContinue();
      request.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = await start(
      t,
      engine,
      config({ clusters: [cluster('up', [(server.address() as net.AddressInfo).port])] }),
    );
    const request = http.request({
      host: '127.0.0.1',
      port,
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 4 },
      agent: false,
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('body');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    t.equal(String((await response.toArray())[0]), 'body');
    const refused = await ask({
      port,
      path: '/no',
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 4 },
    }).catch(() => undefined);
    t.ok(refused === undefined || refused.status === 417);
  },
);

onEveryEngine(t, 'an answer before the end of the body is delivered whole', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) =>
    response.writeHead(413, { connection: 'close' }).end('too much'),
  );
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n';
  const socket = net.connect({ host: '127.0.0.1', port });
  let text = '';
  socket.on('data', (part) => {
    text += part;
  });
  socket.on('error', () => {});
  socket.write(head + 'x'.repeat(1_000));
  await once(socket, 'data');
  socket.write('x'.repeat(299_000));
  socket.end();
  await once(socket, 'close');
  t.match(text, /^HTTP\/1\.1 413 [\s\S]*too much\r\n0\r\n\r\n$/);
  t.match((await logged(1))[0], { status: 413, attempts: 1 });
});

onEveryEngine(t, 'pipelined requests are answered in their order', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    // The first takes the longest.
    setTimeout(() => response.end(`<${request.url}>`), request.url === '/0' ? 50 : 0);
  });
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const requests = [0, 1, 2, 3].map(
    (i) => `GET /${i} HTTP/1.1\r\nhost: a\r\n${i === 3 ? 'connection: close\r\n' : ''}\r\n`,
  );
  const text = await exchangeBytes(port, requests.join(''));
  t.same(text.match(/<\/\d>/g), ['</0>', '</1>', '</2>', '</3>']);
  t.same(
    (await logged(4)).map(({ path }) => path),
    ['/0', '/1', '/2', '/3'],
  );
});
