import { readdirSync, readlinkSync } from 'node:fs';
import { createProxy } from '@tulle/proxy-core';
import t from 'tap';
import { config } from './fixture.js';

/** Of event loops and what wakes them, in this process. */
function loopDescriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /eventpoll|eventfd/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

// In a file of its own: nothing else starts or ends threads meanwhile.
const skip = process.platform !== 'linux' && 'counts descriptors in /proc';

void t.test('a proxy that has ended leaves no descriptor behind', { skip }, async (t) => {
  const before = loopDescriptors();
  const quiet = config({ accessLog: { target: 'off', format: 'json' } });
  for (let i = 0; i < 3; i++) await (await createProxy(quiet, { engine: 'linux', concurrency: 2 })).close();
  // Threads end a moment after they have answered.
  const giveUpMs = performance.now() + 60_000;
  while (loopDescriptors() > before && performance.now() < giveUpMs) await new Promise(setImmediate);
  t.equal(loopDescriptors(), before);
});
