import type { PeerCertificate, TlsContext, TlsContextOptions } from '@tulle/proxy-core/internal';
import { createAuthority, type LeafOptions, type TestAuthority, type TestIdentity } from '../certificates.js';
import { type Reaction, RecordingHandler, RecordingSniffer, writeText } from '../recording.js';
import { cases, type IoHarness, type Scene, type SuiteTest } from './harness.js';

const clientUri = 'spiffe://cluster.local/ns/default/sa/client';
const serverUri = 'spiffe://cluster.local/ns/default/sa/server';

interface Ids {
  readonly authority: TestAuthority;
  readonly stranger: TestAuthority;
  readonly client: TestIdentity;
  readonly server: TestIdentity;
}

/** Made once: signing is slow. */
let made: Promise<Ids> | undefined;

async function makeIds(): Promise<Ids> {
  const authority = await createAuthority('Mesh Root');
  const stranger = await createAuthority('Other Root');
  return { authority, stranger, client: await authority.svid(clientUri), server: await authority.svid(serverUri) };
}

function contextOptions(
  side: 'client' | 'server',
  identity: TestIdentity | undefined,
  trustPem: string | undefined,
  more: Partial<TlsContextOptions> = {},
): TlsContextOptions {
  return {
    side,
    certificateChainPem: identity?.certificateChainPem,
    privateKeyPem: identity?.privateKeyPem,
    trustPem,
    requirePeerCertificate: side === 'server' && trustPem !== undefined,
    alpn: [],
    ...more,
  };
}

/** TLS of the engine against itself: mutual, with every way to be refused. */
export function tlsCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);
  const ids = (): Promise<Ids> => {
    made ??= makeIds();
    return made;
  };
  /** Contexts of both sides, right unless said otherwise. */
  const contexts = async (
    scene: Scene,
    change: { client?: Partial<TlsContextOptions>; server?: Partial<TlsContextOptions> } = {},
  ): Promise<{ clientTls: TlsContext; serverTls: TlsContext }> => {
    const { authority, client, server } = await ids();
    return {
      clientTls: scene.io.tlsContext(contextOptions('client', client, authority.rootPem, change.client)),
      serverTls: scene.io.tlsContext(contextOptions('server', server, authority.rootPem, change.server)),
    };
  };
  /** Connects and waits until the server refused; the client may have been open for a moment (TLS 1.3: its part is done first). */
  const refused = async (
    scene: Scene,
    { clientTls, serverTls }: { clientTls: TlsContext; serverTls: TlsContext },
    reactions: { client?: Reaction } = {},
  ): Promise<{ client: RecordingHandler; server: RecordingHandler }> => {
    const server = new RecordingHandler();
    const client = new RecordingHandler(reactions.client);
    const { socket } = scene.listen((connection) => connection.startTls(serverTls, server));
    scene.connect(socket.address, client, clientTls);
    await scene.until('both ends are closed', () => client.closed && server.closed);
    return { client, server };
  };

  when('mutual TLS: both see the identity of the other, and bytes go both ways', async (t, scene) => {
    const { client, server, near, far } = await scene.pair(await contexts(scene));
    t.equal(near.isTls && far.isTls, true);
    t.same(near.peer?.uris, [serverUri]);
    t.same(far.peer?.uris, [clientUri]);
    t.match(far.peer?.serial, /^[0-9a-f]+$/);
    t.ok(Math.abs((far.peer?.notAfterMs ?? 0) - Date.now() - 3_600_000) < 120_000);
    writeText(near, 'secret');
    await scene.until('arrived', () => server.receivedBytes === 6);
    writeText(far, 'answer');
    await scene.until('answered', () => client.receivedBytes === 6);
    t.equal(server.text() + client.text(), 'secretanswer');
    t.same([near.bytesWritten, near.bytesRead], [6, 6], 'plaintext is counted');
  });

  when('all URIs and names of a certificate are told, in order', async (t, scene) => {
    const { authority } = await ids();
    const odd = await authority.leaf({
      uris: ['spiffe://a/one', 'spiffe://b/two,DNS:x'],
      dnsNames: ['one.test', 'two.test'],
    });
    const { near } = await scene.pair(await contexts(scene, { server: odd }));
    t.same(near.peer?.uris, ['spiffe://a/one', 'spiffe://b/two,DNS:x']);
    t.same(near.peer?.dnsNames, ['one.test', 'two.test']);
  });

  when('what a certificate says of its key and of being a CA is told', async (t, scene) => {
    const { authority } = await ids();
    const uses = (...names: string[]) => ({
      digitalSignature: names.includes('digitalSignature'),
      keyCertSign: names.includes('keyCertSign'),
      cRLSign: names.includes('cRLSign'),
    });
    const told = async (leaf: LeafOptions): Promise<Pick<PeerCertificate, 'isCa' | 'keyUsage'>> => {
      const server = await authority.leaf({ uris: [serverUri], ...leaf });
      const { near } = await scene.pair(await contexts(scene, { server }));
      return { isCa: near.peer?.isCa ?? false, keyUsage: near.peer?.keyUsage };
    };
    t.same(await told({}), { isCa: false, keyUsage: uses('digitalSignature') });
    t.same(await told({ ca: true }), { isCa: true, keyUsage: uses('digitalSignature') }, 'a CA that may not sign');
    for (const use of ['keyCertSign', 'cRLSign', 'decipherOnly'] as const) {
      const keyUsage = ['digitalSignature', use] as const;
      t.same(await told({ keyUsage }), { isCa: false, keyUsage: uses(...keyUsage) }, use);
    }
    t.same(await told({ keyUsage: ['keyAgreement'] }), { isCa: false, keyUsage: uses() });
    t.same(await told({ keyUsage: 'absent' }), { isCa: false, keyUsage: undefined });
  });

  when('the first protocol of the server that the client offers is agreed on', async (t, scene) => {
    const pair = await scene.pair(
      await contexts(scene, {
        client: { alpn: ['tulle-tcp', 'tulle-http/1.1'] },
        server: { alpn: ['h3', 'tulle-http/1.1', 'tulle-tcp'] },
      }),
    );
    t.same([pair.near.alpn, pair.far.alpn], ['tulle-http/1.1', 'tulle-http/1.1']);
  });

  when('no protocol in common: the handshake fails on both sides', async (t, scene) => {
    const { client, server } = await refused(
      scene,
      await contexts(scene, { client: { alpn: ['tulle-tcp'] }, server: { alpn: ['tulle-http/1.1'] } }),
    );
    t.same([client.events, server.events], [['close'], ['close']]);
    t.same([client.error?.code, server.error?.code], ['tls', 'tls']);
  });

  when('a client that offers no protocol gets none', async (t, scene) => {
    const { near, far } = await scene.pair(await contexts(scene, { server: { alpn: ['tulle-tcp'] } }));
    t.same([near.alpn, far.alpn], ['', '']);
  });

  when('a client without a certificate is refused where one is required', async (t, scene) => {
    const none = { certificateChainPem: undefined, privateKeyPem: undefined };
    const { client, server } = await refused(scene, await contexts(scene, { client: none }));
    t.same(server.events, ['close']);
    t.equal(server.error?.code, 'tls');
    t.ok(client.error !== undefined, 'the client is told of an error, not of an end');
    t.equal(client.count('close'), 1);
  });

  when('a client without a certificate is let in where none is required', async (t, scene) => {
    const none = { certificateChainPem: undefined, privateKeyPem: undefined };
    const optional = { requirePeerCertificate: false };
    const { near, far } = await scene.pair(await contexts(scene, { client: none, server: optional }));
    t.equal(far.peer, undefined);
    t.same(near.peer?.uris, [serverUri]);
  });

  for (const [what, identity] of [
    ['of another authority', async ({ stranger }: Ids) => stranger.svid(clientUri)],
    ['that has expired', async ({ authority }: Ids) => authority.expired(clientUri)],
    [
      'that is not valid yet',
      async ({ authority }: Ids) => authority.leaf({ uris: [clientUri], notBefore: new Date(Date.now() + 1_800_000) }),
    ],
    [
      'for servers only',
      async ({ authority }: Ids) => authority.leaf({ uris: [clientUri], extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }),
    ],
  ] as const) {
    for (const requirePeerCertificate of [true, false]) {
      when(
        `a client certificate ${what} is refused${requirePeerCertificate ? '' : ', though none is required'}`,
        async (t, scene) => {
          const wrong = await identity(await ids());
          const written: string[] = [];
          const { client, server } = await refused(
            scene,
            await contexts(scene, { client: wrong, server: { requirePeerCertificate } }),
            { client: { onData: () => written.push('data') } },
          );
          t.same(server.events, ['close']);
          t.equal(server.error?.code, 'tls');
          t.ok(client.error !== undefined, 'the client is told of an error, not of an end');
          t.same(written, []);
        },
      );
    }
  }

  for (const [what, identity] of [
    ['of another authority', async ({ stranger }: Ids) => stranger.svid(serverUri)],
    ['that has expired', async ({ authority }: Ids) => authority.expired(serverUri)],
  ] as const) {
    when(`a server certificate ${what} is refused, and nothing written early reaches it`, async (t, scene) => {
      const { clientTls, serverTls } = await contexts(scene, { server: await identity(await ids()) });
      const server = new RecordingHandler();
      const client = new RecordingHandler();
      const { socket } = scene.listen((connection) => connection.startTls(serverTls, server));
      const near = scene.connect(socket.address, client, clientTls);
      writeText(near, 'for the right one only');
      await scene.until('refused', () => client.closed && server.closed);
      t.same(client.events, ['close']);
      t.equal(client.error?.code, 'tls');
      t.equal(server.receivedBytes, 0);
    });
  }

  when('a server shown to nobody in particular: without a trust bundle any certificate passes', async (t, scene) => {
    const { stranger } = await ids();
    const { near } = await scene.pair(
      await contexts(scene, {
        client: { trustPem: undefined },
        server: { ...(await stranger.svid(serverUri)), requirePeerCertificate: false, trustPem: undefined },
      }),
    );
    t.equal(near.isTls, true);
    t.equal(near.peer, undefined, 'nobody has verified who that is');
  });

  when('what both sides write before the handshake is done arrives', async (t, scene) => {
    const { clientTls, serverTls } = await contexts(scene);
    const server = new RecordingHandler();
    const client = new RecordingHandler();
    const { socket } = scene.listen((connection) => {
      connection.startTls(serverTls, server);
      writeText(connection, 'banner');
    });
    const near = scene.connect(socket.address, client, clientTls);
    writeText(near, 'request');
    near.end();
    await scene.until('arrived', () => server.ended && client.receivedBytes === 6);
    t.equal(server.text() + client.text(), 'requestbanner');
  });

  when('half-close under TLS leaves the other direction open, then both close in order', async (t, scene) => {
    const { client, server, near, far } = await scene.pair(await contexts(scene));
    writeText(near, 'question');
    near.end();
    await scene.until('the server sees the end', () => server.ended);
    writeText(far, 'answer');
    far.end();
    await scene.until('both are closed', () => client.closed && server.closed);
    t.equal(client.text(), 'answer');
    t.same(server.events, ['open', 'data', 'end', 'close']);
    t.same(client.events, ['open', 'data', 'end', 'close']);
    t.equal(client.error ?? server.error, undefined);
  });

  when('a half-close from the server under TLS leaves the other direction open', async (t, scene) => {
    const { client, server, near, far } = await scene.pair(await contexts(scene));
    far.end();
    await scene.until('the client sees the end', () => client.ended);
    writeText(near, 'late');
    near.end();
    await scene.until('both are closed', () => client.closed && server.closed);
    t.equal(server.text(), 'late');
    t.equal(client.error ?? server.error, undefined);
  });

  when('destroy with reset under TLS is a reset at the other side', async (t, scene) => {
    for (const end of ['near', 'far'] as const) {
      const pair = await scene.pair(await contexts(scene));
      const other = end === 'near' ? pair.server : pair.client;
      pair[end].destroy(true);
      await scene.until('noticed', () => other.closed);
      t.equal(other.error?.code, 'reset');
      t.notOk(other.ended);
    }
  });

  when('bulk under TLS with a reader that pauses arrives whole', async (t, scene) => {
    const total = 16 * 1024 * 1024;
    const piece = Buffer.alloc(16_384, 7);
    let written = 0;
    let stops = 0;
    const pump = (connection: {
      write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean;
      end(): void;
    }): void => {
      while (written < total) {
        written += piece.length;
        if (!connection.write(piece, 0, piece.length, false)) {
          stops++;
          return;
        }
      }
      connection.end();
    };
    const { client, server, near, far } = await scene.pair({
      ...(await contexts(scene)),
      client: { onDrain: pump },
    });
    server.keep = false;
    far.pause();
    pump(near);
    await scene.until('the writer is stopped', () => stops > 0);
    await scene.settle(100);
    t.ok(written < total, `stopped at ${written}`);
    t.equal(server.receivedBytes, 0);
    far.resume();
    await scene.until('arrived', () => server.ended);
    t.equal(server.receivedBytes, total);
    t.notOk(client.closed);
  });

  when('a ClientHello that was sniffed starts TLS, whole and byte by byte', async (t, scene) => {
    const { clientTls, serverTls } = await contexts(scene);
    for (const wanted of [1, 6, 100]) {
      const server = new RecordingHandler();
      const sniffer = new RecordingSniffer((connection, seen) => {
        if (seen.length >= wanted) connection.startTls(serverTls, server);
      });
      const { socket } = scene.listen((connection) => connection.sniff(sniffer));
      const client = new RecordingHandler();
      const near = scene.connect(socket.address, client, clientTls);
      writeText(near, 'through');
      await scene.until('arrived', () => server.receivedBytes === 7);
      t.equal(sniffer.looks[0].charCodeAt(0), 0x16, 'a handshake record');
      t.same(server.connection?.peer?.uris, [clientUri]);
      near.destroy(false);
    }
  });

  when('a peer that does not speak TLS fails the handshake on both sides', async (t, scene) => {
    const { clientTls, serverTls } = await contexts(scene);
    const server = new RecordingHandler();
    const tlsServer = scene.listen((connection) => connection.startTls(serverTls, server));
    writeText(scene.connect(tlsServer.socket.address, new RecordingHandler()), 'GET / HTTP/1.1\r\n\r\n');
    await scene.until('the server refused', () => server.closed);
    t.same([server.events, server.error?.code], [['close'], 'tls']);
    const plainServer = scene.listen((connection) =>
      connection.startPlain(
        new RecordingHandler({ onData: (connection) => writeText(connection, '220 plain text here\r\n') }),
      ),
    );
    const client = new RecordingHandler();
    scene.connect(plainServer.socket.address, client, clientTls);
    await scene.until('the client refused', () => client.closed);
    t.same([client.events, client.error?.code], [['close'], 'tls']);
  });

  when('a peer that closes in the middle of the handshake fails it', async (t, scene) => {
    const { clientTls, serverTls } = await contexts(scene);
    const plainServer = scene.listen((connection) =>
      connection.startPlain(new RecordingHandler({ onData: (connection) => connection.end() })),
    );
    const client = new RecordingHandler();
    scene.connect(plainServer.socket.address, client, clientTls);
    await scene.until('the client refused', () => client.closed);
    t.same([client.events, client.error?.code], [['close'], 'tls']);
    const server = new RecordingHandler();
    const tlsServer = scene.listen((connection) => connection.startTls(serverTls, server));
    scene.connect(tlsServer.socket.address, new RecordingHandler()).end();
    await scene.until('the server refused', () => server.closed);
    t.same([server.events, server.error?.code], [['close'], 'tls']);
  });

  when('the deadline covers the handshake', async (t, scene) => {
    const { clientTls } = await contexts(scene);
    const { socket, acceptor } = scene.listen((connection) => connection.startPlain(new RecordingHandler()));
    const client = new RecordingHandler();
    scene.connect(socket.address, client, clientTls, 500);
    await scene.until('timed out', () => client.closed);
    t.equal(acceptor.accepted.length, 1, 'TCP was connected');
    t.same([client.events, client.error?.code], [['close'], 'timeout']);
  });

  when('a connection destroyed in the handshake is never heard of', async (t, scene) => {
    const { clientTls, serverTls } = await contexts(scene);
    const server = new RecordingHandler();
    const client = new RecordingHandler();
    const { socket, acceptor } = scene.listen((connection) => connection.startTls(serverTls, server));
    scene.connect(socket.address, client, clientTls);
    await scene.until('accepted', () => acceptor.accepted.length === 1);
    acceptor.accepted[0].destroy(true);
    await scene.until('the client notices', () => client.closed);
    t.notOk(server.events.length);
    t.ok(client.error !== undefined);
  });

  when('a renewed context leaves open connections alone, and no session is resumed', async (t, scene) => {
    const { authority } = await ids();
    const { clientTls, serverTls } = await contexts(scene);
    const first = await scene.pair({ clientTls, serverTls });
    const renewed = scene.io.tlsContext(
      contextOptions('server', await authority.svid(`${serverUri}-renewed`), authority.rootPem),
    );
    t.not(renewed.key, serverTls.key);
    serverTls.release();
    const second = await scene.pair({ clientTls, serverTls: renewed });
    t.same(second.near.peer?.uris, [`${serverUri}-renewed`]);
    t.same(second.far.peer?.uris, [clientUri], 'a resumed session would show no certificate');
    writeText(first.near, 'still open');
    await scene.until('arrived', () => first.server.receivedBytes === 10);
  });

  when('a context that is released while a connection is being made serves it to its end', async (t, scene) => {
    const { clientTls, serverTls } = await contexts(scene);
    const server = new RecordingHandler();
    const heard = new RecordingHandler();
    const { socket } = scene.listen((connection) => connection.startTls(serverTls, server));
    const near = scene.connect(socket.address, heard, clientTls);
    // Before the first turn: TCP is not there yet, so no session is.
    clientTls.release();
    await scene.until('open', () => heard.opened && server.opened);
    t.same(near.peer?.uris, [serverUri]);
    writeText(near, 'served');
    await scene.until('arrived', () => server.receivedBytes === 6);
  });

  when('a context that cannot work is refused, and the message says which part is wrong', async (t, scene) => {
    const { authority, client, server } = await ids();
    const make = (change: Partial<TlsContextOptions>) => () =>
      scene.io.tlsContext(contextOptions('server', server, authority.rootPem, change));
    const name = 'IoFailure';
    const code = 'tls';
    t.throws(make({ trustPem: 'no pem' }), { name, code, message: /trust/ });
    t.throws(make({ certificateChainPem: 'no pem' }), { name, code, message: /certificate/ });
    t.throws(make({ privateKeyPem: 'no pem' }), { name, code, message: /key/ });
    t.throws(make({ privateKeyPem: client.privateKeyPem }), { name, code, message: /key/ });
    t.throws(make({ trustPem: undefined }), { name, code, message: /trust/ });
    t.throws(make({ certificateChainPem: undefined, privateKeyPem: undefined }), {
      name,
      code,
      message: /certificate/,
    });
  });
}
