import t from 'tap';
import { Readiness } from '../src/keeper/readiness.js';
import { readinessFailures } from '../src/limits.js';

const good = { reason: null, isCertain: false };
const silent = { reason: 'the sidecar is not ready', isCertain: false };
const ended = { reason: 'the sidecar is stopped', isCertain: true };

function readyPod(): Readiness {
  const readiness = new Readiness();
  readiness.take(good);
  return readiness;
}

t.test('a pod is not ready before it was looked at, and ready as soon as a look says so', async (t) => {
  const readiness = new Readiness();
  t.equal(readiness.ready, false);
  t.equal(readiness.take(silent), true);
  t.equal(readiness.reason, silent.reason, 'of a pod that was not ready silence needs no second look');
  readiness.take(good);
  t.equal(readiness.ready, true);
});

t.test('silence takes a ready pod away only when it lasts; an answer in between begins the count anew', async (t) => {
  const readiness = readyPod();
  for (let round = 0; round < 3; round++) {
    for (let i = 1; i < readinessFailures; i++) t.equal(readiness.take(silent), false);
    t.equal(readiness.ready, true);
    readiness.take(good);
  }
  for (let i = 1; i < readinessFailures; i++) readiness.take(silent);
  t.equal(readiness.take(silent), true);
  t.equal(readiness.reason, silent.reason);
});

t.test('what was told counts at once', async (t) => {
  const readiness = readyPod();
  t.equal(readiness.take(ended), true);
  t.equal(readiness.reason, ended.reason);
});
