import t from 'tap';
import { ROOT_OVERLAP_MS, ROOT_RENEW_BEFORE_MS, ROOT_TTL_MS } from '../../src/ca/limits.js';
import { createRoot, renewRoots, signingRoot } from '../../src/ca/roots.js';

const now = Date.UTC(2026, 0, 1);
const td = 'cluster.local';

t.test('a young root is left alone', async (t) => {
  const roots = [await createRoot(td, now)];
  t.equal(await renewRoots(td, roots, now + 1), roots);
});

t.test('an ageing root gets one successor, which signs after the overlap', async (t) => {
  const old = await createRoot(td, now);
  const due = now + ROOT_TTL_MS - ROOT_RENEW_BEFORE_MS + 1;
  const roots = await renewRoots(td, [old], due);
  t.equal(roots.length, 2);
  t.equal(roots[1], old);
  t.equal(signingRoot(roots, due), old);
  t.equal(signingRoot(roots, due + ROOT_OVERLAP_MS), roots[0]);
  t.equal(await renewRoots(td, roots, due + 1), roots, 'and only one');
  t.same(await renewRoots(td, roots, old.notAfter), [roots[0]], 'the old one goes when it has expired');
});

t.test('when every root has expired, the new one signs at once', async (t) => {
  const old = await createRoot(td, now);
  const roots = await renewRoots(td, [old], old.notAfter);
  t.equal(roots.length, 1);
  t.equal(signingRoot(roots, old.notAfter), roots[0]);
});

t.test('no root may sign: the error asks about the clock', async (t) => {
  const roots = [await createRoot(td, now)];
  t.throws(() => signingRoot(roots, now - 1), /is the clock right/);
});
