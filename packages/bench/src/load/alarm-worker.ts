import { parentPort, workerData } from 'node:worker_threads';
import { nowUs } from '../clock.js';
import { minAlarmGapUs } from '../limits.js';
import { type AlarmSettings, cells, phases } from './alarm-clock.js';
import { arrivals } from './arrivals.js';

const { arrivals: settings, state } = workerData as AlarmSettings;
const { flags, times } = state;

// Everything is loaded: from here on it keeps time.
parentPort?.postMessage('ready');
Atomics.wait(flags, cells.phase, phases.waiting);
const [startUs, endUs] = times;
const walk = arrivals(settings);
let postedAt = 0;

while (startUs + walk.dueUs < endUs) {
  const due = startUs + walk.dueUs;
  const wakeAt = Math.max(due - Atomics.load(flags, cells.headStartUs), postedAt + minAlarmGapUs);
  const waitMs = (wakeAt - nowUs()) / 1000;
  if (waitMs > 0) Atomics.wait(flags, cells.phase, phases.running, waitMs);
  if (Atomics.load(flags, cells.phase) === phases.stopped) break;
  if (Atomics.exchange(flags, cells.posted, 1) === 0) parentPort?.postMessage(0);
  postedAt = nowUs();
  // What has become due meanwhile is sent on this wake-up.
  walk.advance();
  while (startUs + walk.dueUs <= postedAt) walk.advance();
}
