import { RecordingHandler, writeText } from '../recording.js';
import { cases, type IoHarness, type SuiteTest } from './harness.js';

/** How connections come about, and how they do not. */
export function openingCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);

  when('both ends open, see each other, and exchange bytes', async (t, scene) => {
    const { client, server, near, far } = await scene.pair();
    t.same(near.remote, far.local);
    t.same(near.local, far.remote);
    t.same(far.destination, far.local);
    t.equal(near.isTls, false);
    t.equal(near.alpn, '');
    t.equal(near.peer, undefined);
    t.not(near.id, far.id);
    writeText(near, 'ping');
    await scene.until('ping arrives', () => server.receivedBytes === 4);
    writeText(far, 'pong!');
    await scene.until('pong arrives', () => client.receivedBytes === 5);
    t.equal(server.text(), 'ping');
    t.equal(client.text(), 'pong!');
    t.same([near.bytesWritten, near.bytesRead], [4, 5]);
    t.same([far.bytesWritten, far.bytesRead], [5, 4]);
    t.same(client.events, ['open', 'data']);
  });

  when('what is written while connecting is held and arrives in order', async (t, scene) => {
    const server = new RecordingHandler();
    const { socket } = scene.listen((connection) => connection.startPlain(server));
    const client = new RecordingHandler();
    const near = scene.connect(socket.address, client);
    const buffer = Buffer.from('one');
    near.write(buffer, 0, 3, false);
    buffer.write('two');
    near.write(buffer, 0, 3, false);
    buffer.fill(0);
    near.end();
    await scene.until('the server saw the end', () => server.ended);
    t.equal(server.text(), 'onetwo');
    t.same(server.events, ['open', 'data', 'end']);
    t.same(client.events, ['open']);
  });

  when('an accepted connection reads nothing before it is started', async (t, scene) => {
    const { socket, acceptor } = scene.listen(() => {});
    const client = new RecordingHandler();
    writeText(scene.connect(socket.address, client), 'early');
    await scene.until('accepted', () => acceptor.accepted.length === 1);
    await scene.settle();
    const server = new RecordingHandler();
    acceptor.accepted[0].startPlain(server);
    t.same(server.events, [], 'nothing is told before startPlain returns');
    await scene.until('the bytes arrive', () => server.receivedBytes === 5);
    t.same(server.events, ['open', 'data']);
  });

  when('a refused connection is told as such, after connect returned', async (t, scene) => {
    const { socket } = scene.listen(() => {});
    const { address } = socket;
    socket.close();
    await scene.settle();
    const client = new RecordingHandler();
    scene.connect(address, client);
    t.same(client.events, []);
    await scene.until('refused', () => client.closed);
    t.same(client.events, ['close']);
    t.equal(client.error?.code, 'refused');
    t.match(client.error?.message, new RegExp(`${address.port}`), 'the message names the address');
  });

  when('a connection that is not answered ends at its deadline', async (t, scene) => {
    const silent = await harness.silent();
    t.teardown(() => silent.close());
    const client = new RecordingHandler();
    const startMs = scene.io.clock.nowMs();
    scene.connect(silent.address, client, undefined, 60);
    await scene.until('timed out', () => client.closed);
    t.same(client.events, ['close']);
    t.equal(client.error?.code, 'timeout');
    t.ok(scene.io.clock.nowMs() - startMs >= 60, 'not before the deadline');
  });

  when('a deadline that was met does not fire later', async (t, scene) => {
    const server = new RecordingHandler();
    const { socket } = scene.listen((connection) => connection.startPlain(server));
    const client = new RecordingHandler();
    const startMs = scene.io.clock.nowMs();
    const near = scene.connect(socket.address, client, undefined, 1500);
    await scene.until('open', () => client.opened);
    await scene.until('the deadline has passed', () => scene.io.clock.nowMs() > startMs + 1520);
    t.same(client.events, ['open']);
    near.destroy(false);
  });

  when('listening on a port that is taken throws and names the address', async (t, scene) => {
    const { socket } = scene.listen(() => {});
    const options = { address: socket.address, original: false, backlog: 16, reusePort: false };
    t.throws(() => scene.io.listen(options, { onAccept() {}, onAcceptError() {} }), {
      name: 'IoFailure',
      code: 'address',
      message: new RegExp(`${socket.address.port}`),
    });
  });

  when('listening on an address of another machine throws', async (t, scene) => {
    const options = { address: { host: '192.0.2.1', port: 0 }, original: false, backlog: 16, reusePort: false };
    t.throws(() => scene.io.listen(options, { onAccept() {}, onAcceptError() {} }), { code: 'address' });
  });

  when('a closed listener accepts no more, and its connections live on', async (t, scene) => {
    const { near, server } = await scene.pair();
    writeText(near, 'still here');
    await scene.until('the bytes arrive', () => server.receivedBytes === 10);
    const refused = new RecordingHandler();
    scene.connect(near.remote, refused);
    await scene.until('refused', () => refused.closed);
    t.equal(refused.error?.code, 'refused');
  });
}
