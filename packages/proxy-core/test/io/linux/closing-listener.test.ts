import { once } from 'node:events';
import net from 'node:net';
import { RecordingHandler } from '@tulle/testkit';
import t from 'tap';
import type { Connection } from '../../../src/io/io.js';
import { openStage } from './stage.js';

t.test('a listener that closes takes those who are connected already and wait: they would be reset', async (t) => {
  const stage = openStage(t);
  const accepted: Connection[] = [];
  const listener = stage.io.listen(
    { address: { host: '127.0.0.1', port: 0 }, original: false, backlog: 128, reusePort: false },
    {
      onAccept: (connection) => {
        accepted.push(connection);
        connection.startPlain(new RecordingHandler());
      },
      onAcceptError: (error) => t.fail(error.message),
    },
  );
  const { port } = listener.address;
  // The kernel connects them; the engine has no turn meanwhile.
  const clients = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const client = net.connect(port, '127.0.0.1');
      await once(client, 'connect');
      return client;
    }),
  );
  listener.close();
  t.equal(accepted.length, 100);
  await t.rejects(once(net.connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  for (const connection of accepted) connection.end();
  const ends = Promise.all(clients.map((client) => once(client.resume(), 'end')));
  await stage.turns(5);
  await ends;
  for (const client of clients) client.destroy();
});
