import t from 'tap';
import { makePicker } from '../../src/balance/balancers.js';
import { recordFailure, recordLatency } from '../../src/balance/load.js';
import { pickEndpoint } from '../../src/balance/picker.js';
import { noHash } from '../../src/message/hash.js';
import { load, type Named, numbers } from './loads.js';

void t.test('p2c takes the one of two at which a request waits less', async (t) => {
  const pick = (a: Named, b: Named): string | undefined =>
    makePicker({ balancer: 'p2c' }, [a, b]).pick(0, [], 1_000, numbers(0), noHash)?.key;
  t.equal(pick(load('a', { active: 3 }), load('b')), 'b', 'fewer under way');
  t.equal(pick(load('a', { latencyMs: 9, measuredMs: 1_000 }), load('b', { latencyMs: 2, measuredMs: 1_000 })), 'b');
  t.equal(pick(load('a', { active: 1 }), load('b', { active: 1, weight: 3 })), 'b', 'more weight');
  t.equal(pick(load('a', { latencyMs: 50, measuredMs: 1_000 }), load('b')), 'b', 'one never measured is tried soon');
});

void t.test('a rise of the latency counts at once, a fall half in a second', async (t) => {
  const it = load('it');
  recordLatency(it, 10, 1_000);
  t.equal(it.latencyMs, 10);
  recordLatency(it, 100, 1_001);
  t.equal(it.latencyMs, 100);
  recordLatency(it, 0, 2_001);
  t.equal(it.latencyMs, 50);
  recordLatency(it, 10, 2_001);
  t.equal(it.latencyMs, 50, 'a burst of quick answers in no time changes nothing');
});

void t.test('an endpoint that failed is passed over for a second', async (t) => {
  const bad = load('bad');
  const good = load('good', { active: 9 });
  recordFailure(bad, 1_000);
  const picker = makePicker({ balancer: 'p2c' }, [bad, good]);
  t.equal(pickEndpoint(picker, false, [], 1_999, numbers(0), noHash)?.key, 'good');
  t.equal(pickEndpoint(picker, false, [], 2_000, numbers(0), noHash)?.key, 'bad');
});

void t.test('round robin goes through all in turn, from anywhere', async (t) => {
  const picker = makePicker({ balancer: 'round-robin' }, [load('a'), load('b'), load('c')]);
  const picks = [1, 2, 3, 4].map(() => picker.pick(0, [], 0, numbers(0.5), noHash)?.key);
  t.same(picks, ['b', 'c', 'a', 'b']);
});

void t.test('round robin spreads the turns of a weight evenly', async (t) => {
  const picker = makePicker({ balancer: 'round-robin' }, [load('a', { weight: 2 }), load('b'), load('c')]);
  const picks = Array.from({ length: 40 }, () => picker.pick(0, [], 0, numbers(0), noHash)?.key).join('');
  t.equal(picks.replaceAll(/[^a]/g, '').length, 20);
  t.notMatch(picks, /aaa|[^a]{3}/, picks);
});

void t.test('least request breaks ties by chance', async (t) => {
  const all = [load('a'), load('b'), load('c', { active: 1 })];
  const pick = (...chance: number[]): string | undefined =>
    makePicker({ balancer: 'least-request' }, all).pick(0, [], 0, numbers(...chance), noHash)?.key;
  t.equal(pick(0.9), 'a');
  t.equal(pick(0.1), 'b');
});
