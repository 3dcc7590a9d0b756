import { createHash } from 'node:crypto';
import http from 'node:http';
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
  toCluster,
} from './fixture.js';

onEveryEngine(
  t,
  'a request reaches the upstream unchanged and its answer comes back, with one log line',
  async (t, engine) => {
    const upstream = await httpServer(t, (request, response) => {
      response.setHeader('x-from', 'upstream');
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }));
    });
    const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
    const answer = await ask({ port, path: '/a?b=c', headers: { host: 'example.test', 'x-own': '1' } });
    const seen = JSON.parse(answer.body) as { method: string; url: string; headers: Record<string, string> };
    t.equal(answer.status, 200);
    t.equal(answer.headers['x-from'], 'upstream');
    t.equal(seen.url, '/a?b=c');
    t.equal(seen.headers.host, 'example.test');
    t.equal(seen.headers['x-own'], '1');
    t.match(seen.headers['x-request-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const [line] = await logged(1);
    t.match(line, {
      method: 'GET',
      path: '/a?b=c',
      authority: 'example.test',
      status: 200,
      reason: '',
      cluster: 'up',
      route: 'to-up',
      attempts: 1,
    });
    t.equal(line.request_id, seen.headers['x-request-id'], 'the id in the log is the id that was sent');
  },
);

onEveryEngine(t, 'a request id that the client chose is kept', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => response.end(request.headers['x-request-id']));
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  t.equal((await ask({ port, headers: { 'x-request-id': 'mine-7' } })).body, 'mine-7');
  t.equal((await logged(1))[0].request_id, 'mine-7');
});

onEveryEngine(t, 'bodies of all sizes pass both ways, counted or chunked, byte for byte', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    if (request.headers['x-answer'] === 'length')
      response.setHeader('content-length', Number(request.headers['x-length']));
    request.pipe(response);
  });
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  for (const size of [0, 1, 1_000, 65_535, 65_536, 300_000, 3_000_000]) {
    const body = Buffer.alloc(size, (index: number) => String(index % 251));
    for (let i = 0; i < size; i += 997) body[i] = (i / 997) % 256;
    for (const length of [true, false]) {
      const headers: http.OutgoingHttpHeaders = { 'x-answer': length ? 'length' : 'chunked', 'x-length': size };
      if (length) headers['content-length'] = size;
      else headers['transfer-encoding'] = 'chunked';
      const got = await new Promise<string>((resolve, reject) => {
        const request = http.request({ port, host: '127.0.0.1', method: 'POST', headers, agent: false }, (response) => {
          const hash = createHash('sha256');
          response.on('data', (part) => hash.update(part));
          response.on('end', () => resolve(hash.digest('hex')));
          response.on('error', reject);
        });
        request.on('error', reject);
        request.end(body);
      });
      t.equal(got, createHash('sha256').update(body).digest('hex'), `${size} bytes, ${length ? 'counted' : 'chunked'}`);
    }
  }
});

onEveryEngine(t, 'a client connection and an upstream connection are used again and again', async (t, engine) => {
  let connections = 0;
  const upstream = await httpServer(t, (request, response) => response.end(String(request.socket.remotePort)));
  const { port, proxy } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  agent.on('free', () => connections++);
  const upstreamPorts = new Set<string>();
  for (let i = 0; i < 20; i++) upstreamPorts.add((await ask({ port, agent })).body);
  t.equal(upstreamPorts.size, 1);
  const metrics = await metricsOf(proxy);
  t.match(metrics, /tulle_connections_total\{direction="outbound"\} 1\n/);
  t.match(metrics, /tulle_requests_total\{direction="outbound",cluster="up",status="200"\} 20\n/);
});

onEveryEngine(
  t,
  'no route is 404, no endpoint 503, a refused connection 503, each with its reason',
  async (t, engine) => {
    const closed = await freePort();
    const routes = [
      { ...toCluster('empty'), match: { path: { kind: 'prefix' as const, value: '/empty' } } },
      { ...toCluster('closed'), match: { path: { kind: 'prefix' as const, value: '/closed' } } },
      { ...toCluster('unknown'), match: { path: { kind: 'prefix' as const, value: '/unknown' } } },
    ];
    const { port, logged } = await start(
      t,
      engine,
      config({ routes, clusters: [cluster('empty', []), cluster('closed', [closed])] }),
    );
    const expected = [
      ['/other', 404, 'no-route'],
      ['/empty', 503, 'no-healthy-endpoint'],
      ['/closed', 503, 'upstream-connect-failed'],
      ['/unknown', 503, 'no-cluster'],
    ] as const;
    for (const [path, status, reason] of expected) {
      const answer = await ask({ port, path });
      t.equal(answer.status, status, path);
      t.equal(answer.headers['x-tulle-reason'], reason, path);
    }
    const lines = await logged(4);
    t.same(
      lines.map(({ status, reason }) => [status, reason]),
      expected.map(([, status, reason]) => [status, reason]),
    );
    t.equal(lines[2].attempts, 3, 'a refused connection was tried again, since nothing was sent');
  },
);

onEveryEngine(t, 'an endpoint that refuses is passed over without the client noticing', async (t, engine) => {
  const good = await httpServer(t, (_request, response) => response.end('good'));
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [await freePort(), good])] }));
  for (let i = 0; i < 20; i++) t.equal((await ask({ port, method: 'POST', body: 'x' })).body, 'good');
});

onEveryEngine(t, 'a POST that may have reached the application is not sent again', async (t, engine) => {
  let seen = 0;
  const upstream = await tcpServer(t, (socket) => {
    socket.once('data', () => {
      seen++;
      socket.destroy();
    });
  });
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const answer = await ask({ port, method: 'POST', body: 'pay' });
  t.equal(answer.status, 502);
  t.equal(answer.headers['x-tulle-reason'], 'upstream-reset');
  t.equal(seen, 1);
});

onEveryEngine(t, 'what the route declares repeatable is repeated, for idempotent methods', async (t, engine) => {
  let seen = 0;
  const upstream = await httpServer(t, (_request, response) => {
    seen++;
    response.statusCode = seen % 3 === 0 ? 200 : 503;
    response.end(String(seen));
  });
  const action = {
    kind: 'forward',
    clusters: [{ cluster: 'up', weight: 1 }],
    retry: { attempts: 2, on: ['5xx'] },
  } as const;
  const routes = [{ ...toCluster('up'), action }];
  const { port, logged } = await start(t, engine, config({ routes, clusters: [cluster('up', [upstream])] }));
  t.equal((await ask({ port })).status, 200);
  t.equal((await logged(1))[0].attempts, 3);
  t.equal((await ask({ port, method: 'POST', body: 'x' })).status, 503, 'a POST is not idempotent');
  t.equal(seen, 4);
});

onEveryEngine(t, 'a request that takes longer than its timeout is answered with 504', async (t, engine) => {
  const upstream = await httpServer(t, () => {});
  const action = { kind: 'forward', clusters: [{ cluster: 'up', weight: 1 }], timeoutMs: 50 } as const;
  const { port } = await start(
    t,
    engine,
    config({ routes: [{ ...toCluster('up'), action }], clusters: [cluster('up', [upstream])] }),
  );
  const answer = await ask({ port });
  t.equal(answer.status, 504);
  t.equal(answer.headers['x-tulle-reason'], 'request-timeout');
});

onEveryEngine(t, 'a truncated answer reaches the client as truncated', async (t, engine) => {
  const upstream = await tcpServer(t, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this'));
  });
  const { port, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  await t.rejects(ask({ port }), 'the client sees that bytes are missing');
  t.match((await logged(1))[0], { status: 200, reason: 'upstream-reset' });
});

onEveryEngine(t, 'an answer that is no HTTP becomes 502', async (t, engine) => {
  const upstream = await tcpServer(t, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'));
  });
  const { port } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const answer = await ask({ port });
  t.equal(answer.status, 502);
  t.equal(answer.headers['x-tulle-reason'], 'upstream-bad-response');
});

onEveryEngine(t, 'redirects and direct responses come from the proxy itself', async (t, engine) => {
  const routes = [
    {
      name: 'moved',
      match: { path: { kind: 'prefix', value: '/old' } },
      action: { kind: 'redirect', status: 301, path: { kind: 'prefix', value: '/new' } },
    },
    {
      name: 'fixed',
      match: { path: { kind: 'exact', value: '/fixed' } },
      action: { kind: 'direct', status: 418, body: 'teapot' },
    },
    {
      name: 'edited',
      match: { path: { kind: 'exact', value: '/edited' } },
      action: {
        kind: 'direct',
        status: 200,
        body: '{}',
        responseHeaders: {
          set: [{ name: 'Content-Type', value: 'application/json' }],
          add: [{ name: 'x-a', value: 'b' }],
        },
      },
    },
    {
      name: 'told',
      match: { path: { kind: 'exact', value: '/told' } },
      action: {
        kind: 'redirect',
        status: 302,
        responseHeaders: { add: [{ name: 'x-a', value: 'b' }], remove: ['x-c'] },
      },
    },
  ] as const;
  const { port } = await start(t, engine, config({ routes }));
  const edited = await ask({ port, path: '/edited' });
  t.match(edited, {
    status: 200,
    body: '{}',
    headers: { 'content-type': 'application/json', 'x-a': 'b', 'content-length': '2' },
  });
  const told = await ask({ port, path: '/told', headers: { host: 'site.test' } });
  t.match(told, { status: 302, headers: { location: 'http://site.test/told', 'x-a': 'b' } });
  const moved = await ask({ port, path: '/old/page?x=1', headers: { host: 'site.test' } });
  t.equal(moved.status, 301);
  t.equal(moved.headers.location, 'http://site.test/new/page?x=1');
  t.same(await ask({ port, path: '/fixed' }).then(({ status, body }) => [status, body]), [418, 'teapot']);
});

onEveryEngine(t, 'routes rewrite paths and edit header fields on the way', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    response.setHeader('x-secret', 'inside');
    response.end(`${request.url} ${request.headers['x-added']} ${request.headers['x-removed'] ?? 'gone'}`);
  });
  const action = {
    kind: 'forward',
    clusters: [{ cluster: 'up', weight: 1 }],
    rewrite: { path: { kind: 'prefix', value: '/api' } },
    requestHeaders: { set: [{ name: 'x-added', value: 'yes' }], remove: ['x-removed'] },
    responseHeaders: { remove: ['x-secret'], add: [{ name: 'x-via', value: 'tulle' }] },
  } as const;
  const routes = [{ name: 'edit', match: { path: { kind: 'prefix', value: '/v1' } }, action }] as const;
  const { port } = await start(t, engine, config({ routes, clusters: [cluster('up', [upstream])] }));
  const answer = await ask({ port, path: '/v1/items?q=1', headers: { 'x-removed': '1', 'x-added': 'spoofed' } });
  t.equal(answer.body, '/api/items?q=1 yes gone');
  t.equal(answer.headers['x-secret'], undefined);
  t.equal(answer.headers['x-via'], 'tulle');
});

onEveryEngine(t, 'weights divide requests between clusters', async (t, engine) => {
  const one = await httpServer(t, (_request, response) => response.end('one'));
  const two = await httpServer(t, (_request, response) => response.end('two'));
  const action = {
    kind: 'forward',
    clusters: [
      { cluster: 'one', weight: 80 },
      { cluster: 'two', weight: 20 },
    ],
  } as const;
  const { port } = await start(
    t,
    engine,
    config({ routes: [{ ...toCluster('x'), action }], clusters: [cluster('one', [one]), cluster('two', [two])] }),
  );
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  let ones = 0;
  for (let i = 0; i < 500; i++) if ((await ask({ port, agent })).body === 'one') ones++;
  // Binomial with n = 500, p = 0.8: six standard deviations are 54.
  t.ok(Math.abs(ones - 400) < 54, `${ones} of 500 went to the cluster of weight 80`);
});

onEveryEngine(t, 'inbound: only the proxy says who the client is and why a request failed', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    response.setHeader('x-tulle-reason', 'upstream-connect-failed');
    response.end(String(request.headers['x-forwarded-client-cert']));
  });
  const { port } = await start(t, engine, config({ direction: 'inbound', clusters: [cluster('up', [upstream])] }));
  const answer = await ask({
    port,
    headers: { 'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/x/sa/admin' },
  });
  t.equal(answer.body, 'undefined', 'the client cannot name itself');
  t.equal(answer.headers['x-tulle-reason'], undefined, 'the application cannot speak for the proxy');
});

onEveryEngine(t, 'policy answers 403 with a reason, and the line names the policy', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('in'));
  const authorization = [
    {
      action: 'deny',
      policies: [
        {
          name: 'default/no-admin',
          principals: [{ kind: 'any' }],
          permissions: [{ kind: 'path', match: 'prefix', value: '/admin' }],
        },
      ],
    },
    {
      action: 'allow',
      policies: [
        { name: 'default/read', principals: [{ kind: 'any' }], permissions: [{ kind: 'method', method: 'GET' }] },
      ],
    },
  ] as const;
  const { port, logged } = await start(
    t,
    engine,
    config({ chain: { authorization }, clusters: [cluster('up', [upstream])] }),
  );
  t.equal((await ask({ port })).status, 200);
  const admin = await ask({ port, path: '/x/../admin/keys' });
  t.equal(admin.status, 403, 'what is authorised is the path that would be forwarded');
  t.equal(admin.headers['x-tulle-reason'], 'access-denied');
  t.equal((await ask({ port, method: 'DELETE' })).status, 403, 'what no allow policy names is denied');
  t.same(
    (await logged(3)).map(({ policy, status }) => [policy, status]),
    [
      ['default/read', 200],
      ['default/no-admin', 403],
      ['', 403],
    ],
  );
});

onEveryEngine(t, 'a request whose body turns out malformed is answered with 400 and logged once', async (t, engine) => {
  const upstream = await httpServer(t, () => {});
  const { proxy, port, logged, lines } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  const head = 'POST /upload HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';
  t.match(await exchangeBytes(port, `${head}5\r\nhello\r\nxyz\r\n`), /^HTTP\/1\.1 400 /);
  t.match((await logged(1))[0], { path: '/upload', status: 400, reason: 'bad-request' });
  t.match(await exchangeBytes(port, 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /, 'a head without Host');
  t.match((await logged(2))[1], { method: 'GET', path: '/', status: 400, reason: 'bad-request' });
  await proxy.drain();
  t.equal(lines.length, 2, 'after the last line of all');
});

onEveryEngine(t, 'a request that is sent again has its trailers again', async (t, engine) => {
  const trailers: (string | undefined)[] = [];
  const upstream = await httpServer(t, (request, response) => {
    request.resume().on('end', () => {
      trailers.push(request.trailers['x-sum']);
      response.writeHead(trailers.length === 1 ? 503 : 200).end();
    });
  });
  const action = {
    kind: 'forward',
    clusters: [{ cluster: 'up', weight: 1 }],
    retry: { attempts: 1, on: ['5xx'] },
  } as const;
  const routes = [{ ...toCluster('up'), action }];
  const { port } = await start(t, engine, config({ routes, clusters: [cluster('up', [upstream])] }));
  const head = 'PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n';
  t.match(await exchangeBytes(port, `${head}2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n`), /^HTTP\/1\.1 200 /);
  t.same(trailers, ['7', '7']);
});

onEveryEngine(t, 'a failure after a try that may have arrived does not claim that nothing did', async (t, engine) => {
  let tries = 0;
  const upstream = await tcpServer(t, (socket) => {
    socket.once('data', () => {
      tries++;
      socket.destroy();
    });
  });
  const action = {
    kind: 'forward',
    clusters: [{ cluster: 'up', weight: 1 }],
    retry: { attempts: 1, on: ['reset'] },
  } as const;
  const routes = [{ ...toCluster('up'), action }];
  const up = cluster('up', [upstream, await freePort()], { balancer: 'round-robin' });
  const { port, logged } = await start(t, engine, config({ routes, clusters: [up] }));
  // Whichever endpoint comes first, one try is reset after the request arrived and the other is refused.
  const answer = await ask({ port });
  const [line] = await logged(1);
  t.equal(line.attempts, 2);
  t.same([answer.status, answer.headers['x-tulle-reason'], tries], [502, 'upstream-reset', 1]);
});

onEveryEngine(t, 'a client that never sends the rest of an answered request is closed', async (t, engine) => {
  const routes = [
    {
      name: 'no',
      match: { path: { kind: 'prefix', value: '/' } },
      action: { kind: 'direct', status: 403, body: 'no' },
    },
  ] as const;
  const { port } = await start(t, engine, config({ routes, limits: { headTimeoutMs: 2_000, lingerTimeoutMs: 50 } }));
  // Resolves when the proxy ends the connection, which it did not.
  t.match(
    await exchangeBytes(port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf'),
    /^HTTP\/1\.1 403 /,
  );
});

onEveryEngine(t, 'a slow reader gets all of an answer that ends its connection', async (t, engine) => {
  const size = 4_000_000;
  const upstream = await httpServer(t, (_request, response) => response.end(Buffer.alloc(size, 'x')));
  const { port } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [upstream])], limits: { lingerTimeoutMs: 50 } }),
  );
  const received = await new Promise<number>((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    let bytes = 0;
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    // Nothing is read for several linger times; then all at once.
    socket.once('readable', () => setTimeout(() => socket.on('data', (part: Buffer) => (bytes += part.length)), 400));
    socket.on('error', reject);
    socket.on('close', () => resolve(bytes));
  });
  t.ok(received > size, `${received} bytes arrived`);
});

// Not on linux: its loop is a thread of its own there, and a FIN that the server sends after the next request has arrived is nobody's fault.
t.test('a server that closes behind an answer which did not say so loses no request [portable]', async (t) => {
  const body = Buffer.alloc(100_000, 'x');
  const upstream = await tcpServer(t, (socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.end(body);
    });
  });
  const { port } = await start(t, 'portable', config({ clusters: [cluster('up', [upstream])] }));
  for (let round = 0; round < 10; round++) {
    // Together: some wait for a place that another one gives back.
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask({ port, method: 'POST' })));
    t.same(
      answers.map((answer) => [answer.status, answer.body.length]),
      answers.map(() => [200, body.length]),
    );
  }
});
