import t from 'tap';
import { createMemoryIo, type MemoryIoOptions } from '../src/memory-io.js';
import { RecordingHandler, writeText } from '../src/recording.js';

const address = { host: '10.0.0.1', port: 80 };

/** A client and a server of a memory engine, connected after `settle` unless a fault was injected first. */
function setUp(options: MemoryIoOptions = {}) {
  const io = createMemoryIo(options);
  const server = new RecordingHandler();
  const client = new RecordingHandler();
  io.listen(
    { address, original: false, backlog: 1, reusePort: false },
    {
      onAccept: (connection) => connection.startPlain(server),
      onAcceptError() {},
    },
  );
  const connect = () => io.connect({ address, tls: undefined, serverName: '', timeoutMs: 1000 }, client);
  return { io, server, client, connect };
}

t.test('nothing happens before a turn', async (t) => {
  const { io, client, connect } = setUp();
  connect();
  t.same(client.events, []);
  t.equal(io.turn(), true);
  io.settle();
  t.same(client.events, ['open']);
  t.equal(io.turn(), false);
});

t.test('a refused address refuses, and accepts once healed', async (t) => {
  const { io, client, connect } = setUp();
  io.inject(address, { kind: 'refuse' });
  connect();
  io.settle();
  t.equal(client.error?.code, 'refused');
  io.inject(address, undefined);
  connect();
  io.settle();
  t.same(client.events, ['close', 'open']);
});

t.test('a silent address ends at the deadline of the virtual clock, to the slot', async (t) => {
  const { io, client, connect } = setUp();
  io.inject(address, { kind: 'silent' });
  connect();
  io.advance(999);
  t.same(client.events, []);
  io.advance(5);
  t.equal(client.error?.code, 'timeout');
  t.equal(io.openEnds, 0);
});

t.test(
  'a reset after n bytes: the reader gets exactly those, then the reset, and the other end is reset too',
  async (t) => {
    for (const way of ['to-server', 'to-client'] as const) {
      const { io, server, client, connect } = setUp();
      io.inject(address, { kind: 'reset', afterBytes: 7, way });
      const near = connect();
      io.settle();
      const [writer, reader, sender] =
        way === 'to-server' ? [client, server, near] : [server, client, server.connection!];
      writeText(sender, 'HTTP/1.1 200 OK');
      io.settle();
      t.equal(reader.text(), 'HTTP/1.');
      t.same(reader.events, ['open', 'data', 'close']);
      t.same([reader.error?.code, writer.error?.code], ['reset', 'reset']);
      t.equal(io.openEnds, 0);
    }
  },
);

t.test('the kernel takes no more than its size from a reader that does not read', async (t) => {
  const { io, server, client, connect } = setUp({ kernelBufferBytes: 100, writeHighWaterBytes: 50 });
  const near = connect();
  io.settle();
  server.connection?.pause();
  const bytes = new Uint8Array(149);
  t.equal(near.write(bytes, 0, 149, false), true, '49 are held');
  t.equal(near.write(bytes, 0, 1, false), false, '50 are held');
  io.settle();
  t.same(client.events, ['open']);
  server.connection?.resume();
  io.settle();
  t.equal(server.receivedBytes, 150);
  t.same(client.events, ['open', 'drain']);
});

t.test('undelivered says exactly whether the other kernel has a byte since the mark', async (t) => {
  const { io, server, connect } = setUp({ kernelBufferBytes: 4 });
  const near = connect();
  io.settle();
  server.connection?.pause();
  writeText(near, 'full');
  near.mark();
  writeText(near, 'x');
  t.equal(near.undelivered(), true);
  server.connection?.resume();
  io.settle();
  t.equal(near.undelivered(), false);
});

t.test('a redirected connection knows where it was going', async (t) => {
  const io = createMemoryIo();
  const listener = { host: '127.0.0.1', port: 15001 };
  const service = { host: '10.96.0.5', port: 80 };
  io.redirect(service, listener);
  const seen: unknown[] = [];
  io.listen(
    { address: listener, original: true, backlog: 1, reusePort: false },
    {
      onAccept: (connection) => seen.push(connection.destination, connection.local),
      onAcceptError() {},
    },
  );
  io.connect({ address: service, tls: undefined, serverName: '', timeoutMs: 1000 }, new RecordingHandler());
  io.settle();
  t.same(seen, [service, listener]);
});

t.test('the same seed gives the same numbers', async (t) => {
  const numbers = (seed: number) => {
    const io = createMemoryIo({ seed });
    return Array.from({ length: 5 }, () => io.random());
  };
  t.same(numbers(7), numbers(7));
  t.not(numbers(7)[0], numbers(8)[0]);
});

t.test('two ends that never stop talking are found out', async (t) => {
  const { io, client, server, connect } = setUp();
  const echo = { onData: (connection: Parameters<RecordingHandler['onData']>[0]) => void writeText(connection, 'x') };
  client.reaction = echo;
  server.reaction = echo;
  client.keep = server.keep = false;
  writeText(connect(), 'x');
  t.throws(() => io.settle(), /not settled/);
});
