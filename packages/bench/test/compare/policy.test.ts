import t from 'tap';
import { comparePolicy, plannedForComparison, testsOf } from '../../src/compare/policy.js';
import type { CaseResult } from '../../src/result/bench-result.js';
import { tripleOrder } from '../../src/run/order.js';
import { madeUpCase } from './made-up-result.js';

const arms = ['base', 'again', 'head'].map((name) => ({ name, cpuUs: 60 }));

function caseOf(rounds: number, noise: number, name = 'pair-mtls-1k'): CaseResult {
  const made = madeUpCase({ systems: arms, rounds, seed: 3, noise, name });
  return { ...made, definition: plannedForComparison(made.definition, undefined) };
}

t.test('six orders take turns; after every second block each arm has been before each other one equally often', (t) => {
  const orders = Array.from({ length: 6 }, (_, index) => tripleOrder(['b', 'a', 'h'], index).join(''));
  t.equal(new Set(orders).size, 6);
  for (let count = 2; count <= 6; count += 2) {
    for (const [one, other] of ['ba', 'bh', 'ah']) {
      const before = orders.slice(0, count).filter((order) => order.indexOf(one) < order.indexOf(other));
      t.equal(before.length, count / 2, `${one} before ${other} in ${count} blocks`);
    }
  }
  t.same(tripleOrder(['x', 'y'], 1), ['y', 'x']);
  t.end();
});

t.test('rounds go on until the noise of the equal arms allows the promise, whatever the head does', (t) => {
  const policy = comparePolicy({ seconds: 1e6, cases: 1, tests: 5, rounds: undefined, now: () => 0 });
  t.match(policy.more(caseOf(6, 0.001)), { more: true });
  t.match(policy.more(caseOf(10, 0.001)), { more: false, reason: /^10 rounds: noise of a round/ });
  t.match(policy.more(caseOf(10, 0.1)), { more: true });
  t.match(policy.more(caseOf(80, 0.3)), { more: false, reason: /^stopped at the limit of 80 rounds/ });
  const wild = caseOf(10, 0.001);
  for (const round of wild.rounds)
    if (round.system === 'head') round.requests = Math.round(round.requests * (1 + (round.index % 5)));
  t.match(policy.more(wild), { more: false });
  t.end();
});

t.test('each case has its share of the time, and what earlier ones left', (t) => {
  let now = 0;
  const policy = comparePolicy({ seconds: 100, cases: 2, tests: 5, rounds: undefined, now: () => now });
  now = 49;
  t.match(policy.more(caseOf(10, 0.1)), { more: true });
  now = 51;
  t.match(policy.more(caseOf(11, 0.1)), { more: true }, 'whole pairs of blocks');
  t.match(policy.more(caseOf(12, 0.1)), { more: false, reason: /^stopped when its time was over: 12 rounds so far/ });
  t.match(policy.more(caseOf(10, 0.1, 'second')), { more: true });
  now = 101;
  t.match(policy.more(caseOf(12, 0.1, 'second')), { more: false });
  t.end();
});

t.test('a side that could not be measured ends the case, and a number that was asked for is kept', (t) => {
  const policy = comparePolicy({ seconds: 1e6, cases: 1, tests: 5, rounds: undefined, now: () => 0 });
  const broken = caseOf(2, 0.01);
  Object.assign(broken.systems[2], { state: 'failed', reason: 'it exited' });
  t.same(policy.more(broken), { more: false, reason: 'a side could not be measured' });
  const fixed = comparePolicy({ seconds: 0, cases: 1, tests: 5, rounds: 4, now: () => 9 });
  const four = caseOf(3, 0.1);
  four.definition = plannedForComparison(four.definition, 4);
  t.match(fixed.more(four), { more: true });
  t.end();
});

t.test('the metrics that are judged are counted over all cases', (t) => {
  const { definition } = caseOf(2, 0.01);
  t.equal(testsOf([definition]), 6);
  t.equal(testsOf([definition, definition]), 12);
  t.equal(testsOf([]), 1);
  t.end();
});

t.test('what is added to direct is compared as the latency it is a part of, by its usual threshold', (t) => {
  const { definition } = madeUpCase({ systems: arms, rounds: 1, seed: 1 });
  const changed = plannedForComparison(
    { ...definition, metrics: ['added-p99', 'latency-p50', 'latency-p99', 'rss'] },
    undefined,
  );
  t.same(changed.metrics, ['latency-p99', 'latency-p50', 'rss']);
  t.equal(changed.rounds.detect, 0.2);
  t.equal(plannedForComparison(definition, undefined).rounds.detect, 0.03);
  t.equal(changed.rounds.seconds, 2, 'one second is lengthened: starting must not be most of the time');
  t.end();
});
