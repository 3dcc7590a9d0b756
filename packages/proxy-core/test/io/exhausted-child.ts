/** Run with a lowered RLIMIT_NOFILE: fills the descriptors up, keeps serving, and reports as JSON lines on standard output. */

import type { Connection } from '../../src/io/io.js';
import { createLinuxIo } from '../../src/io/linux/linux-io.js';
import { createPortableIo } from '../../src/io/portable/portable-io.js';
import { defaultLimits } from '../../src/limits.js';

const linux = process.argv[2] === 'linux' ? createLinuxIo() : undefined;
const io = linux ?? createPortableIo({ limits: defaultLimits });
const accepted: Connection[] = [];
const errors: string[] = [];
let echoes = 0;
const echo = {
  onOpen() {},
  onData: (connection: Connection, bytes: Uint8Array, start: number, end: number) => {
    echoes++;
    connection.write(bytes, start, end, false);
  },
  onEnd: (connection: Connection) => connection.end(),
  onDrain() {},
  onClose() {},
};
const listener = io.listen(
  { address: { host: '127.0.0.1', port: 0 }, original: false, backlog: 511, reusePort: false },
  {
    onAccept(connection) {
      accepted.push(connection);
      connection.startPlain(echo);
    },
    onAcceptError: (error) => errors.push(`${error.code} ${error.message}`),
  },
);
/** The clients live in the parent, which is told the port. */
process.stdout.write(`${JSON.stringify({ port: listener.address.port })}\n`);

async function turnUntil(condition: () => boolean): Promise<void> {
  // Only a broken engine takes so long.
  const giveUpMs = performance.now() + 60_000;
  while (!condition() && performance.now() < giveUpMs) await turnFor(20);
}

async function turnFor(ms: number): Promise<number> {
  const untilMs = performance.now() + ms;
  let turns = 0;
  while (performance.now() < untilMs) {
    linux?.turn(20);
    turns++;
    await new Promise((resolve) => setTimeout(resolve, linux === undefined ? 20 : 0));
  }
  return turns;
}

let refused = '';
process.stdin.on('data', async (chunk) => {
  const command = chunk.toString().trim();
  if (command === 'exhaust') {
    // libuv tells nobody: it closes what waits.
    if (linux !== undefined) await turnUntil(() => errors.length > 0);
    const turns = await turnFor(400);
    const outgoing = io.connect(
      { address: listener.address, tls: undefined, serverName: '', timeoutMs: 1000 },
      {
        ...echo,
        onClose: (_c, error) => {
          refused = error?.code ?? '';
        },
      },
    );
    await turnUntil(() => refused !== '');
    process.stdout.write(
      `${JSON.stringify({ accepted: accepted.length, errors: errors.length, first: errors[0], turns, refused, id: outgoing.id })}\n`,
    );
  } else if (command === 'relieve') {
    const before = accepted.length;
    for (const connection of accepted.splice(0, 40)) connection.destroy(true);
    await turnUntil(() => accepted.length > before - 40 && echoes > 0);
    process.stdout.write(`${JSON.stringify({ accepted: accepted.length, errors: errors.length })}\n`);
  } else {
    io.close();
    process.exit(0);
  }
});
