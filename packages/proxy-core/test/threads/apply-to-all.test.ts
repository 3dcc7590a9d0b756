import t from 'tap';
import type { ProxyConfig } from '../../src/config/config.js';
import { applyToAll } from '../../src/threads/apply-to-all.js';
import type { Order } from '../../src/threads/thread.js';
import { config } from '../proxy/fixture.js';

type Fake = {
  has: ProxyConfig | undefined;
  order(order: Order): ReturnType<Parameters<typeof applyToAll>[0][0]['order']>;
};

/** A thread that refuses what `refuses` says. */
function fake(port: number, refuses: (config: ProxyConfig) => boolean = () => false): Fake {
  return {
    has: undefined,
    async order(order) {
      if (order.kind !== 'apply') throw new Error('only configurations come here');
      if (refuses(order.config)) throw new Error('bind EADDRINUSE');
      this.has = order.config;
      return { addresses: [{ name: 'main', address: { host: '127.0.0.1', port } }], cut: 0, clusters: [] };
    },
  };
}

const former = config({ port: 1 });
const next = config({ port: 0 });
const unexpected = (message: string): never => {
  throw new Error(message);
};

void t.test('every thread takes it, on the ports that the first was given', async (t) => {
  const threads = [fake(4_001), fake(4_001)];
  const applied = await applyToAll(threads, next, former, unexpected);
  t.equal(threads[1].has?.listeners[0].bind.port, 4_001);
  t.equal(applied.config.listeners[0].bind.port, 4_001);
  t.same(applied.addresses, [{ name: 'main', address: { host: '127.0.0.1', port: 4_001 } }]);
});

void t.test('one that refuses: the threads before it are as they were, those behind were not asked', async (t) => {
  const threads = [fake(1), fake(1), fake(1, (it) => it !== former), fake(1)];
  await t.rejects(applyToAll(threads, next, former, unexpected), { message: 'bind EADDRINUSE' });
  t.same(
    threads.map(({ has }) => has === former),
    [true, true, false, false],
  );
  t.equal(threads[3].has, undefined);
});

void t.test('one that cannot be taken back is told of, and the others are', async (t) => {
  const threads = [fake(1, (it) => it === former), fake(1), fake(1, () => true)];
  const warnings: string[] = [];
  await t.rejects(
    applyToAll(threads, next, former, (message) => warnings.push(message)),
    { message: 'bind EADDRINUSE' },
  );
  t.match(warnings, [/keeps a configuration that another one refused: bind EADDRINUSE/]);
  t.equal(threads[1].has, former);
});
