/** The forms that HTTP/1.1 messages take, through a whole proxy on either engine: what the codec's documents say, seen from both ends. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import t from 'tap';
import { readCases } from '../codec/case-file.js';
import { bytesOf, readAll } from '../codec/reading.js';
import { cluster, config, exchangeBytes, httpServer, onEveryEngine, start, tcpServer } from './fixture.js';

const folder = new URL('../codec/cases/', import.meta.url);
const answers = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) => readCases(new URL(name, folder)).map((one) => ({ ...one, title: `${name}: ${one.title}` })))
  .filter(({ kind, method, upgradeAsked }) => kind === 'response' && method === 'GET' && !upgradeAsked)
  .concat({
    title: 'an answer with another one behind it',
    kind: 'response',
    method: 'GET',
    upgradeAsked: false,
    bytes: bytesOf('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned'),
    peerEnds: false,
    events: ['head 200, OK, length 0', 'end'],
  });

onEveryEngine(
  t,
  'a bad answer is 502 without a byte of it, or breaks off; nobody else is given what is behind it',
  async (t, engine) => {
    let bytes: Uint8Array = bytesOf('');
    let ends = false;
    const upstream = await tcpServer(t, (socket) => {
      socket.on('data', (part) => {
        if (part.includes('GET /second')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond');
        else if (ends) socket.end(bytes);
        else socket.write(bytes);
      });
      socket.on('end', () => socket.end());
    });
    const limits = {
      ...{ maxHeadBytes: 1_024, maxHeaderFields: 16, maxTrailerBytes: 128 },
      ...{ maxInterimResponses: 3, maxChunkExtensionBytes: 32, maxChunkOverheadBytes: 256 },
    };
    const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])], limits }));
    const get = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
    const counts = { whole: 0, refused: 0, broken: 0 };
    for (const one of answers) {
      bytes = one.bytes;
      // What is cut short ends there, and so does what would be waited for.
      ends = one.peerEnds || !one.events.some((line) => line === 'end' || line.startsWith('malformed'));
      const text = await exchangeBytes(port, get).catch(() => '');
      const got = readAll('response', bytesOf(text)).messages.filter(({ status }) => status >= 200);
      const isBad = !one.events.includes('end');
      const hasHead = one.events.some((line) => /^head [2-5]/.test(line));
      if (isBad && !hasHead) {
        counts.refused++;
        t.match(got, [{ status: 502, isWhole: true }], one.title);
        t.match(text, /x-tulle-reason: upstream-(bad-response|reset)\r\n/, one.title);
        t.equal(got.length, 1, one.title);
      } else if (isBad) {
        counts.broken++;
        t.notOk(
          got.some(({ isWhole }) => isWhole),
          `${one.title}: the client can tell that it is not whole`,
        );
      } else {
        counts.whole++;
        t.match(
          got,
          [{ isWhole: true, status: Number(/^head ([2-5]..)/m.exec(one.events.join('\n'))?.[1]) }],
          one.title,
        );
      }
      const second = await exchangeBytes(port, get.replace('/', '/second'));
      t.match(second, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nsecond$/, `behind ${one.title}`);
    }
    t.ok(counts.whole > 20 && counts.refused > 40 && counts.broken > 20, JSON.stringify(counts));
  },
);

onEveryEngine(t, 'answers without a body are followed by the next one on both connections', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    if (status === 304) response.setHeader('content-length', 7);
    response.writeHead(status, { 'x-path': request.url });
    response.end(request.method === 'HEAD' || status === 204 || status === 304 ? undefined : 'a body');
  });
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const requests = ['HEAD /200', 'GET /204', 'GET /304', 'HEAD /404', 'OPTIONS /204', 'GET /200'];
  const text = await exchangeBytes(
    port,
    requests.map((line, i) => `${line} HTTP/1.1\r\nhost: a\r\n${i === 5 ? 'connection: close\r\n' : ''}\r\n`).join(''),
  );
  t.same(
    [...text.matchAll(/HTTP\/1\.1 (\d+) .*\r\nx-path: (\S+)/g)].map(([, status, path]) => `${status} ${path}`),
    ['200 /200', '204 /204', '304 /304', '404 /404', '204 /204', '200 /200'],
  );
  t.equal(text.match(/a body/g)?.length, 1);
  t.match(text, /HTTP\/1\.1 304 [\s\S]*?content-length: 7\r\n/, 'what it would have been');
  t.equal((await logged(6)).length, 6);
});

onEveryEngine(t, 'interim answers pass in order to those who know them, and not to HTTP/1.0', async (t, engine) => {
  const upstream = await tcpServer(t, (socket) => {
    socket.on('data', () =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      ),
    );
    socket.on('end', () => socket.end());
  });
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const text = await exchangeBytes(port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  t.match(
    text,
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
  );
  t.match(await exchangeBytes(port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/);
});

onEveryEngine(t, 'trailers pass both ways, without those that belong in a head', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { trailer: 'x-answer', 'transfer-encoding': 'chunked' });
      response.write('ok');
      response.addTrailers({
        'x-answer': JSON.stringify(request.trailers),
        'set-cookie': 'a=b',
        'x-tulle-reason': 'no-route',
      });
      response.end();
    });
  });
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const head = 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n';
  const trailers = 'X-Sum: 7\r\nAuthorization: Bearer x\r\nX-Forwarded-Client-Cert: URI=spiffe://x\r\n';
  const text = await exchangeBytes(port, `${head}2\r\nhi\r\n0\r\n${trailers}\r\n`);
  t.match(text, /\r\n0\r\nx-answer: {"x-sum":"7"}\r\n\r\n$/);
});

onEveryEngine(t, 'Connection takes away fields of the hop, and nothing that the proxy adds', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    response.writeHead(200, { connection: 'x-tulle-reason, x-mine', 'x-mine': '1', 'x-kept': '2' });
    response.end(JSON.stringify(request.headers));
  });
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const fields =
    'connection: close, x-request-id, host, content-length, x-hop, via\r\nx-hop: 1\r\ncontent-length: 2\r\n';
  const bodyOf = (text: string): Record<string, string> => {
    const [message] = readAll('response', bytesOf(text)).messages;
    t.notOk(
      message.fields.some((field) => /^x-mine:/i.test(field)),
      'the answer has no field of the hop',
    );
    return JSON.parse(message.body) as Record<string, string>;
  };
  const own = bodyOf(await exchangeBytes(port, `POST / HTTP/1.1\r\nhost: a\r\n${fields}\r\nok`));
  t.match(own, { host: 'a', 'content-length': '2', 'x-request-id': /^[0-9a-f-]{36}$/ });
  t.notOk('x-hop' in own);
  const named = bodyOf(
    await exchangeBytes(port, `POST / HTTP/1.1\r\nhost: a\r\nx-request-id: mine-8\r\n${fields}\r\nok`),
  );
  t.equal(named['x-request-id'], 'mine-8');
  const lines = await logged(2);
  t.same(
    lines.map(({ request_id }) => request_id),
    [own['x-request-id'], 'mine-8'],
    'the log has the id that was sent on',
  );
});

onEveryEngine(t, 'OPTIONS * passes, in either form', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => response.end(`${request.method} ${request.url}`));
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  for (const target of ['*', 'http://a']) {
    const text = await exchangeBytes(port, `OPTIONS ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    t.match(text, /OPTIONS \*/);
  }
});

onEveryEngine(t, 'HTTP/1.0: kept when asked, closed otherwise, never chunked', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    response.write(`<${request.url}>`);
    response.end();
  });
  const counted = await httpServer(t, (request, response) => response.end(`<${request.url}>`));
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const chunkless = await exchangeBytes(
    port,
    'GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n',
  );
  t.match(
    chunkless,
    /\r\nconnection: close\r\n\r\n<\/a>$/,
    'without a length the end of the connection is the end of the body',
  );
  const kept = await start(t, engine, config({ clusters: [cluster('up', [counted])] }));
  const two = await exchangeBytes(
    kept.port,
    'GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\nGET /c HTTP/1.0\r\n\r\n',
  );
  t.same(two.match(/<\/.>/g), ['</a>', '</b>']);
  t.match(two, /connection: keep-alive\r\n[\s\S]*connection: close\r\n/);
});

onEveryEngine(
  t,
  'CONNECT: a 2xx makes a tunnel, each side may end first; anything else is an answer',
  async (t, engine) => {
    const upstream = await tcpServer(t, (socket) => {
      let text = '';
      socket.on('data', (part) => {
        text += part;
        const end = text.indexOf('\r\n\r\n') + 4;
        if (text.startsWith('CONNECT no') && end === text.length) {
          socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
          text = '';
        } else if (end === text.length) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello ');
        } else if (text.endsWith('bye')) {
          socket.end('server ends');
        }
      });
      socket.on('end', () => socket.end(`got ${text.slice(text.indexOf('\r\n\r\n') + 4)}`));
    });
    const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
    const connect = 'CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n';
    for (const [send, got, end] of [
      ['GET /in HTTP/1.1\r\n\r\n', 'hello got GET /in HTTP/1.1\r\n\r\n', true],
      ['bye', 'hello server ends', false],
    ] as const) {
      const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      let text = '';
      socket.on('data', (part) => {
        text += part;
      });
      socket.write(connect);
      while (!text.endsWith('hello ')) await once(socket, 'data');
      if (end) socket.end(send);
      else socket.write(send);
      await once(socket, 'end');
      socket.end();
      t.equal(text, `HTTP/1.1 200 OK\r\n\r\n${got}`);
    }
    const refused = await exchangeBytes(
      port,
      'CONNECT no:1 HTTP/1.1\r\nhost: no:1\r\n\r\nCONNECT no:2 HTTP/1.1\r\nhost: no:2\r\nconnection: close\r\n\r\n',
    );
    t.equal(refused.match(/HTTP\/1\.1 403 /g)?.length, 2, 'what was sent behind is the next request');
    t.match(await logged(4), [{ status: 200 }, { status: 200 }, { status: 403 }, { status: 403 }]);
  },
);

onEveryEngine(
  t,
  'a handshake that fails leaves HTTP: what the client sends behind it is policed as requests',
  async (t, engine) => {
    const upstream = await httpServer(t, (request, response) => {
      if (request.headers.upgrade === undefined) response.end(`<${request.url}>`);
      else response.writeHead(426, { upgrade: 'websocket', connection: 'upgrade' }).end('<426>');
    });
    const authorization = [
      {
        action: 'deny',
        policies: [
          {
            name: 'x/admin',
            principals: [{ kind: 'any' }],
            permissions: [{ kind: 'path', match: 'prefix', value: '/admin' }],
          },
        ],
      },
    ] as const;
    const { port, logged } = await start(
      t,
      engine,
      config({ clusters: [cluster('up', [upstream])], chain: { authorization } }),
    );
    const upgrade =
      'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 1\r\n\r\n';
    const text = await exchangeBytes(port, `${upgrade}GET /admin HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    t.match(text, /^HTTP\/1\.1 426 [\s\S]*<426>[\s\S]*HTTP\/1\.1 403 /);
    t.match(await logged(2), [
      { path: '/ws', status: 426 },
      { path: '/admin', status: 403, reason: 'access-denied' },
    ]);
  },
);

onEveryEngine(
  t,
  'a client that ends with its request for an upgrade has ended its side of the tunnel',
  async (t, engine) => {
    const upstream = await tcpServer(t, (socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'));
      socket.on('end', () => socket.end('the end was told'));
    });
    const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
    const upgrade = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
    t.match(await exchangeBytes(port, upgrade, true), /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nthe end was told$/);
    t.match(await logged(1), [{ status: 101, reason: '' }]);
  },
);
