import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { createAuthority, RecordingHandler, writeText } from '@tulle/testkit';
import t from 'tap';
import type { Connection, TlsContext } from '../../../src/io/io.js';
import { openStage, type Stage } from './stage.js';

type Ending = (near: Connection, far: Connection) => void;

/** Every way to end a connection, for whoever is first. */
const endings: Record<string, Ending> = {
  'both end': (near, far) => {
    near.end();
    far.end();
  },
  'the client ends, the server follows': (near) => near.end(),
  'the server ends, the client follows': (_near, far) => far.end(),
  'the client destroys': (near) => near.destroy(false),
  'the client resets': (near) => near.destroy(true),
  'the server destroys': (_near, far) => far.destroy(false),
  'the server resets': (_near, far) => far.destroy(true),
  'both destroy': (near, far) => {
    near.destroy(false);
    far.destroy(true);
  },
  'reset with bytes on the way': (near, far) => {
    writeText(near, 'x'.repeat(100_000));
    far.destroy(true);
  },
  'end with bytes held': (near, far) => {
    near.write(big, 0, big.length, false);
    near.end();
    far.end();
  },
};
const big = new Uint8Array(1_000_000);

/** Opens `count` connections in groups and ends each in the way of its number. */
async function churn(stage: Stage, count: number, clientTls?: TlsContext, serverTls?: TlsContext): Promise<number> {
  const ways = Object.values(endings);
  let closed = 0;
  for (let first = 0; first < count; first += 50) {
    const servers: RecordingHandler[] = [];
    const { socket, near } = connectGroup(stage, Math.min(50, count - first), servers, clientTls, serverTls);
    const pairs = new Map(near.map((handler) => [handler, undefined as RecordingHandler | undefined]));
    await stage.until(
      'all are open',
      () => near.every((one) => one.opened) && servers.filter((one) => one.opened).length === near.length,
    );
    for (const client of near) {
      const { local } = client.connection as Connection;
      pairs.set(
        client,
        servers.find((one) => one.connection?.remote.port === local.port),
      );
    }
    let i = first;
    for (const [client, server] of pairs)
      ways[i++ % ways.length](client.connection as Connection, server?.connection as Connection);
    await stage.until('all are gone', () => stage.io.connectionCount === 0);
    closed += near.length;
    socket.close();
  }
  return closed;
}

function connectGroup(
  stage: Stage,
  count: number,
  servers: RecordingHandler[],
  clientTls?: TlsContext,
  serverTls?: TlsContext,
) {
  const follow = { onEnd: (connection: Connection) => connection.end() };
  const socket = stage.io.listen(
    { address: { host: '127.0.0.1', port: 0 }, original: false, backlog: 511, reusePort: false },
    {
      onAccept(connection) {
        const handler = new RecordingHandler(follow);
        handler.keep = false;
        servers.push(handler);
        if (serverTls) connection.startTls(serverTls, handler);
        else connection.startPlain(handler);
      },
      onAcceptError() {},
    },
  );
  const near = Array.from({ length: count }, () => {
    const handler = new RecordingHandler(follow);
    stage.connect(socket.address, handler, clientTls);
    return handler;
  });
  return { socket, near };
}

/** Sockets and epolls of the process, as the kernel lists them. */
function openFds(): number {
  const kinds = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return 'the descriptor of the listing itself, closed by now';
    }
  });
  return kinds.filter((kind) => kind.startsWith('socket:') || kind.includes('[eventpoll]')).length;
}

t.test('2,000 plain connections of every ending leave no descriptor behind', async (t) => {
  const stage = openStage(t);
  const before = stage.io.counts();
  const fds = openFds();
  t.equal(await churn(stage, 2_000), 2_000);
  t.same(stage.io.counts(), before);
  // Not more; node closes some of its own in the meantime.
  t.ok(openFds() <= fds, 'the kernel agrees');
});

t.test('500 TLS connections of every ending leave no descriptor and no OpenSSL object behind', async (t) => {
  const stage = openStage(t);
  const authority = await createAuthority();
  const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
  const options = { ...identity, trustPem: authority.rootPem, requirePeerCertificate: true, alpn: ['tulle-tcp'] };
  const before = stage.io.counts();
  const fds = openFds();
  const clientTls = stage.io.tlsContext({ ...options, side: 'client' });
  const serverTls = stage.io.tlsContext({ ...options, side: 'server' });
  t.equal(stage.io.counts().contexts, before.contexts + 2);
  t.equal(await churn(stage, 500, clientTls, serverTls), 500);
  clientTls.release();
  serverTls.release();
  serverTls.release();
  t.same(stage.io.counts(), before);
  t.ok(openFds() <= fds);
});

t.test('a context that is released keeps its connections, and is freed with the last of them', async (t) => {
  const stage = openStage(t);
  const authority = await createAuthority();
  const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
  const options = { ...identity, trustPem: authority.rootPem, requirePeerCertificate: true, alpn: ['tulle-tcp'] };
  const before = stage.io.counts();
  const clientTls = stage.io.tlsContext({ ...options, side: 'client' });
  const serverTls = stage.io.tlsContext({ ...options, side: 'server' });
  const servers: RecordingHandler[] = [];
  const { socket, near } = connectGroup(stage, 1, servers, clientTls, serverTls);
  await stage.until('open', () => near[0].opened && servers[0]?.opened);
  clientTls.release();
  serverTls.release();
  t.equal(stage.io.counts().contexts, before.contexts + 2);
  writeText(near[0].connection as Connection, 'still here');
  await stage.until('arrived', () => servers[0].receivedBytes === 10);
  near[0].connection?.end();
  await stage.until('gone', () => stage.io.connectionCount === 0);
  socket.close();
  t.same(stage.io.counts(), before);
});

t.test('closing the engine closes what is open', async (t) => {
  const stage = openStage({ teardown() {} });
  const fds = openFds();
  const servers: RecordingHandler[] = [];
  const { near } = connectGroup(stage, 20, servers);
  await stage.until('open', () => near.every((one) => one.opened));
  t.ok(openFds() > fds);
  stage.io.close();
  stage.io.close();
  t.equal(stage.io.connectionCount, 0);
  t.ok(openFds() <= fds - 1, 'the epoll descriptor too');
  t.notOk(
    near.some((one) => one.closed),
    'without callbacks',
  );
});

t.test('contexts that cannot be made leave nothing and say which PEM is wrong', async (t) => {
  const stage = openStage(t);
  const authority = await createAuthority();
  const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
  const other = await authority.svid('spiffe://cluster.local/ns/default/sa/other');
  const right = {
    side: 'server' as const,
    ...identity,
    trustPem: authority.rootPem,
    requirePeerCertificate: true,
    alpn: [],
  };
  const before = stage.io.counts();
  for (const [wrong, message] of [
    [{ certificateChainPem: 'nothing' }, /certificate chain/],
    [{ certificateChainPem: undefined }, /private key without a certificate chain/],
    [{ privateKeyPem: other.privateKeyPem }, /private key does not belong/],
    [{ privateKeyPem: 'nothing' }, /private key is no PEM/],
    [{ privateKeyPem: encryptedKeyPem }, /private key is no PEM of an unencrypted key/],
    [
      { trustPem: `${authority.rootPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
      /certificate 2 of the trust bundle/,
    ],
    [{ trustPem: undefined }, /trust bundle/],
    [{ alpn: ['x'.repeat(256)], side: 'client' as const }, /ALPN/],
  ] as const) {
    t.throws(() => stage.io.tlsContext({ ...right, ...wrong }), { name: 'IoFailure', code: 'tls', message });
  }
  t.same(stage.io.counts(), before);
});

const encryptedKeyPem = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
}).privateKey;
