import { Scene } from '@tulle/testkit';
import t from 'tap';
import { counts } from '../../src/io/linux/sys/counts.js';
import { churn, kinds, openSockets } from './churn.js';
import { engines } from './engines.js';

const rounds = { plain: 60, tls: 15 };

for (const [engine, makeIo] of Object.entries(engines)) {
  for (const tls of [false, true]) {
    const count = rounds[tls ? 'tls' : 'plain'];
    void t.test(
      `${engine}: ${count * kinds} connections of every ending, ${tls ? 'over TLS' : 'plain'}, leave nothing behind`,
      async (t) => {
        const underTest = makeIo();
        t.teardown(() => underTest.close());
        const scene = new Scene(underTest);
        await churn(scene, kinds, tls);
        await scene.settle(50);
        const sockets = openSockets();
        const native = { ...counts };
        const done = await churn(scene, count * kinds, tls);
        t.same([...done.values()], new Array(kinds).fill(count));
        await scene.until('all are gone', () => openSockets() <= sockets);
        t.same(counts, native, 'descriptors, sessions and contexts of the native engine');
      },
    );
  }
}
