import fc from 'fast-check';
import t from 'tap';
import {
  type Load,
  pickLeastLoaded,
  pickLeastRequest,
  pickRoundRobin,
  recordFailure,
  recordLatency,
} from '../../src/balance/pick.js';

interface Named extends Load {
  readonly name: string;
}

function load(name: string, more: Partial<Load> = {}): Named {
  return { name, weight: 1, active: 0, latencyMs: 0, measuredMs: 0, avoidUntilMs: 0, ...more };
}

/** Numbers of [0, 1) in a fixed order. */
function numbers(...values: number[]): () => number {
  let at = 0;
  return () => values[at++ % values.length];
}

type Picker = (
  endpoints: readonly Named[],
  tried: readonly Named[],
  nowMs: number,
  random: number,
) => Named | undefined;
const pickers: Record<string, Picker> = {
  p2c: (endpoints, tried, nowMs, random) => pickLeastLoaded(endpoints, tried, nowMs, numbers(random, random / 2)),
  'least-request': (endpoints, tried, nowMs, random) => pickLeastRequest(endpoints, tried, nowMs, numbers(random)),
  'round-robin': (endpoints, tried, nowMs, random) => pickRoundRobin(endpoints, tried, nowMs, Math.floor(random * 1e6)),
};

for (const [name, pick] of Object.entries(pickers)) {
  void t.test(`${name}: an untried endpoint while there is one, a healthy one while there is one`, async (t) => {
    const endpoint = fc.record({ tried: fc.boolean(), avoided: fc.boolean(), active: fc.nat(9) });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(endpoint, { minLength: 1, maxLength: 7 }), random, (facts, number) => {
        const all = facts.map(({ avoided, active }, i) =>
          load(String(i), { active, avoidUntilMs: avoided ? 2_000 : 0 }),
        );
        const tried = all.filter((_, i) => facts[i].tried);
        const chosen = pick(all, tried, 1_000, number);
        if (chosen === undefined) return false;
        const untried = all.filter((one) => !tried.includes(one));
        const best = untried.filter(({ avoidUntilMs }) => avoidUntilMs <= 1_000);
        return (best.length > 0 ? best : untried.length > 0 ? untried : all).includes(chosen);
      }),
    );
    t.equal(pick([], [], 1_000, 0.5), undefined, 'nothing out of nothing');
  });
}

void t.test('p2c takes the one of two that costs less', async (t) => {
  const random = numbers(0, 0);
  const pick = (a: Named, b: Named): string | undefined => pickLeastLoaded([a, b], [], 1_000, random)?.name;
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
  t.equal(pickLeastLoaded([bad, good], [], 1_999, numbers(0))?.name, 'good');
  t.equal(pickLeastLoaded([bad, good], [], 2_000, numbers(0))?.name, 'bad');
});

void t.test('round robin goes through all in turn', async (t) => {
  const all = [load('a'), load('b'), load('c')];
  t.same(
    [1, 2, 3, 4].map((turn) => pickRoundRobin(all, [], 0, turn)?.name),
    ['b', 'c', 'a', 'b'],
  );
});

void t.test('least request breaks ties by chance', async (t) => {
  const all = [load('a'), load('b'), load('c', { active: 1 })];
  t.equal(pickLeastRequest(all, [], 0, numbers(0.9))?.name, 'a');
  t.equal(pickLeastRequest(all, [], 0, numbers(0.1))?.name, 'b');
});
