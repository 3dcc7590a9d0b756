import t from 'tap';
import { NotComparable } from '../../src/compare/comparable.js';
import { compareInterleaved, compareSeparate } from '../../src/compare/compare-results.js';
import type { Comparison, Side } from '../../src/compare/comparison.js';
import type { BenchResult } from '../../src/result/bench-result.js';
import { type MadeUpSystem, madeUpResult } from './made-up-result.js';

const side = (label: string): Side => ({ label, commit: undefined, changed: false });

function interleaved(head: Partial<MadeUpSystem>, change: (result: BenchResult) => void = () => {}): Comparison {
  const systems = [
    { name: 'base', cpuUs: 60 },
    { name: 'again', cpuUs: 60 },
    { name: 'head', cpuUs: 60, ...head },
  ];
  const result = madeUpResult({ systems, rounds: 14, seed: 9 });
  change(result);
  return compareInterleaved(result, side('main'), side('HEAD'));
}

function judgementOf(comparison: Comparison, metric: string): string | undefined {
  return comparison.cases[0].metrics.find((each) => each.metric === metric)?.judgement;
}

t.test('a head that needs 4 % more CPU fails, and what did not change is the same', (t) => {
  const found = interleaved({ cpuUs: 62.4 });
  t.equal(found.verdict, 'fail');
  t.equal(judgementOf(found, 'cpu-per-request'), 'regression');
  t.equal(judgementOf(found, 'rss'), 'same');
  t.match(found.reasons[0], /^pair-mtls-1k \(tulle-linux\): CPU of the proxies a request is worse: \+\d/);
  t.end();
});

t.test('equal builds pass, and a cheaper head passes as an improvement', (t) => {
  t.match(interleaved({}), { verdict: 'pass', reasons: [] });
  const better = interleaved({ cpuUs: 55 });
  t.equal(better.verdict, 'pass');
  t.equal(judgementOf(better, 'cpu-per-request'), 'improvement');
  t.equal(judgementOf(better, 'throughput'), 'improvement');
  t.end();
});

t.test('a metric without a threshold is not judged', (t) => {
  t.equal(judgementOf(interleaved({}), 'user-cpu-per-request'), undefined);
  t.end();
});

t.test('more memory and a longer tail are found by their own metrics', (t) => {
  t.equal(judgementOf(interleaved({ rssBytes: 66 * 2 ** 20 }), 'rss'), 'regression');
  const slow = interleaved({ latencyUs: 600 });
  t.equal(judgementOf(slow, 'latency-p999'), 'regression');
  t.equal(judgementOf(slow, 'cpu-per-request'), 'same');
  t.equal(slow.verdict, 'fail');
  t.end();
});

t.test('one failed request of the head fails, of the base leaves it open, and no figure of that row is judged', (t) => {
  const spoil = (system: string) => (result: BenchResult) => {
    const round = result.cases[0].rounds.find((each) => each.system === system && each.index === 5);
    if (round !== undefined)
      Object.assign(round, { valid: false, invalid: ['1 request failed (status)'], errors: { status: 1 } });
  };
  const head = interleaved({}, spoil('head'));
  t.match(head, { verdict: 'fail', reasons: [/the head is no measurement: round 6: 1 request failed/] });
  t.same(head.cases[0].metrics, []);
  t.equal(interleaved({}, spoil('base')).verdict, 'inconclusive');
  t.equal(interleaved({}, spoil('again')).verdict, 'inconclusive');
  t.end();
});

t.test('a head that does not start fails', (t) => {
  const found = interleaved({}, (result) => {
    const info = result.cases[0].systems.find(({ name }) => name === 'head');
    if (info !== undefined) Object.assign(info, { state: 'failed', reason: 'it exited with 1' });
    result.cases[0].rounds = [];
  });
  t.match(found, { verdict: 'fail', reasons: [/the head is no measurement: failed: it exited with 1/] });
  t.end();
});

t.test('a block with a late generator is left out on all sides, and told', (t) => {
  const found = interleaved({}, (result) => {
    const round = result.cases[0].rounds.find((each) => each.system === 'head' && each.index === 3);
    if (round !== undefined) Object.assign(round, { valid: false, late: true, invalid: ['the generator was late'] });
  });
  t.equal(found.verdict, 'pass');
  t.equal(found.cases[0].metrics[0].rounds, 13);
  t.same(found.cases[0].leftOut, ['round 4 of the head: the generator was late']);
  t.end();
});

t.test('a run that ended before there was anything to judge is inconclusive', (t) => {
  const found = interleaved({}, (result) => {
    result.run.partial = true;
    result.cases[0].rounds = result.cases[0].rounds.filter(({ index }) => index === 0);
  });
  t.match(found, { verdict: 'inconclusive', partial: true, reasons: [/too few rounds to judge/] });
  t.end();
});

t.test('a run that was interrupted while the head was started accuses nobody', (t) => {
  const found = interleaved({}, (result) => {
    result.run.partial = true;
    result.cases[0].rounds = [];
    result.cases[0].systems = result.cases[0].systems.filter(({ name }) => name !== 'head');
  });
  t.match(found, { verdict: 'inconclusive', reasons: [/too few rounds to judge/] });
  t.end();
});

t.test('a run without any case is no pass', (t) => {
  const found = interleaved({}, (result) => {
    result.cases = [];
  });
  t.match(found, { verdict: 'inconclusive', reasons: ['no case was measured'] });
  t.end();
});

function separate(cpuUs: number, haproxyUs: number | undefined): Comparison {
  const haproxy = (us: number | undefined): MadeUpSystem[] =>
    us === undefined ? [] : [{ name: 'haproxy', cpuUs: us }];
  const run = (own: number, peer: number | undefined, seed: number): BenchResult =>
    madeUpResult({ systems: [{ name: 'tulle-linux', cpuUs: own }, ...haproxy(peer)], rounds: 20, seed, noise: 0.003 });
  const [base, head] = [run(60, haproxyUs === undefined ? undefined : 50, 1), run(cpuUs, haproxyUs, 2)];
  return compareSeparate(base, head, { base: side('monday'), head: side('friday') });
}

t.test('separate runs need something unchanged in both, and accuse only what exceeds its drift', (t) => {
  t.equal(separate(90, undefined).verdict, 'inconclusive');
  t.match(separate(90, undefined).reasons[0], /nothing unchanged in both runs/);
  t.equal(separate(90, 50).verdict, 'fail');
  // The peer, the same program, needs as much more: it was the machine.
  t.equal(separate(66, 55).verdict, 'inconclusive');
  t.end();
});

t.test('results of different machines, kernels, nodes or work are refused, and the refusal names what differs', (t) => {
  const make = (change: (result: BenchResult) => void): BenchResult => {
    const result = madeUpResult({ systems: [{ name: 'tulle-linux', cpuUs: 60 }], rounds: 6, seed: 1 });
    change(result);
    return result;
  };
  const plain = make(() => {});
  const sides = { base: side('a'), head: side('b') };
  const refusal = (change: (result: BenchResult) => void): string => {
    try {
      compareSeparate(plain, make(change), sides);
    } catch (error) {
      if (error instanceof NotComparable) return error.message;
    }
    return 'compared';
  };
  t.equal(
    refusal(() => {}),
    'compared',
  );
  t.match(
    refusal((each) => Object.assign(each.run.machine, { kernel: '6.9' })),
    /kernel: 6.1.0-30-amd64 against 6.9/,
  );
  t.match(
    refusal((each) => Object.assign(each.run.machine, { cpuModel: 'B' })),
    /CPU: A CPU at 2.40GHz against B/,
  );
  t.match(
    refusal((each) => Object.assign(each.run.machine, { fingerprint: 'x' })),
    /machine: abc against x/,
  );
  t.match(
    refusal((each) => Object.assign(each.run.node, { version: '24.0.0' })),
    /Node: 20.20.2 against 24.0.0/,
  );
  t.match(
    refusal((each) => Object.assign(each.run.machine, { mitigations: {} })),
    /mitigations: /,
  );
  t.match(
    refusal((each) => Object.assign(each.cases[0].definition.work, { connections: 64 })),
    /no case in common:\n {2}pair-mtls-1k is defined differently/,
  );
  const busy = compareSeparate(
    plain,
    make((each) => Object.assign(each.run.machine, { load1: 9 })),
    sides,
  );
  t.match(busy.unlike, ['the machine was not equally busy at the start: load 0.4 and 9']);
  t.end();
});
