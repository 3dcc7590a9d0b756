import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { keeperEndDeadlineMs } from '../limits.js';
import { removeLeftovers } from '../state/leftovers.js';
import { keeperLives, readRecord } from '../state/record.js';
import { command, pathsOf } from './ask.js';
import { askKeeper } from './keeper-client.js';
import { progressOn, type Streams } from './output.js';

export interface TestbedDownOptions extends Streams {
  name?: string;
}

/** `tulle testbed down`: ends everything of a testbed, also of one that has crashed or hangs, and removes its files. 0 also when there was none. */
export async function testbedDown(options: TestbedDownOptions = {}): Promise<number> {
  const progress = progressOn(options.stdout ?? process.stdout);
  return await command(options.stderr ?? process.stderr, async () => {
    const paths = pathsOf(options.name);
    const record = readRecord(paths);
    if (record === null && statSync(paths.root, { throwIfNoEntry: false }) === undefined) {
      progress.done(`testbed ${paths.name} is not up`);
      return 0;
    }
    const lived = record !== null && keeperLives(record);
    if (lived) {
      await askKeeper(
        paths.socket,
        { op: 'down' },
        { progress: (text) => progress.step(text), deadlineMs: keeperEndDeadlineMs },
      ).catch((error: Error) => progress.step(`the keeper does not end by itself (${error.message})`));
      const end = performance.now() + keeperEndDeadlineMs;
      while (keeperLives(record) && performance.now() < end) await delay(20);
      // In namespaces the end of `unshare` is, by the kernel, the end of all that it holds.
      if (keeperLives(record)) process.kill(record.pid, 'SIGKILL');
    }
    const ended = await removeLeftovers(paths, record);
    const what = lived
      ? 'is down'
      : `had crashed; what it left is removed${ended > 0 ? ` (${ended} processes ended)` : ''}`;
    progress.done(`testbed ${paths.name} ${what}`);
    return 0;
  });
}
