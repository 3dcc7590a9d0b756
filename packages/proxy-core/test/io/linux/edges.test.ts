import { createAuthority, RecordingHandler } from '@tulle/testkit';
import fc from 'fast-check';
import t from 'tap';
import type { Connection, TlsContext } from '../../../src/io/io.js';
import { openStage, type Stage } from './stage.js';

/**
 * Messages that go back and forth in lock step: the answer is only written when the whole message is here, so an edge that gets lost stops the play. The sizes
 * are those at which buffers, records and reads meet.
 */
const interesting = [
  1, 2, 5, 14_999, 15_000, 16_362, 16_383, 16_384, 16_385, 16_709, 32_768, 65_535, 65_536, 65_537, 131_072, 300_000,
];
const size = fc.oneof(
  fc.constantFrom(...interesting),
  fc.nat({ max: 70_000 }).map((n) => n + 1),
);
const round = fc.record({
  size,
  cuts: fc.array(fc.nat(100_000), { maxLength: 4 }),
  more: fc.boolean(),
  pause: fc.boolean(),
});
type Round = { size: number; cuts: number[]; more: boolean; pause: boolean };

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);

/** Writes one message in pieces, honouring backpressure by nothing at all: everything may be held. */
function send(connection: Connection, { size, cuts, more }: Round): void {
  const ends = [...cuts.map((cut) => cut % size), size].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    connection.write(bytes, start, end, more && end < size);
    start = end;
  }
}

/** Counts what arrives, checks it, and answers when a message is whole; now and then pauses in between. */
class Player extends RecordingHandler {
  rounds: Round[] = [];
  turn = 0;
  got = 0;
  wrong = 0;
  private readonly paused: Connection[] = [];
  private readonly answers: boolean;
  constructor(answers: boolean) {
    super();
    this.answers = answers;
    this.keep = false;
  }
  override onData(connection: Connection, data: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i += 997) if (data[i] !== bytes[this.got + i - start]) this.wrong++;
    this.got += end - start;
    const current = this.rounds[this.turn];
    if (current.pause) {
      connection.pause();
      this.paused.push(connection);
    }
    if (this.got < current.size) return;
    this.got = 0;
    this.turn++;
    if (this.answers) send(connection, current);
    else if (this.turn < this.rounds.length) send(connection, this.rounds[this.turn]);
  }
  resumeAll(): void {
    for (const connection of this.paused.splice(0)) connection.resume();
  }
}

async function play(stage: Stage, rounds: Round[], clientTls?: TlsContext, serverTls?: TlsContext): Promise<boolean> {
  const server = new Player(true);
  const client = new Player(false);
  server.rounds = rounds;
  client.rounds = rounds;
  const socket = stage.io.listen(
    { address: { host: '127.0.0.1', port: 0 }, original: false, backlog: 16, reusePort: false },
    {
      onAccept: (connection) => (serverTls ? connection.startTls(serverTls, server) : connection.startPlain(server)),
      onAcceptError() {},
    },
  );
  const near = stage.connect(socket.address, client, clientTls);
  send(near, rounds[0]);
  await stage.until(`all of ${JSON.stringify(rounds)}`, () => {
    client.resumeAll();
    server.resumeAll();
    return client.turn === rounds.length;
  });
  near.end();
  server.connection?.end();
  await stage.until('closed', () => stage.io.connectionCount === 0);
  socket.close();
  return client.wrong + server.wrong === 0 && client.error === undefined && server.error === undefined;
}

const scripts = fc.array(round, { minLength: 1, maxLength: 12 });

t.test('no edge is lost, whatever the sizes, cuts and pauses: plain', async (t) => {
  const stage = openStage(t);
  await fc.assert(
    fc.asyncProperty(scripts, (rounds) => play(stage, rounds)),
    { numRuns: 200, endOnFailure: true },
  );
});

t.test('no edge is lost, whatever the sizes, cuts and pauses: TLS', async (t) => {
  const stage = openStage(t);
  const authority = await createAuthority();
  const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
  const options = { ...identity, trustPem: authority.rootPem, requirePeerCertificate: true, alpn: [] };
  const clientTls = stage.io.tlsContext({ ...options, side: 'client' });
  const serverTls = stage.io.tlsContext({ ...options, side: 'server' });
  await fc.assert(
    fc.asyncProperty(scripts, (rounds) => play(stage, rounds, clientTls, serverTls)),
    { numRuns: 200, endOnFailure: true },
  );
  clientTls.release();
  serverTls.release();
});
