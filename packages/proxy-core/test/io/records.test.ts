/** TLS as a hostile or unusual peer speaks it: every byte of its records is the test's. */
import { once } from 'node:events';
import net from 'node:net';
import { createAuthority, type IoUnderTest, RecordingHandler, Scene, writeText } from '@tulle/testkit';
import t, { type Test } from 'tap';
import type { Connection } from '../../src/io/io.js';
import { engines, linuxUnderTest } from './engines.js';
import { TlsPeer } from './tls-peer.js';

const authority = await createAuthority();
const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');

/** One engine's end, with a peer that has begun nothing yet. */
interface Met {
  readonly peer: TlsPeer;
  readonly handler: RecordingHandler;
  readonly own: () => Connection;
}

/** The engine is the server, the peer its client. */
async function asServer(t: Test, scene: Scene, maxVersion?: '1.2'): Promise<Met> {
  const context = scene.io.tlsContext({
    side: 'server',
    ...identity,
    trustPem: undefined,
    requirePeerCertificate: false,
    alpn: [],
  });
  const handler = new RecordingHandler();
  const { socket, acceptor } = scene.listen((connection) => connection.startTls(context, handler));
  const client = net.connect({ ...socket.address, noDelay: true, allowHalfOpen: true });
  await once(client, 'connect');
  const peer = new TlsPeer(client, { side: 'client', maxVersion });
  t.teardown(() => peer.close());
  await scene.until('accepted', () => acceptor.accepted.length === 1);
  socket.close();
  return { peer, handler, own: () => acceptor.accepted[0] };
}

/** The engine is the client, the peer its server. */
async function asClient(t: Test, scene: Scene): Promise<Met> {
  const context = scene.io.tlsContext({
    side: 'client',
    certificateChainPem: undefined,
    privateKeyPem: undefined,
    trustPem: authority.rootPem,
    requirePeerCertificate: true,
    alpn: [],
  });
  const server = net.createServer({ noDelay: true, allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(server, 'connection');
  const handler = new RecordingHandler();
  const { port } = server.address() as net.AddressInfo;
  const own = scene.connect({ host: '127.0.0.1', port }, handler, context);
  await scene.settle(2);
  const [socket] = (await accepted) as [net.Socket];
  server.close();
  const peer = new TlsPeer(socket, { side: 'server', ...identity });
  t.teardown(() => peer.close());
  return { peer, handler, own: () => own };
}

async function shake(scene: Scene, { peer, handler }: Met): Promise<void> {
  peer.progress();
  await scene.until('both are open', () => peer.isOpen && handler.opened);
}

for (const [engine, makeIo] of Object.entries(engines)) {
  const when = (
    sentence: string,
    play: (t: Test, scene: Scene) => Promise<void>,
    make: () => IoUnderTest = makeIo,
  ): void => {
    void t.test(`${engine}: ${sentence}`, async (t) => {
      const underTest = make();
      t.teardown(() => underTest.close());
      await play(t, new Scene(underTest));
    });
  };

  for (const [side, meet] of [
    ['server', asServer],
    ['client', asClient],
  ] as const) {
    when(`${side}: keys are updated, answered or not, as often as the peer likes`, async (t, scene) => {
      const met = await meet(t, scene);
      const { peer, handler } = met;
      await shake(scene, met);
      let sent = '';
      for (let round = 0; round < 40; round++) {
        peer.updateKeys(round % 2 === 1);
        peer.write('ping');
        sent += 'ping';
        await scene.until('arrived', () => handler.text() === sent);
        writeText(met.own(), 'pong');
        await scene.until('answered', () => peer.text.length === sent.length);
      }
      // Several in a row, with nothing in between, and not a word from this side.
      for (let i = 0; i < 20; i++) {
        peer.updateKeys(true);
        peer.write('x');
      }
      await scene.until('arrived', () => handler.receivedBytes === sent.length + 20);
      writeText(met.own(), 'end');
      await scene.until('answered', () => peer.text.endsWith('pongend'));
      t.same([peer.failure, handler.closed], ['', false]);
    });

    when(`${side}: records that come while earlier ones wait to be read are not forgotten`, async (t, scene) => {
      const met = await meet(t, scene);
      const { peer, handler } = met;
      await shake(scene, met);
      let sent = 0;
      for (const paused of [false, true]) {
        // More than a turn's share, in one piece.
        peer.send(Buffer.concat(Array.from({ length: 11 }, () => peer.records('x'))));
        sent += 11;
        await scene.until('the first are read', () => handler.receivedBytes > sent - 11);
        if (paused) met.own().pause();
        peer.write('y');
        sent++;
        await scene.settle(3);
        met.own().resume();
        await scene.until('all are read', () => handler.receivedBytes === sent);
      }
    });

    for (const [what, bytes, alert] of [
      [
        'a record that is no record of this connection',
        Buffer.concat([Buffer.of(23, 3, 3, 0, 64), Buffer.alloc(64, 7)]),
        /bad record mac/,
      ],
      ['a record that is longer than any may be', Buffer.of(23, 3, 3, 0x41, 0x01, 1, 2, 3), /record overflow/],
      ['a record of an unknown type', Buffer.of(99, 3, 3, 0, 1, 1), /unexpected message/],
      ['a handshake in plain text after the handshake', Buffer.of(22, 3, 3, 0, 4, 1, 0, 0, 0), /unexpected message/],
    ] as const) {
      when(`${side}: ${what} ends the connection with an alert`, async (t, scene) => {
        const met = await meet(t, scene);
        const { peer, handler } = met;
        await shake(scene, met);
        peer.write('before');
        await scene.until('arrived', () => handler.receivedBytes === 6);
        peer.send(bytes);
        await scene.until('refused', () => handler.closed);
        await scene.until('told', () => peer.gone || peer.failure !== '');
        t.same([handler.events, handler.error?.code], [['open', 'data', 'close'], 'tls']);
        t.match(peer.failure, alert);
      });
    }

    when(`${side}: an alert of the peer's ends the connection, and says which it was`, async (t, scene) => {
      const { peer, handler } = await meet(t, scene);
      peer.isDeaf = true;
      if (side === 'server') peer.send(peer.hello());
      await scene.until('the engine has spoken', () => peer.socket.bytesRead > 0);
      peer.send(Buffer.of(21, 3, 3, 0, 2, 2, 40));
      await scene.until('ended', () => handler.closed);
      t.same([handler.events, handler.error?.code], [['close'], 'tls']);
      t.match(handler.error?.message, /handshake failure/);
    });

    when(`${side}: close_notify is an end, and what comes behind it is not heard`, async (t, scene) => {
      const met = await meet(t, scene);
      const { peer, handler } = met;
      await shake(scene, met);
      const last = peer.records('last');
      peer.send(Buffer.concat([last, peer.closeNotify(), Buffer.of(23, 3, 3, 0, 17), Buffer.alloc(17)]));
      await scene.until('ended', () => handler.ended);
      t.equal(handler.text(), 'last');
      writeText(met.own(), 'still open');
      await scene.until('answered', () => peer.text === 'still open');
      met.own().end();
      await scene.until('closed', () => handler.closed);
      t.same([handler.events, handler.error], [['open', 'data', 'end', 'close'], undefined]);
    });

    when(`${side}: a FIN without close_notify is truncation, wherever it cuts`, async (t, scene) => {
      for (const cut of ['between records', 'in a head', 'in a body', 'behind a key update']) {
        const met = await meet(t, scene);
        const { peer, handler } = met;
        await shake(scene, met);
        peer.write('whole');
        await scene.until('arrived', () => handler.receivedBytes === 5);
        if (cut === 'behind a key update') {
          peer.updateKeys(false);
          peer.write('x');
          await scene.until('arrived', () => handler.receivedBytes === 6);
        }
        const part = peer.records('never heard');
        peer.socket.end(part.subarray(0, cut === 'in a head' ? 3 : cut === 'in a body' ? part.length - 1 : 0));
        await scene.until('over', () => handler.closed || handler.ended);
        t.same([handler.events, handler.error?.code], [['open', 'data', 'close'], 'reset'], cut);
      }
    });
  }

  when('a ClientHello that is split at any byte is understood', async (t, scene) => {
    const context = scene.io.tlsContext({
      side: 'server',
      ...identity,
      trustPem: undefined,
      requirePeerCertificate: false,
      alpn: [],
    });
    const handlers: RecordingHandler[] = [];
    const { socket } = scene.listen((connection) => {
      const handler = new RecordingHandler();
      handlers.push(handler);
      connection.startTls(context, handler);
    });
    let length = 2;
    let cuts = 0;
    // With a post-quantum key share it is long: every byte of the heads then, and of the rest each seventh.
    for (let cut = 1; cut < length; cut += cut > 100 && length > 600 ? 7 : 1) {
      cuts++;
      const client = net.connect({ ...socket.address, noDelay: true });
      await once(client, 'connect');
      const peer = new TlsPeer(client, { side: 'client' });
      const hello = peer.hello();
      ({ length } = hello);
      peer.send(hello.subarray(0, cut));
      await scene.until('accepted', () => handlers.length === cuts);
      await scene.settle(2);
      peer.send(hello.subarray(cut));
      await scene.until(`open after a cut at ${cut}`, () => peer.isOpen && handlers[cuts - 1].opened);
      peer.close();
    }
    t.ok(length > 200 && cuts > 190, `${cuts} cuts of ${length} bytes`);
  });
}

void t.test('linux: where TLS 1.2 is let in, a second handshake on a connection is not', async (t) => {
  const underTest = linuxUnderTest({ minTlsVersion: '1.2' });
  t.teardown(() => underTest.close());
  const scene = new Scene(underTest);
  const met = await asServer(t, scene, '1.2');
  const { peer, handler } = met;
  await shake(scene, met);
  t.ok(peer.renegotiate());
  await scene.until('refused', () => peer.failure !== '');
  t.match(peer.failure, /no renegotiation/);
  t.equal(handler.events.length, 1, 'nothing was heard of it');
});

void t.test('under TLS 1.3 there is no renegotiation to ask for', async (t) => {
  const underTest = linuxUnderTest();
  t.teardown(() => underTest.close());
  const scene = new Scene(underTest);
  const met = await asServer(t, scene);
  await shake(scene, met);
  t.notOk(met.peer.renegotiate());
});
