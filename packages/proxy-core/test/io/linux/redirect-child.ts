/** Run inside a network namespace whose rules send connections to port 8080 to port 15001, unless they carry mark 1337. Prints one JSON line. */
import type { Connection } from '../../../src/io/io.js';
import { createLinuxIo } from '../../../src/io/linux/linux-io.js';

const silent = { onOpen() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const plain = createLinuxIo();
const marked = createLinuxIo({ socketMark: 1337 });
const seen: Record<string, unknown>[] = [];

function listen(port: number, original: boolean): void {
  plain.listen(
    { address: { host: '::', port }, original, backlog: 16, reusePort: false },
    {
      onAccept(connection: Connection) {
        const { destination, local, remote } = connection;
        seen.push({ port, destination, local, remote });
        connection.destroy(false);
      },
      onAcceptError() {},
    },
  );
}

listen(15_001, true);
listen(8080, true);
for (const [io, host] of [
  [plain, '10.99.0.1'],
  [plain, 'fd00:99::1'],
  [marked, '10.99.0.1'],
] as const) {
  const before = seen.length;
  io.connect({ address: { host, port: 8080 }, tls: undefined, serverName: '', timeoutMs: 60_000 }, silent);
  for (let i = 0; i < 6_000 && seen.length === before; i++) {
    io.turn(5);
    plain.turn(5);
  }
}
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit(0);
