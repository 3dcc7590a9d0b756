import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { ClientTlsConfig, EndpointConfig, EngineName, FilterChainConfig, ProxyConfig } from '@tulle/proxy-core';
import { createAuthority, type TestAuthority, type TestIdentity } from '@tulle/testkit';
import t, { type Test } from 'tap';
import {
  ask,
  cluster,
  config,
  exchangeBytes,
  freePort,
  httpServer,
  onEveryEngine,
  type Started,
  start,
  tcpServer,
} from './fixture.js';

const authority = await createAuthority();
const spiffe = (account: string): string => `spiffe://cluster.local/ns/default/sa/${account}`;
const client = await authority.svid(spiffe('client'));
const server = await authority.svid(spiffe('server'));

type Authority = Pick<TestAuthority, 'rootPem'>;

/** The secrets of one side. */
function secrets(identity: TestIdentity, trusted: Authority = authority): Pick<ProxyConfig, 'identities' | 'trust'> {
  const { certificateChainPem, privateKeyPem } = identity;
  return {
    identities: [{ name: 'identity', certificateChainPem, privateKeyPem }],
    trust: [{ name: 'trust', caPem: trusted.rootPem, trustDomain: 'cluster.local' }],
  };
}

const chainTls = { identity: 'identity', clientTrust: 'trust', requireClientCertificate: true };

interface ServerParts {
  readonly port: number;
  readonly identity?: TestIdentity;
  readonly trusted?: Authority;
  readonly chains?: readonly FilterChainConfig[];
  readonly chain?: Partial<FilterChainConfig>;
  readonly listen?: number;
}

/** The server's proxy: TLS in, plain to the application. */
function inbound({ port, identity = server, trusted, chains, chain, listen }: ServerParts): ProxyConfig {
  const it = config({
    direction: 'inbound',
    clusters: [cluster('app', [port])],
    chain: { match: { transport: 'tls', alpn: ['tulle-http/1.1'] }, tls: chainTls, ...chain },
    port: listen,
  });
  const listeners = chains === undefined ? it.listeners : it.listeners.map((one) => ({ ...one, chains }));
  return { ...it, listeners, ...secrets(identity, trusted) };
}

interface ClientParts {
  readonly port: number;
  readonly identity?: TestIdentity;
  readonly trusted?: Authority;
  readonly tls?: Partial<ClientTlsConfig>;
  readonly chain?: Partial<FilterChainConfig>;
}

/** The client's proxy: plain in, TLS to the other proxy. */
function outbound({ port, identity = client, trusted, tls: settings, chain }: ClientParts): ProxyConfig {
  const up = cluster('up', [], {
    endpoints: [{ address: { host: '127.0.0.1', port }, weight: 1, tls: true }],
    tls: { identity: 'identity', trust: 'trust', alpn: ['tulle-http/1.1'], ...settings },
  });
  return { ...config({ clusters: [up], chain }), ...secrets(identity, trusted) };
}

async function pair(t: Test, engine: EngineName, app: number): Promise<{ near: Started; far: Started }> {
  const far = await start(t, engine, inbound({ port: app }));
  const near = await start(t, engine, outbound({ port: far.port }));
  return { near, far };
}

const echoApp = (t: Test): Promise<number> =>
  httpServer(t, (request, response) => response.end(String(request.headers['x-forwarded-client-cert'])));

onEveryEngine(
  t,
  'a pair as in a mesh: each side knows who the other is, and the application is told',
  async (t, engine) => {
    const { near, far } = await pair(t, engine, await echoApp(t));
    const answer = await ask({ port: near.port });
    t.equal(answer.status, 200);
    t.equal(answer.body, `URI=${spiffe('client')}`);
    t.match((await near.logged(1))[0], { peer: spiffe('server'), tls: true, direction: 'outbound' });
    t.match((await far.logged(1))[0], { peer: spiffe('client'), tls: true, direction: 'inbound' });
    for (let i = 0; i < 10; i++)
      t.equal((await ask({ port: near.port, method: 'POST', body: 'x'.repeat(50_000) })).status, 200);
    t.match(far.proxy.metrics(), /tulle_connections_total\{direction="inbound"\} 1\n/, 'over one connection');
  },
);

onEveryEngine(t, 'a server that is not who it should be is sent nothing', async (t, engine) => {
  const app = await echoApp(t);
  const stranger = await createAuthority('Other Root');
  const cases: [name: string, far: ProxyConfig, near: Partial<ClientParts>, reason: string][] = [
    [
      'another account',
      inbound({ port: app }),
      { tls: { allowedUris: [spiffe('other')] } },
      'upstream-identity-mismatch',
    ],
    [
      'another trust domain',
      inbound({ port: app, identity: await authority.svid('spiffe://other.test/ns/default/sa/server') }),
      {},
      'upstream-identity-mismatch',
    ],
    [
      'no SPIFFE ID',
      inbound({ port: app, identity: await authority.leaf({ dnsNames: ['server.test'] }) }),
      {},
      'upstream-identity-mismatch',
    ],
    [
      'two URIs',
      inbound({ port: app, identity: await authority.leaf({ uris: [spiffe('server'), spiffe('x')] }) }),
      {},
      'upstream-identity-mismatch',
    ],
    ['another root', inbound({ port: app }), { trusted: stranger }, 'upstream-tls-failed'],
    ['expired', inbound({ port: app, identity: await authority.expired(spiffe('server')) }), {}, 'upstream-tls-failed'],
  ];
  for (const [name, farConfig, parts, reason] of cases) {
    const far = await start(t, engine, farConfig);
    const near = await start(t, engine, outbound({ port: far.port, ...parts }));
    const answer = await ask({ port: near.port, method: 'POST', body: 'secret' });
    t.equal(answer.status, 503, name);
    t.equal(answer.headers['x-tulle-reason'], reason, name);
    t.notMatch(answer.body, /spiffe|127\.0/, 'the answer names nobody');
    t.equal(far.lines.filter(({ method }) => method === 'POST').length, 0, 'and the other side saw no request');
    await far.proxy.close();
  }
});

onEveryEngine(t, 'a client without the right certificate is refused', async (t, engine) => {
  const far = await start(
    t,
    engine,
    inbound({ port: await echoApp(t), chain: { tls: { ...chainTls, allowedUris: [spiffe('client')] } } }),
  );
  const other = await createAuthority('Other Root');
  const identities: [string, TestIdentity | undefined][] = [
    ['none', undefined],
    ['of another root', await other.svid(spiffe('client'))],
    ['of another account', await authority.svid(spiffe('other'))],
    ['expired', await authority.expired(spiffe('client'))],
  ];
  for (const [name, identity] of identities) {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: far.port,
      cert: identity?.certificateChainPem,
      key: identity?.privateKeyPem,
      rejectUnauthorized: false,
      ALPNProtocols: ['tulle-http/1.1'],
    });
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    t.equal(text, '', name);
  }
  const lines = await far.logged(4);
  t.ok(lines.every(({ status, reason }) => status !== 200 && reason !== ''));
  t.equal(lines[2].reason, 'access-denied');
});

onEveryEngine(t, 'permissive: plain and TLS clients on one port, and policy tells them apart', async (t, engine) => {
  const app = await echoApp(t);
  const authorization = [
    {
      action: 'allow',
      policies: [
        {
          name: 'default/mesh',
          principals: [{ kind: 'authenticated' }],
          permissions: [{ kind: 'path', match: 'prefix', value: '/mesh' }],
        },
        {
          name: 'default/open',
          principals: [{ kind: 'any' }],
          permissions: [{ kind: 'path', match: 'prefix', value: '/open' }],
        },
      ],
    },
  ] as const;
  const http = { protocol: 'http', http: { routes: 'table' }, authorization } as const;
  const chains: FilterChainConfig[] = [
    { name: 'tls', match: { transport: 'tls', alpn: ['tulle-http/1.1'] }, tls: chainTls, ...http },
    { name: 'plain', match: { transport: 'plain' }, ...http },
  ];
  const far = await start(t, engine, inbound({ port: app, chains }));
  const near = await start(t, engine, outbound({ port: far.port }));
  t.same(
    [(await ask({ port: near.port, path: '/mesh' })).status, (await ask({ port: near.port, path: '/open' })).status],
    [200, 200],
  );
  t.same(
    [(await ask({ port: far.port, path: '/mesh' })).status, (await ask({ port: far.port, path: '/open' })).status],
    [403, 200],
  );
});

onEveryEngine(t, 'ALPN chooses the chain', async (t, engine) => {
  const app = await httpServer(t, (_request, response) => response.end('http'));
  const echo = await tcpServer(t, (socket) => socket.pipe(socket));
  const base = inbound({ port: app });
  const chains: FilterChainConfig[] = [
    { ...base.listeners[0].chains[0] },
    {
      name: 'tcp',
      match: { transport: 'tls', alpn: ['tulle-tcp'] },
      tls: chainTls,
      protocol: 'tcp',
      tcp: { clusters: [{ cluster: 'echo', weight: 1 }] },
      authorization: [],
    },
  ];
  const far = await start(t, engine, {
    ...inbound({ port: app, chains }),
    clusters: [...base.clusters, cluster('echo', [echo])],
  });
  const near = await start(t, engine, outbound({ port: far.port }));
  t.equal((await ask({ port: near.port })).body, 'http');
  const opaque = await start(
    t,
    engine,
    outbound({ port: far.port, tls: { alpn: ['tulle-tcp'] }, chain: { protocol: 'tcp' } }),
  );
  t.equal(
    await exchangeBytes(opaque.port, 'GET / HTTP/1.1\r\n\r\n', true),
    'GET / HTTP/1.1\r\n\r\n',
    'whatever the bytes look like',
  );
  const neither = await start(t, engine, outbound({ port: far.port, tls: { alpn: ['h9'] } }));
  t.equal((await ask({ port: neither.port })).status, 503);
});

onEveryEngine(
  t,
  'auto inside TLS: HTTP, opaque bytes, a server that speaks first, and a refusal, which happens once',
  async (t, engine) => {
    const app = await httpServer(t, (_request, response) => response.end('http'));
    const echo = await tcpServer(t, (socket) => {
      socket.write('<');
      socket.pipe(socket);
    });
    const tcp = { clusters: [{ cluster: 'echo', weight: 1 }] };
    const far = (authorization: FilterChainConfig['authorization']): ProxyConfig => {
      const it = inbound({ port: app, chain: { match: { transport: 'tls' }, protocol: 'auto', tcp, authorization } });
      return { ...it, clusters: [...it.clusters, cluster('echo', [echo])] };
    };
    const open = await start(t, engine, far([]));
    const through = async (started: Started, protocol: 'http' | 'tcp'): Promise<Started> =>
      start(t, engine, outbound({ port: started.port, tls: { alpn: [] }, chain: { protocol } }));
    t.equal((await ask({ port: (await through(open, 'http')).port })).body, 'http');
    const tunnel = await through(open, 'tcp');
    t.equal(await exchangeBytes(tunnel.port, '\u0000\u0001', true), '<\u0000\u0001');
    t.equal(await exchangeBytes(tunnel.port, 'GE', true), '<GE', 'too little to tell, and the end');
    t.equal(await exchangeBytes(tunnel.port, '', true), '<');
    const httpOnly = [
      {
        action: 'allow',
        policies: [{ name: 'a/get', principals: [{ kind: 'any' }], permissions: [{ kind: 'method', method: 'GET' }] }],
      },
    ] as const;
    const closed = await start(t, engine, far(httpOnly));
    t.equal((await ask({ port: (await through(closed, 'http')).port })).body, 'http');
    for (const text of ['\u0000\u0001', 'GE']) {
      const outcome = await exchangeBytes((await through(closed, 'tcp')).port, text, true).catch(
        (error: NodeJS.ErrnoException) => error.code,
      );
      // node:tls takes a connection that breaks for one that ends.
      t.equal(outcome, engine === 'portable' && outcome === '' ? '' : 'ECONNRESET', 'nothing of the server');
    }
    t.equal((await ask({ port: (await through(closed, 'http')).port })).body, 'http', 'the thread is well');
    const refused = (await closed.logged(4)).filter(({ reason }) => reason !== '');
    t.match(refused, [{ reason: 'access-denied' }, { reason: 'access-denied' }]);
  },
);

onEveryEngine(
  t,
  'certificates and roots are swapped while requests run: none fails, and open connections stay',
  async (t, engine) => {
    const app = await echoApp(t);
    const { near, far } = await pair(t, engine, app);
    const other = await createAuthority('Next Root');
    const both: Authority = { rootPem: authority.rootPem + other.rootPem };
    let running = true;
    const statuses = new Map<number, number>();
    const agent = new http.Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    const load = async (): Promise<void> => {
      while (running) {
        const { status } = await ask({ port: near.port, method: 'POST', body: 'body', agent });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const loads = [load(), load(), load(), load()];
    const kept = tls.connect({
      host: '127.0.0.1',
      port: far.port,
      cert: client.certificateChainPem,
      key: client.privateKeyPem,
      rejectUnauthorized: false,
      ALPNProtocols: ['tulle-http/1.1'],
    });
    await once(kept, 'secureConnect');
    const listen = far.port;
    for (let round = 0; round < 6; round++) {
      const from = round < 3 ? authority : other;
      const [nextServer, nextClient] = [await from.svid(spiffe('server')), await from.svid(spiffe('client'))];
      // Trust first, identities after it: as a rotation of roots must be done.
      await far.proxy.update(inbound({ port: app, identity: round < 4 ? server : nextServer, trusted: both }));
      await near.proxy.update(outbound({ port: listen, identity: nextClient, trusted: both }));
      await far.proxy.update(inbound({ port: app, identity: nextServer, trusted: both }));
    }
    running = false;
    await Promise.all(loads);
    t.same([...statuses.keys()], [200], `${statuses.get(200)} requests`);
    t.notMatch(near.proxy.metrics(), /tulle_failures_total/);
    kept.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    const [part] = (await once(kept, 'data')) as [Buffer];
    t.match(String(part), /^HTTP\/1\.1 200/, 'a connection from before is served');
    kept.destroy();
    t.equal(near.proxy.address().port, near.port);
  },
);

onEveryEngine(t, 'a key that cannot be read changes nothing, and is not repeated', async (t, engine) => {
  const { near } = await pair(t, engine, await echoApp(t));
  t.equal((await ask({ port: near.port })).status, 200);
  const [identity] = secrets(client).identities;
  const bad = outbound({ port: 1, identity: { ...client, privateKeyPem: server.privateKeyPem } });
  await t.rejects(near.proxy.update({ ...bad, routes: [{ name: 'table', virtualHosts: [] }] }));
  const error = await near.proxy
    .update({ ...bad, identities: [{ ...identity, privateKeyPem: '-----BEGIN PRIVATE KEY-----\nAAAA\n' }] })
    .catch((reason: Error) => reason);
  t.ok(error instanceof Error && !error.message.includes('AAAA'));
  t.equal((await ask({ port: near.port })).status, 200);
});

onEveryEngine(
  t,
  'an application that claims to be a proxy cannot make its client repeat a request',
  async (t, engine) => {
    let seen = 0;
    const claim: http.RequestListener = (request, response) => {
      request.resume().on('end', () => {
        seen++;
        response.writeHead(503, { 'x-tulle-reason': 'overloaded' }).end('no');
      });
    };
    const { near } = await pair(t, engine, await httpServer(t, claim));
    const meshed = await ask({ port: near.port, method: 'POST', body: 'pay' });
    t.same([meshed.status, meshed.headers['x-tulle-reason'], seen], [503, undefined, 1], 'behind a proxy of the mesh');

    const { certificateChainPem: cert, privateKeyPem: key } = server;
    const bare = https.createServer({ cert, key, ca: authority.rootPem, requestCert: true }, claim);
    t.teardown(() => bare.close());
    await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
    const direct = await start(t, engine, outbound({ port: (bare.address() as AddressInfo).port, tls: { alpn: [] } }));
    const plain = await ask({ port: direct.port, method: 'POST', body: 'pay' });
    t.same(
      [plain.status, plain.headers['x-tulle-reason'], seen],
      [503, undefined, 2],
      'with TLS and an SVID of its own',
    );
  },
);

onEveryEngine(t, 'a proxy of the mesh that never reached its application is believed', async (t, engine) => {
  const app = await httpServer(t, (_request, response) => response.end('good'));
  const good = await start(t, engine, inbound({ port: app }));
  const bad = await start(t, engine, inbound({ port: await freePort() }));
  const one = outbound({ port: bad.port });
  const both = { address: { host: '127.0.0.1', port: good.port }, weight: 1, tls: true };
  const clusters = one.clusters.map((up) => ({
    ...up,
    endpoints: [...(up.endpoints as readonly EndpointConfig[]), both],
  }));
  const near = await start(t, engine, { ...one, clusters });
  for (let i = 0; i < 10; i++) t.equal((await ask({ port: near.port, method: 'POST', body: 'pay' })).body, 'good');
});
