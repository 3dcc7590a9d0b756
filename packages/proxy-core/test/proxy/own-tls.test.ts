/** One port for the mesh's TLS, for the application's own, and for plain text: the ClientHello says which. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { AuthorizationConfig, EngineName, FilterChainConfig, ProxyConfig } from '@tulle/proxy-core';
import { createAuthority } from '@tulle/testkit';
import t, { type Test } from 'tap';
import { helloMessage, inRecords } from '../detect/hello-bytes.js';
import { cluster, config, exchangeBytes, onEveryEngine, type Started, start, tcpServer } from './fixture.js';

const mesh = await createAuthority('Mesh Root');
const web = await createAuthority('Web Root');
const identity = await mesh.svid('spiffe://cluster.local/ns/default/sa/app');
const site = await web.leaf({ dnsNames: ['app.test'] });

/** An application that ends TLS itself, and says hello over it. */
async function secureApp(t: Test): Promise<number> {
  const context = tls.createSecureContext({ cert: site.certificateChainPem, key: site.privateKeyPem });
  return tcpServer(t, (socket) => {
    const secure = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    secure.on('error', () => {});
    secure.on('end', () => secure.end());
    secure.on('data', (bytes) => secure.write(`app heard ${bytes}`));
  });
}

interface Change {
  readonly own?: Partial<FilterChainConfig>;
  readonly authorization?: readonly AuthorizationConfig[];
  readonly limits?: ProxyConfig['limits'];
}

async function sidecar(
  t: Test,
  engine: EngineName,
  app: number,
  { own, authorization = [], limits }: Change = {},
): Promise<Started> {
  const it = config({ direction: 'inbound', clusters: [cluster('app', [app])], limits });
  const [main] = it.listeners;
  const [http] = main.chains;
  const opaque: FilterChainConfig = { ...http, protocol: 'tcp', authorization };
  const meshTls = { identity: 'identity', clientTrust: 'trust', requireClientCertificate: true };
  const chains: FilterChainConfig[] = [
    { ...opaque, name: 'mesh-tcp', match: { transport: 'tls', alpn: ['tulle-tcp'] }, tls: meshTls },
    { ...opaque, name: 'own-tls', match: { transport: 'tls' }, ...own },
    { ...http, name: 'plain-http', match: { transport: 'plain' } },
  ];
  return start(t, engine, {
    ...it,
    listeners: [{ ...main, chains }],
    identities: [
      { name: 'identity', certificateChainPem: identity.certificateChainPem, privateKeyPem: identity.privateKeyPem },
    ],
    trust: [{ name: 'trust', caPem: mesh.rootPem, trustDomain: 'cluster.local' }],
  });
}

interface Met {
  readonly heard: string;
  /** SHA-256 of the certificate that the server showed. */
  readonly shown: string;
  readonly alpn: string | false | null;
}

async function meet(port: number, options: tls.ConnectionOptions): Promise<Met> {
  const socket = tls.connect({ host: '127.0.0.1', port, checkServerIdentity: () => undefined, ...options });
  await once(socket, 'secureConnect');
  socket.write('hi');
  const [heard] = (await once(socket, 'data')) as [Buffer];
  const met = { heard: String(heard), shown: socket.getPeerCertificate().fingerprint256, alpn: socket.alpnProtocol };
  socket.end();
  await once(socket, 'close');
  return met;
}

const fingerprint = async (pem: string): Promise<string> =>
  new (await import('node:crypto')).X509Certificate(pem).fingerprint256;

onEveryEngine(
  t,
  'a ClientHello that does not offer the mesh is passed on: the application ends TLS with its own certificate',
  async (t, engine) => {
    const { port, logged } = await sidecar(t, engine, await secureApp(t));
    const shown = await fingerprint(site.certificateChainPem);
    for (const [ALPNProtocols, alpn] of [
      [['h2', 'http/1.1'], 'h2'],
      [undefined, false],
    ] as const) {
      const met = await meet(port, {
        ca: web.rootPem,
        servername: 'app.test',
        ALPNProtocols: ALPNProtocols && [...ALPNProtocols],
      });
      t.same(met, { heard: 'app heard hi', shown, alpn });
    }
    for (const line of await logged(2)) t.match(line, { protocol: 'tcp', reason: '', downstream_peer: null });
  },
);

onEveryEngine(t, 'a ClientHello that offers the mesh ends here', async (t, engine) => {
  const app = await tcpServer(t, (socket) => {
    socket.on('data', (bytes) => socket.write(`plain ${bytes}`));
    socket.on('end', () => socket.end());
  });
  const { port } = await sidecar(t, engine, app);
  const client = { cert: identity.certificateChainPem, key: identity.privateKeyPem, ca: mesh.rootPem };
  const met = await meet(port, { ...client, ALPNProtocols: ['h2', 'tulle-tcp'] });
  t.same(met, { heard: 'plain hi', shown: await fingerprint(identity.certificateChainPem), alpn: 'tulle-tcp' });
});

onEveryEngine(t, 'who passes without the mesh is nobody: only a policy for anybody lets him in', async (t, engine) => {
  const rule = (kind: 'any' | 'authenticated'): AuthorizationConfig[] => [
    { action: 'allow', policies: [{ name: 'p', principals: [{ kind }], permissions: [{ kind: 'any' }] }] },
  ];
  const app = await secureApp(t);
  const options = { ca: web.rootPem, servername: 'app.test' };
  const anybody = await sidecar(t, engine, app, { authorization: rule('any') });
  t.equal((await meet(anybody.port, options)).heard, 'app heard hi');
  const known = await sidecar(t, engine, app, { authorization: rule('authenticated') });
  await t.rejects(meet(known.port, options));
  t.match((await known.logged(1))[0], { reason: 'access-denied' });
});

onEveryEngine(
  t,
  'a ClientHello that comes byte by byte, in records of a byte, is passed on as it came',
  async (t, engine) => {
    const bytes = inRecords(helloMessage({ alpn: ['h2'], serverName: 'app.test' }), new Array<number>(40).fill(1));
    const app = await tcpServer(t, (socket) => {
      let got = 0;
      socket.on('data', (part) => {
        got += part.length;
        if (got === bytes.length) socket.write(`${got} bytes`);
      });
    });
    const { port } = await sidecar(t, engine, app);
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    t.equal(String((await once(socket, 'data'))[0]), `${bytes.length} bytes`);
    socket.destroy();
  },
);

onEveryEngine(t, 'what begins like TLS and is no ClientHello is refused, and never plain text', async (t, engine) => {
  let reached = 0;
  const app = await tcpServer(t, () => reached++);
  const { port, logged } = await sidecar(t, engine, app, { limits: { maxClientHelloBytes: 300 } });
  const whole = inRecords(helloMessage({ alpn: ['h2'] }));
  const long = inRecords(helloMessage({ extensions: [[51, new Uint8Array(400)]] }));
  const broken = inRecords(Uint8Array.from([...helloMessage({}), 0]));
  for (const [bytes, end] of [
    [broken, false],
    [long, false],
    // Ends before it is whole.
    [whole.subarray(0, whole.length - 1), true],
  ] as const) {
    const text = Buffer.from(bytes).toString('latin1');
    t.equal(await sent(port, text, end), '');
  }
  const reasons = (await logged(3)).map(({ reason }) => reason);
  t.same(reasons, ['bad-request', 'bad-request', 'downstream-closed']);
  t.equal(reached, 0);
});

/** What comes back until the connection is closed, in whatever way. */
async function sent(port: number, text: string, end: boolean): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let heard = '';
  socket.on('data', (part) => {
    heard += part;
  });
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  if (end) socket.end(Buffer.from(text, 'latin1'));
  else socket.write(Buffer.from(text, 'latin1'));
  await new Promise((resolve) => socket.on('close', resolve));
  return heard;
}

onEveryEngine(
  t,
  "the application's own TLS may be asked for by its ALPN; what nobody serves gets the alert",
  async (t, engine) => {
    const { port } = await sidecar(t, engine, await secureApp(t), {
      own: { match: { transport: 'tls', alpn: ['h2'] } },
    });
    const options = { ca: web.rootPem, servername: 'app.test' };
    t.equal((await meet(port, { ...options, ALPNProtocols: ['h2'] })).alpn, 'h2');
    await t.rejects(meet(port, { ...options, ALPNProtocols: ['http/1.1'] }), { code: /ALERT_NO_APPLICATION_PROTOCOL/ });
  },
);

onEveryEngine(t, 'plain text on the same port goes where it went', async (t, engine) => {
  const app = await tcpServer(t, (socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n')),
  );
  const { port } = await sidecar(t, engine, app);
  t.match(await exchangeBytes(port, 'GET / HTTP/1.1\r\nhost: app.test\r\n\r\n', true), /^HTTP\/1\.1 204/);
});
