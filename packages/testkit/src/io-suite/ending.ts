import { RecordingHandler, writeText } from '../recording.js';
import { cases, type IoHarness, type SuiteTest } from './harness.js';

/** Every way in which a connection ends. */
export function endingCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);

  when(
    'a half-close from the client leaves the other direction open, then both ends close in order',
    async (t, scene) => {
      const { client, server, near, far } = await scene.pair();
      writeText(near, 'question');
      near.end();
      await scene.until('the server sees the end', () => server.ended);
      t.equal(server.text(), 'question');
      t.notOk(server.closed);
      writeText(far, 'answer');
      await scene.until('the answer arrives', () => client.receivedBytes === 6);
      t.notOk(client.closed);
      far.end();
      await scene.until('both are closed', () => client.closed && server.closed);
      t.same(server.events, ['open', 'data', 'end', 'close']);
      t.same(client.events, ['open', 'data', 'end', 'close']);
      t.equal(client.error, undefined);
      t.equal(server.error, undefined);
    },
  );

  when('a half-close from the server leaves the other direction open', async (t, scene) => {
    const { client, server, near, far } = await scene.pair();
    writeText(far, 'banner');
    far.end();
    await scene.until('the client sees the end', () => client.ended);
    writeText(near, 'goodbye');
    near.end();
    await scene.until('both are closed', () => client.closed && server.closed);
    t.equal(server.text(), 'goodbye');
    t.same(client.events, ['open', 'data', 'end', 'close']);
    t.equal(server.error, undefined);
  });

  when('both ends may half-close at the same time', async (t, scene) => {
    const { client, server, near, far } = await scene.pair();
    near.end();
    far.end();
    await scene.until('both are closed', () => client.closed && server.closed);
    t.same(client.events, ['open', 'end', 'close']);
    t.same(server.events, ['open', 'end', 'close']);
    t.equal(client.error ?? server.error, undefined);
  });

  when('destroy tells this side nothing and the other side an end', async (t, scene) => {
    const { client, server, near } = await scene.pair();
    near.destroy(false);
    near.destroy(false);
    await scene.until('the server notices', () => server.ended || server.closed);
    await scene.settle();
    t.same(client.events, ['open']);
    t.equal(server.error, undefined);
    server.connection?.end();
    await scene.until('the server is closed', () => server.closed);
    t.equal(server.count('close'), 1);
  });

  when('destroy with reset is a reset at the other side', async (t, scene) => {
    const { client, server, near } = await scene.pair();
    writeText(near, 'half of a bo');
    await scene.until('some arrives', () => server.receivedBytes > 0);
    near.destroy(true);
    await scene.until('the server notices', () => server.closed);
    t.equal(server.error?.code, 'reset');
    t.notOk(server.ended, 'a reset is not an end');
    t.same(client.events, ['open']);
  });

  when('a reset that arrives together with bytes is not mistaken for an end', async (t, scene) => {
    const { server, near } = await scene.pair();
    writeText(near, 'half of a body');
    near.destroy(true);
    await scene.until('the server notices', () => server.closed);
    t.equal(server.error?.code, 'reset');
    t.notOk(server.ended);
  });

  when('an accepted connection can be reset too', async (t, scene) => {
    const { client, server, far } = await scene.pair();
    far.destroy(true);
    await scene.until('the client notices', () => client.closed);
    t.equal(client.error?.code, 'reset');
    t.same(server.events, ['open']);
  });

  when('a connection destroyed while connecting is never heard of', async (t, scene) => {
    const { socket } = scene.listen((connection) => connection.startPlain(new RecordingHandler()));
    const client = new RecordingHandler();
    scene.connect(socket.address, client).destroy(false);
    await scene.settle();
    t.same(client.events, []);
  });

  when('an accepted connection destroyed before it was started is gone for the client', async (t, scene) => {
    const { socket } = scene.listen((connection) => connection.destroy(true));
    const client = new RecordingHandler();
    scene.connect(socket.address, client);
    await scene.until('the client notices', () => client.closed);
    t.equal(client.error?.code, 'reset');
  });

  when('writes after end or destroy go nowhere', async (t, scene) => {
    const { server, near, far } = await scene.pair();
    writeText(near, 'last');
    near.end();
    t.equal(writeText(near, 'after'), true);
    near.end();
    await scene.until('the server sees the end', () => server.ended);
    t.equal(server.text(), 'last');
    t.equal(near.bytesWritten, 4);
    far.destroy(false);
    t.equal(writeText(far, 'after'), true);
    far.pause();
    far.resume();
    far.end();
    await scene.settle();
    t.same(server.events, ['open', 'data', 'end']);
  });

  when('writing to a peer that has gone ends in a reset, told once', async (t, scene) => {
    const { client, near, far } = await scene.pair();
    far.destroy(true);
    await scene.until('closed', () => {
      writeText(near, 'x');
      return client.closed;
    });
    await scene.settle();
    t.equal(client.error?.code, 'reset');
    t.equal(client.count('close'), 1);
  });

  when('a handler that destroys in onOpen, onData or onEnd hears nothing more', async (t, scene) => {
    for (const place of ['onOpen', 'onData', 'onEnd'] as const) {
      const server = new RecordingHandler({
        [place]: (connection: { destroy(reset: boolean): void }) => connection.destroy(false),
      });
      const { socket } = scene.listen((connection) => connection.startPlain(server));
      const client = new RecordingHandler();
      const near = scene.connect(socket.address, client);
      await scene.until('open', () => client.opened);
      writeText(near, 'data');
      near.end();
      await scene.until('the client notices', () => client.ended || client.closed);
      await scene.settle();
      const wanted = { onOpen: ['open'], onData: ['open', 'data'], onEnd: ['open', 'data', 'end'] };
      t.same(server.events, wanted[place]);
    }
  });
}
