import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** The engine's own and node's descriptors leave some 60 to 80 of these. */
const descriptors = 120;
const clients = 150;

for (const engine of ['linux', 'portable'])
  void t.test(
    `${engine}: without descriptors it stays alive, serves what is open, does not spin, and goes on when there are some again`,
    async (t) => {
      const child = spawn(
        'prlimit',
        [
          `--nofile=${descriptors}:${descriptors}`,
          process.execPath,
          '--import=tsx',
          fileURLToPath(new URL('./exhausted-child.ts', import.meta.url)),
          engine,
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      );
      const failed = await Promise.race([
        once(child, 'spawn').then(() => undefined),
        once(child, 'error').then(([error]) => error),
      ]);
      if (failed !== undefined) {
        t.comment(`skipped: the program prlimit (util-linux) cannot be started: ${failed.message}`);
        return;
      }
      t.teardown(() => child.kill());
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const report = async () => JSON.parse((await lines.next()).value);
      const { port } = await report();

      const sockets = Array.from({ length: clients }, () => net.connect({ port, host: '127.0.0.1' }));
      t.teardown(() => {
        for (const socket of sockets) socket.destroy();
      });
      for (const socket of sockets) socket.on('error', () => {});
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      child.stdin.write('exhaust\n');
      const full = await report();
      t.ok(full.accepted > 10 && full.accepted < descriptors, `${full.accepted} accepted`);
      if (engine === 'linux') {
        t.ok(full.errors >= 1 && full.errors < 20, `told ${full.errors} times`);
        t.match(full.first, /^exhausted accept4 EMFILE 127\.0\.0\.1:/);
      } else {
        t.equal(full.errors, 0, 'libuv closes what waits, and does not tell');
      }
      t.ok(full.turns < 100, `${full.turns} turns in 400 ms`);
      t.equal(full.refused, 'exhausted', 'connecting fails by name');

      // One that was open when the descriptors ran out, and is not among the 40 that are closed now.
      const early = sockets[45];
      const echoed = once(early, 'data');
      early.write('still served?');
      // Those that waited are gone there: another comes once there is room.
      const late =
        engine === 'portable'
          ? setInterval(
              () =>
                net
                  .connect({ port, host: '127.0.0.1' })
                  .on('error', () => {})
                  .unref(),
              100,
            )
          : undefined;
      t.teardown(() => clearInterval(late));
      child.stdin.write('relieve\n');
      const relieved = await report();
      t.equal(String((await echoed)[0]), 'still served?');
      t.ok(relieved.accepted > full.accepted - 40, `${relieved.accepted} after 40 were closed`);
      child.stdin.write('end\n');
      const [code] = await once(child, 'exit');
      t.equal(code, 0);
    },
  );
