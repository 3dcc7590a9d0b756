/**
 * Makes and ends many connections of every kind and prints what the process holds before and after: `node --import=tsx FILE ENGINE plain|tls COUNT`.
 * RSS is taken after a first tenth, which fills pools and caches.
 */
import { Scene } from '@tulle/testkit';
import { counts } from '../../../src/io/linux/sys/counts.js';
import { churn, openSockets } from '../churn.js';
import { engines } from '../engines.js';

const [engine, transport, count] = process.argv.slice(2);
const makeIo = engines[engine as keyof typeof engines];
if (makeIo === undefined || !['plain', 'tls'].includes(transport) || !(Number(count) > 0)) {
  console.error('usage: churn.ts linux|portable plain|tls COUNT');
  process.exit(2);
}
const underTest = makeIo();
const scene = new Scene(underTest);
const held = () => ({
  sockets: openSockets(),
  ...counts,
  rssMiB: Math.round((process.memoryUsage.rss() / 1_048_576) * 10) / 10,
});

await churn(scene, Math.ceil(Number(count) / 10), transport === 'tls');
await scene.settle(200);
const before = held();
const startMs = performance.now();
const done = await churn(scene, Number(count), transport === 'tls');
await scene.settle(200);
console.log(
  JSON.stringify({
    engine,
    transport,
    seconds: Math.round((performance.now() - startMs) / 1000),
    before,
    after: held(),
  }),
);
console.log(JSON.stringify(Object.fromEntries(done)));
await underTest.close();
process.exit(0);
