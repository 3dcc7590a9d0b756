import type { Connection } from '@tulle/proxy-core/internal';
import { RecordingHandler, writeText } from '../recording.js';
import { cases, type IoHarness, type Scene, type SuiteTest } from './harness.js';

const highWater = 65_536;
const pieceBytes = 16_384;

/** More than the kernel's buffers of both ends hold. */
const bulkBytes = 64 * 1024 * 1024;

/** Byte `i` of the pattern: lost, doubled and swapped pieces show. */
const pattern = Buffer.alloc(251 * pieceBytes);
for (let i = 0; i < pattern.length; i++) pattern[i] = i % 251;

/** Writes `total` bytes of the pattern as far as the other side takes them; what `write` returns is obeyed. */
class Source {
  written = 0;
  /** Writes after which it had to stop. */
  stops = 0;
  private readonly total: number;

  constructor(total: number) {
    this.total = total;
  }

  pump(connection: Connection): void {
    while (this.written < this.total) {
      const start = this.written % 251;
      const length = Math.min(pieceBytes, this.total - this.written);
      this.written += length;
      if (!connection.write(pattern, start, start + length, false)) {
        this.stops++;
        return;
      }
    }
    connection.end();
  }
}

/** Checks that what arrives is the pattern; stops and restarts on demand. */
class Sink extends RecordingHandler {
  wrongAt = -1;

  constructor() {
    super();
    this.keep = false;
    this.reaction = {
      onData: (_connection, bytes, start, end) => {
        let value = (this.receivedBytes - (end - start)) % 251;
        for (let i = start; i < end; i++) {
          if (bytes[i] !== value && this.wrongAt === -1) this.wrongAt = this.receivedBytes - end + i;
          value = value === 250 ? 0 : value + 1;
        }
      },
    };
  }
}

/** Fills the connection against a reader that does not read, until the writer is stopped and nothing moves any more. */
async function fill(scene: Scene, source: Source): Promise<void> {
  await scene.until('the writer is stopped', () => source.stops > 0);
  for (let written = -1; written !== source.written; ) {
    written = source.written;
    await scene.settle(50);
  }
}

/** A reader that does not read, and what follows from it. */
export function backpressureCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);

  for (const direction of ['client to server', 'server to client'] as const) {
    when(
      `bulk from ${direction}: a paused reader stops the writer, and nothing is lost when it goes on`,
      async (t, scene) => {
        const source = new Source(bulkBytes);
        const sink = new Sink();
        const { near, far } = await scene.pair();
        const [writer, reader] = direction === 'client to server' ? [near, far] : [far, near];
        const ends = new RecordingHandler({ onDrain: (connection) => source.pump(connection) });
        writer.handler = ends;
        reader.handler = sink;
        reader.pause();
        source.pump(writer);
        await fill(scene, source);
        t.equal(sink.receivedBytes, 0, 'nothing is told while paused');
        t.ok(source.written < bulkBytes / 2, `the writer got rid of ${source.written} bytes`);
        reader.resume();
        await scene.until('everything arrived', () => sink.ended);
        t.equal(sink.receivedBytes, bulkBytes);
        t.equal(sink.wrongAt, -1);
        t.ok(ends.count('drain') >= 1);
        t.ok(ends.count('drain') <= source.stops, 'one drain for each stop');
        reader.end();
        await scene.until('closed', () => ends.closed && sink.closed);
        t.equal(ends.error ?? sink.error, undefined);
      },
      { writeHighWaterBytes: highWater },
    );
  }

  when(
    'a slow reader holds the writer back: what is under way stays bounded',
    async (t, scene) => {
      const total = bulkBytes / 2;
      const source = new Source(total);
      const sink = new Sink();
      const { near, far } = await scene.pair();
      near.handler = new RecordingHandler({ onDrain: (connection) => source.pump(connection) });
      far.handler = sink;
      source.pump(near);
      let most = 0;
      for (let round = 0; !sink.ended; round++) {
        // A little, then a pause: a reader that is slower than the writer.
        far.pause();
        await scene.settle(2);
        most = Math.max(most, source.written - sink.receivedBytes);
        far.resume();
        const before = sink.receivedBytes;
        await scene.until('a little arrives', () => sink.receivedBytes > before || sink.ended);
        if (round > 20_000) break;
      }
      t.equal(sink.receivedBytes, total);
      t.equal(sink.wrongAt, -1);
      t.ok(most < 24 * 1024 * 1024, `at most ${most} bytes under way`);
    },
    { writeHighWaterBytes: highWater },
  );

  when(
    'writes on a connection that is not open yet count too, and drain once it is',
    async (t, scene) => {
      const server = new RecordingHandler();
      server.keep = false;
      const { socket } = scene.listen((connection) => connection.startPlain(server));
      const client = new RecordingHandler();
      const near = scene.connect(socket.address, client);
      const bytes = Buffer.alloc(600);
      t.equal(near.write(bytes, 0, 600, false), true);
      t.equal(near.write(bytes, 0, 600, false), false);
      t.same(client.events, []);
      await scene.until('drained', () => client.count('drain') === 1);
      await scene.until('arrived', () => server.receivedBytes === 1200);
      t.same(client.events, ['open', 'drain']);
    },
    { writeHighWaterBytes: 1000 },
  );

  when('a pause holds back bytes and end, a resume tells both in order', async (t, scene) => {
    const { server, near, far } = await scene.pair();
    far.pause();
    writeText(near, 'held');
    near.end();
    await scene.settle();
    t.same(server.events, ['open']);
    far.resume();
    t.same(server.events, ['open'], 'resume itself tells nothing');
    await scene.until('told', () => server.ended);
    t.equal(server.text(), 'held');
    t.same(server.events, ['open', 'data', 'end']);
  });

  when('a pause in the middle of the bytes holds the rest', async (t, scene) => {
    const { server, near, far } = await scene.pair({ server: { onData: (connection) => connection.pause() } });
    writeText(near, 'first');
    await scene.until('the first arrives', () => server.receivedBytes === 5);
    writeText(near, 'second');
    near.end();
    await scene.settle();
    t.equal(server.text(), 'first');
    server.reaction = {};
    far.resume();
    await scene.until('the rest arrives', () => server.ended);
    t.equal(server.text(), 'firstsecond');
  });

  when('a pause in onOpen holds bytes that were sent before', async (t, scene) => {
    const { client, server, near, far } = await scene.pair({ server: { onOpen: (connection) => connection.pause() } });
    writeText(near, 'early');
    await scene.settle();
    t.same(server.events, ['open']);
    far.pause();
    far.resume();
    await scene.until('told', () => server.receivedBytes === 5);
    t.same(client.events, ['open']);
  });

  when('an end while paused does not close before it was told', async (t, scene) => {
    const { server, near, far } = await scene.pair();
    far.pause();
    far.end();
    near.end();
    await scene.settle();
    t.same(server.events, ['open']);
    far.resume();
    t.same(server.events, ['open'], 'resume itself tells nothing');
    await scene.until('closed', () => server.closed);
    t.same(server.events, ['open', 'end', 'close']);
    t.equal(server.error, undefined);
  });

  when('a reset is noticed while paused', async (t, scene) => {
    const { server, near, far } = await scene.pair();
    far.pause();
    near.destroy(true);
    await scene.until('noticed', () => server.closed);
    t.same(server.events, ['open', 'close']);
    t.equal(server.error?.code, 'reset');
  });

  when('many small writes with more to come arrive whole and in order', async (t, scene) => {
    const { server, near } = await scene.pair();
    let wanted = '';
    for (let i = 0; i < 200; i++) {
      wanted += `${i},`;
      writeText(near, `${i},`, i % 10 !== 9);
    }
    await scene.until('arrived', () => server.receivedBytes === wanted.length);
    t.equal(server.text(), wanted);
  });

  when('a write that promises more is sent all the same', async (t, scene) => {
    const { server, near } = await scene.pair();
    writeText(near, 'alone', true);
    await scene.until('arrived', () => server.receivedBytes === 5);
    t.equal(server.text(), 'alone');
  });

  when('end sends what is held first', async (t, scene) => {
    const sink = new Sink();
    const { near, far } = await scene.pair();
    far.handler = sink;
    far.pause();
    // Far over the high water: what `write` returns is not obeyed on purpose.
    for (let start = 0; start < 16 * 1024 * 1024; start += pieceBytes) {
      near.write(pattern, start % 251, (start % 251) + pieceBytes, false);
    }
    near.end();
    await scene.settle();
    far.resume();
    await scene.until('ended', () => sink.ended);
    t.equal(sink.receivedBytes, near.bytesWritten);
    t.equal(sink.wrongAt, -1);
  });
}
