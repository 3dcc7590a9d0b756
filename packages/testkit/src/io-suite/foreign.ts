import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { SocketAddress } from '@tulle/proxy-core/internal';
import { createAuthority } from '../certificates.js';
import { RecordingHandler, writeText } from '../recording.js';
import { cases, type IoHarness, type SuiteTest } from './harness.js';

/** Against the sockets of node, so that two ends of one engine cannot agree on something wrong. */
export function foreignCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);

  /** A node:net server that the test drives by hand. */
  async function foreignServer(t: SuiteTest): Promise<{ address: SocketAddress; sockets: net.Socket[] }> {
    const sockets: net.Socket[] = [];
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket.on('error', () => {}));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { address: { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }, sockets };
  }

  when('a reset by a foreign client is a reset, a FIN is an end', async (t, scene) => {
    const servers: RecordingHandler[] = [];
    const { socket } = scene.listen((connection) => {
      const server = new RecordingHandler();
      servers.push(server);
      connection.startPlain(server);
    });
    const client = net.connect({ port: socket.address.port, host: '127.0.0.1', allowHalfOpen: true });
    await scene.until('open', () => servers[0]?.opened);
    client.resetAndDestroy();
    await scene.until('reset', () => servers[0].closed);
    t.equal(servers[0].error?.code, 'reset');
    const second = net.connect({ port: socket.address.port, host: '127.0.0.1', allowHalfOpen: true });
    second.resume().end('bye');
    await scene.until('ended', () => servers[1]?.ended);
    t.equal(servers[1].text(), 'bye');
    servers[1].connection?.end();
    await scene.until('closed', () => servers[1].closed);
    t.equal(servers[1].error, undefined);
  });

  when('destroy with reset reaches a foreign server as ECONNRESET, end as an end', async (t, scene) => {
    const { address, sockets } = await foreignServer(t);
    const client = new RecordingHandler();
    const near = scene.connect(address, client);
    await scene.until('open', () => client.opened && sockets.length === 1);
    let code: string | undefined;
    sockets[0].on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    sockets[0].resume();
    near.destroy(true);
    await scene.until('noticed', () => code !== undefined);
    t.equal(code, 'ECONNRESET');

    const ending = new RecordingHandler();
    const other = scene.connect(address, ending);
    await scene.until('open', () => ending.opened && sockets.length === 2);
    let ended = false;
    sockets[1].on('end', () => {
      ended = true;
    });
    sockets[1].resume();
    other.end();
    await scene.until('ended', () => ended);
    sockets[1].end('late answer');
    await scene.until('closed', () => ending.closed);
    t.same(ending.events, ['open', 'data', 'end', 'close']);
    t.equal(ending.error, undefined);
  });

  when('mutual TLS 1.3 with a foreign server and a foreign client; older versions are refused', async (t, scene) => {
    const authority = await createAuthority();
    const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
    const foreign = {
      cert: identity.certificateChainPem,
      key: identity.privateKeyPem,
      ca: authority.rootPem,
      ALPNProtocols: ['tulle-tcp'],
    };
    const own = {
      certificateChainPem: identity.certificateChainPem,
      privateKeyPem: identity.privateKeyPem,
      trustPem: authority.rootPem,
      requirePeerCertificate: true,
      alpn: ['tulle-tcp'],
    };
    const server = tls.createServer({ ...foreign, requestCert: true, rejectUnauthorized: true });
    const versions: (string | null)[] = [];
    server.on('secureConnection', (socket) => {
      versions.push(socket.getProtocol());
      socket.on('error', () => {});
      // Inside this callback node is still in its handshake and would end without close_notify.
      setImmediate(() => socket.end('hello from node'));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const client = new RecordingHandler();
    const clientTls = scene.io.tlsContext({ ...own, side: 'client' });
    const near = scene.connect(
      { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port },
      client,
      clientTls,
    );
    await scene.until('ended', () => client.ended);
    t.same([client.text(), near.alpn, versions], ['hello from node', 'tulle-tcp', ['TLSv1.3']]);
    near.end();

    const servers: RecordingHandler[] = [];
    const serverTls = scene.io.tlsContext({ ...own, side: 'server' });
    const { socket } = scene.listen((connection) => {
      const handler = new RecordingHandler({ onData: (connection) => writeText(connection, 'hello to node') });
      servers.push(handler);
      connection.startTls(serverTls, handler);
    });
    const options = { ...foreign, host: '127.0.0.1', port: socket.address.port, checkServerIdentity: () => undefined };
    const right = tls.connect(options);
    let got = '';
    right.on('data', (chunk: Buffer) => {
      got += chunk.toString();
    });
    right.write('hi');
    await scene.until('answered', () => got === 'hello to node');
    t.equal(right.alpnProtocol, 'tulle-tcp');
    right.destroy();

    const old = tls.connect({ ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    let refusal: NodeJS.ErrnoException | undefined;
    old.on('error', (error) => {
      refusal = error;
    });
    await scene.until('the old version is refused', () => servers[1]?.closed && refusal !== undefined);
    t.equal(servers[1].error?.code, 'tls');
  });

  when(
    'a server issues no session tickets, and one that is shown all the same leads to a full handshake',
    async (t, scene) => {
      const authority = await createAuthority();
      const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
      const pems = { cert: identity.certificateChainPem, key: identity.privateKeyPem, ca: authority.rootPem };
      const serverTls = scene.io.tlsContext({
        side: 'server',
        certificateChainPem: pems.cert,
        privateKeyPem: pems.key,
        trustPem: pems.ca,
        requirePeerCertificate: true,
        alpn: [],
      });
      const { socket } = scene.listen((connection) =>
        connection.startTls(
          serverTls,
          new RecordingHandler({ onData: (connection) => writeText(connection, 'answer') }),
        ),
      );
      const asks = async (port: number, session?: Buffer): Promise<{ sessions: Buffer[]; reused: boolean }> => {
        const client = tls.connect({ ...pems, host: '127.0.0.1', port, session, checkServerIdentity: () => undefined });
        const sessions: Buffer[] = [];
        let got = '';
        client.on('session', (session) => sessions.push(session));
        client.on('data', (part) => {
          got += String(part);
        });
        client.on('error', (error) => {
          got = error.message;
        });
        client.write('hi');
        // Tickets come before the first application byte of the server.
        await scene.until('answered', () => got !== '');
        t.equal(got, 'answer');
        const reused = client.isSessionReused();
        client.destroy();
        return { sessions, reused };
      };
      t.same((await asks(socket.address.port)).sessions, []);

      const generous = tls.createServer(pems, (socket) => socket.on('error', () => {}).end('answer'));
      await once(generous.listen(0, '127.0.0.1'), 'listening');
      t.teardown(() => generous.close());
      const [strange] = (await asks((generous.address() as net.AddressInfo).port)).sessions;
      t.ok(strange, 'a ticket of another server');
      const { sessions, reused } = await asks(socket.address.port, strange);
      t.same([sessions, reused], [[], false]);
    },
  );

  when('a ClientHello that arrives in pieces is understood', async (t, scene) => {
    const authority = await createAuthority();
    const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
    const serverTls = scene.io.tlsContext({
      side: 'server',
      certificateChainPem: identity.certificateChainPem,
      privateKeyPem: identity.privateKeyPem,
      trustPem: undefined,
      requirePeerCertificate: false,
      alpn: [],
    });
    const server = new RecordingHandler({ onData: (connection) => writeText(connection, 'done') });
    const { socket } = scene.listen((connection) => connection.startTls(serverTls, server));
    // A proxy between, which passes the client's bytes on in pieces of seven.
    const between = net.createServer((from) => {
      const to = net.connect({ port: socket.address.port, host: '127.0.0.1', noDelay: true });
      from.on('data', async (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; at += 7) {
          to.write(chunk.subarray(at, at + 7));
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      to.pipe(from);
      from.on('error', () => to.destroy());
      to.on('error', () => from.destroy());
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => between.close());
    const client = tls.connect({
      host: '127.0.0.1',
      port: (between.address() as net.AddressInfo).port,
      rejectUnauthorized: false,
    });
    let got = '';
    client.on('data', (chunk: Buffer) => {
      got += chunk.toString();
    });
    client.write('hi');
    await scene.until('answered', () => got === 'done');
    client.destroy();
    t.ok(server.opened);
  });

  when('TLS ended by a bare FIN is told apart from close_notify', async (t, scene) => {
    const authority = await createAuthority();
    const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
    // The FIN is sent under the TLS of the server, which knows nothing of it.
    const server = tls.createServer({ cert: identity.certificateChainPem, key: identity.privateKeyPem });
    const sockets: net.Socket[] = [];
    server.on('connection', (socket: net.Socket) => sockets.push(socket));
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      socket.write('half', () => sockets[0].end());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const clientTls = scene.io.tlsContext({
      side: 'client',
      certificateChainPem: undefined,
      privateKeyPem: undefined,
      trustPem: authority.rootPem,
      requirePeerCertificate: false,
      alpn: [],
    });
    const client = new RecordingHandler();
    const address = { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port };
    scene.connect(address, client, clientTls);
    await scene.until('over', () => client.ended || client.closed);
    t.equal(client.text(), 'half');
    t.same([client.ended, client.error?.code], [false, 'reset']);
  });

  when('IPv6 addresses are bare literals on both sides', async (t, scene) => {
    const server = new RecordingHandler();
    const acceptor = {
      onAccept: (connection: { startPlain(handler: RecordingHandler): void }) => connection.startPlain(server),
      onAcceptError() {},
    };
    const socket = scene.io.listen(
      { address: { host: '::1', port: 0 }, original: false, backlog: 16, reusePort: false },
      acceptor,
    );
    t.equal(socket.address.host, '::1');
    const client = new RecordingHandler();
    const near = scene.connect(socket.address, client);
    await scene.until('open', () => server.opened && client.opened);
    t.same([near.local.host, server.connection?.remote], ['::1', near.local]);
  });

  when('an IPv4 client of a socket of both families is seen with its IPv4 address', async (t, scene) => {
    const server = new RecordingHandler();
    const acceptor = {
      onAccept: (connection: { startPlain(handler: RecordingHandler): void }) => connection.startPlain(server),
      onAcceptError() {},
    };
    const socket = scene.io.listen(
      { address: { host: '::', port: 0 }, original: true, backlog: 16, reusePort: false },
      acceptor,
    );
    const client = new RecordingHandler();
    scene.connect({ host: '127.0.0.1', port: socket.address.port }, client);
    await scene.until('open', () => server.opened && client.opened);
    t.equal(server.connection?.remote.host, '127.0.0.1');
    t.same(
      server.connection?.destination,
      { host: '127.0.0.1', port: socket.address.port },
      'not redirected: the address dialled',
    );
  });
}
