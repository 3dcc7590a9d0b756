import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import {
  ask,
  cluster,
  config,
  exchangeBytes,
  freePort,
  httpServer,
  metricsOf,
  onEveryEngine,
  start,
  tcpServer,
} from './fixture.js';

function connect(port: number): net.Socket {
  return net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
}

function hashed(socket: net.Socket): Promise<string> {
  const hash = createHash('sha256');
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (part) => hash.update(part));
    socket.on('end', () => resolve(hash.digest('hex')));
  });
}

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

onEveryEngine(t, '10 MB both ways at once arrive whole, and each direction ends on its own', async (t, engine) => {
  const there = randomBytes(10_000_000);
  const back = randomBytes(10_000_000);
  for (const protocol of ['tcp', 'auto'] as const) {
    let seen: Promise<string> | undefined;
    const upstream = await tcpServer(t, (socket) => {
      seen = hashed(socket);
      socket.end(back);
    });
    const { port, logged } = await start(
      t,
      engine,
      config({ clusters: [cluster('up', [upstream])], chain: { protocol } }),
    );
    const client = connect(port);
    const got = hashed(client);
    client.end(there);
    t.equal(await got, sha(back));
    t.equal(await seen, sha(there));
    t.match((await logged(1))[0], { protocol: 'tcp', reason: '', bytes_received: 10_000_000, bytes_sent: 10_000_000 });
  }
});

onEveryEngine(t, 'a half-close goes through in either direction while the other goes on', async (t, engine) => {
  const upstream = await tcpServer(t, (socket) => {
    let text = '';
    socket.on('data', (part) => {
      text += part;
      if (text === 'server first') socket.end('end of server');
    });
    socket.on('end', () => socket.end(`got ${text}`));
  });
  const { port } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [upstream])], chain: { protocol: 'tcp' } }),
  );
  t.equal(await exchangeBytes(port, 'client first', true), 'got client first');
  t.equal(await exchangeBytes(port, 'server first'), 'end of server');
});

onEveryEngine(t, 'a client that ends before it is known what it speaks is served and answered', async (t, engine) => {
  const upstream = await tcpServer(t, (socket) => {
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('end', () => socket.end(`got <${text}>`));
  });
  const { port, logged } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [upstream])], chain: { protocol: 'auto' } }),
  );
  for (const text of ['PING', '', 'GET']) t.equal(await exchangeBytes(port, text, true), `got <${text}>`);
  t.equal(await exchangeBytes(port, 'GET /', true).catch(() => 'reset'), '', 'an HTTP request that breaks off is none');
  for (const line of (await logged(3)).slice(0, 3)) t.match(line, { protocol: 'tcp', reason: '' });
});

onEveryEngine(
  t,
  'a server that speaks first is heard: at once where TCP is declared, soon where nothing is',
  async (t, engine) => {
    const upstream = await tcpServer(t, (socket) => socket.end('220 ready\r\n'));
    for (const protocol of ['tcp', 'auto'] as const) {
      const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])], chain: { protocol } }));
      t.equal(await exchangeBytes(port, ''), '220 ready\r\n', protocol);
    }
  },
);

onEveryEngine(t, 'auto tells HTTP from everything else, however its bytes are cut', async (t, engine) => {
  const web = await httpServer(t, (request, response) => response.end(`http ${request.url}`));
  const echo = await tcpServer(t, (socket) => socket.pipe(socket));
  const { port, logged } = await start(
    t,
    engine,
    config({
      clusters: [cluster('web', [web]), cluster('echo', [echo])],
      chain: { protocol: 'auto', tcp: { clusters: [{ cluster: 'echo', weight: 1 }] } },
    }),
  );
  t.equal((await ask({ port, path: '/a' })).body, 'http /a');
  t.equal(await exchangeBytes(port, '\u0000\u0001binary', true), '\u0000\u0001binary');
  t.equal(await exchangeBytes(port, 'GETTER of things\r\n', true), 'GETTER of things\r\n');
  const slow = connect(port);
  slow.setNoDelay(true);
  let answer = '';
  slow.on('data', (part) => {
    answer += part;
  });
  const ended = once(slow, 'end');
  for (const piece of ['G', 'ET /cut HTTP/1.1\r\nho', 'st: a\r\nconnection: close\r\n\r\n']) {
    slow.write(piece);
    // Longer than detectDelayMs: the server is dialled ahead meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await ended;
  slow.destroy();
  t.match(answer, /^HTTP\/1\.1 200 [\s\S]*http \/cut/);
  const lines = await logged(4);
  t.same(
    lines.map(({ protocol }) => protocol),
    ['http/1.1', 'tcp', 'tcp', 'http/1.1'],
  );
});

onEveryEngine(t, 'a reset is passed on from either side', async (t, engine) => {
  const ended: Promise<string>[] = [];
  const upstream = await tcpServer(t, (socket) => {
    ended.push(
      new Promise((resolve) => socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))),
    );
    socket.on('data', (part) => {
      if (String(part) === 'break') socket.resetAndDestroy();
      else socket.write('ok');
    });
  });
  const { port, logged } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [upstream])], chain: { protocol: 'tcp' } }),
  );
  const first = connect(port);
  first.write('break');
  const [error] = (await once(first, 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNRESET');
  t.match((await logged(1))[0], { reason: 'upstream-reset' });
  const second = connect(port);
  second.write('hello');
  await once(second, 'data');
  second.resetAndDestroy();
  t.equal(await ended[1], 'ECONNRESET');
  t.match((await logged(2))[1], { reason: 'downstream-closed' });
});

onEveryEngine(
  t,
  'a reader that does not read stops the writer, and the proxy holds no more than its limit',
  async (t, engine) => {
    let written = 0;
    let resume: () => void = () => {};
    const size = 60_000_000;
    const upstream = await tcpServer(t, (socket) => {
      const block = Buffer.alloc(1_000_000);
      const more = (): void => {
        while (written < size) {
          written += block.length;
          if (!socket.write(block)) {
            socket.once('drain', more);
            return;
          }
        }
        socket.end();
      };
      more();
    });
    const { port, proxy } = await start(
      t,
      engine,
      config({ clusters: [cluster('up', [upstream])], chain: { protocol: 'tcp' } }),
    );
    const client = connect(port);
    client.pause();
    await once(client, 'connect');
    const before = process.memoryUsage.rss();
    // Until nothing has moved for a while: what then has been written lies in kernel buffers and in the proxy.
    for (let last = -1; last !== written; ) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    t.ok(written < size, `the writer was stopped after ${written} bytes`);
    t.ok(process.memoryUsage.rss() - before < 40_000_000, 'and memory did not take the rest');
    const whole = new Promise<number>((resolve) => {
      let got = 0;
      client.on('data', (part) => {
        got += part.length;
      });
      client.on('end', () => resolve(got));
      resume = () => client.resume();
    });
    resume();
    t.equal(await whole, size);
    client.end();
    t.match(proxy.metrics(), /tulle_connections_active\{direction="outbound"\} [01]\n/);
  },
);

onEveryEngine(
  t,
  'no endpoint, a refusing one, a policy that refuses: reset, and a line that says why',
  async (t, engine) => {
    const cases = [
      ['no-healthy-endpoint', config({ clusters: [cluster('up', [])], chain: { protocol: 'tcp' } })],
      [
        'upstream-connect-failed',
        config({ clusters: [cluster('up', [await freePort()])], chain: { protocol: 'tcp' } }),
      ],
      [
        'access-denied',
        config({
          clusters: [cluster('up', [await freePort()])],
          chain: { protocol: 'tcp', authorization: [{ action: 'allow', policies: [] }] },
        }),
      ],
    ] as const;
    for (const [reason, it] of cases) {
      const { port, logged, proxy } = await start(t, engine, it);
      const client = connect(port);
      client.write('x');
      const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
      t.equal(error.code, 'ECONNRESET', reason);
      t.match((await logged(1))[0], { reason, upstream: reason === 'upstream-connect-failed' ? /^127/ : '' });
      t.match(await metricsOf(proxy), /tulle_connections_active\{direction="outbound"\} 0\n/);
    }
  },
);
