import t from 'tap';
import { judge, type Series } from '../../src/compare/judge.js';
import { planRounds } from '../../src/compare/plan.js';
import { rules } from '../../src/compare/thresholds.js';
import { normals, sequence } from '../statistics/random-numbers.js';

function ragged(count: number, centre: number, seed: number, spread = 0.01): number[] {
  const next = normals(sequence(seed));
  return Array.from({ length: count }, () => centre * Math.exp(spread * next()));
}

function series(changes: Partial<Series>): Series {
  return {
    better: 'lower',
    difference: 0.03,
    interleaved: true,
    base: ragged(20, 100, 1),
    head: ragged(20, 100, 2),
    again: undefined,
    drift: undefined,
    ...changes,
  };
}

t.test('more of what should be more is an improvement, less of it a regression', (t) => {
  const judged = judge(
    [
      series({ better: 'higher', head: ragged(20, 110, 2) }),
      series({ better: 'higher', head: ragged(20, 90, 2) }),
      series({ head: ragged(20, 110, 2) }),
    ],
    rules,
  );
  t.same(
    judged.map((each) => each.judgement),
    ['improvement', 'regression', 'regression'],
  );
  t.match(judged[1].why, /^−\d.* %, which chance gives in 1 of .* runs$/);
  t.end();
});

t.test('where the base differs from itself nothing is judged', (t) => {
  const [figure] = judge([series({ again: ragged(20, 106, 3), head: ragged(20, 110, 2) })], rules);
  t.equal(figure.judgement, 'inconclusive');
  t.match(figure.why, /the machine told the base from the base/);
  t.ok(figure.control !== undefined && figure.control.estimate > 1.04);
  t.end();
});

t.test('the noise floor is what the control cannot exclude', (t) => {
  const [figure] = judge([series({ again: ragged(20, 100, 3) })], rules);
  t.ok(
    figure.noiseFloor !== undefined && figure.noiseFloor > 0.001 && figure.noiseFloor < 0.02,
    `${figure.noiseFloor}`,
  );
  t.end();
});

t.test('separate runs are judged against what moved of all that did not change', (t) => {
  const separate = (drift: number | undefined, head: number): string =>
    judge([series({ interleaved: false, drift, head: ragged(20, head, 2) })], rules)[0].judgement;
  t.equal(separate(undefined, 120), 'inconclusive');
  t.equal(separate(0.005, 110), 'regression');
  t.equal(separate(0.005, 100), 'same');
  t.equal(separate(0.12, 110), 'inconclusive');
  t.end();
});

t.test('the more is tested, the surer each finding has to be', (t) => {
  const suspect = series({ base: ragged(7, 100, 1, 0.001), head: ragged(7, 105, 2, 0.001) });
  t.equal(judge([suspect], rules)[0].judgement, 'regression');
  // Seven pairs have no p-value below 2 / 2^7: with five tests none can be called.
  const many = judge([suspect, ...Array.from({ length: 4 }, () => series({}))], rules);
  t.equal(many[0].judgement, 'inconclusive');
  t.equal(many[0].detectable, undefined);
  t.equal(many[0].power, 0);
  t.end();
});

t.test('a handful of rounds, or none, is inconclusive and says so', (t) => {
  for (const count of [0, 1, 4]) {
    const [figure] = judge([series({ base: ragged(count, 100, 1), head: ragged(count, 200, 2) })], rules);
    t.equal(figure.judgement, 'inconclusive');
    t.match(figure.why, new RegExp(`^${count} rounds on each side`));
  }
  t.end();
});

t.test('the same rounds give the same figures', (t) => {
  t.same(judge([series({})], rules), judge([series({})], rules));
  t.end();
});

t.test('the plan stops after whole pairs of blocks, at the limit, and not before it knows the noise', (t) => {
  const plan = (made: number, spread: number): ReturnType<typeof planRounds> =>
    planRounds(
      {
        first: ragged(made, 100, 1, spread),
        second: ragged(made, 100, 2, spread),
        difference: 0.03,
        tests: 10,
        min: 6,
        max: 30,
      },
      rules,
    );
  t.match(plan(3, 0.001), { more: true, reason: '3 rounds' });
  // α / 10 needs 9 pairs, and 9 is not a whole number of pairs of blocks.
  t.match(plan(8, 0.001), { more: true, reason: /^8 rounds so far: .* 9 rounds needed to see 3 % with power 0.9$/ });
  t.match(plan(9, 0.001), { more: true, reason: '9 rounds' });
  t.match(plan(10, 0.001), {
    more: false,
    reason: /^10 rounds: noise of a round 0\.1\d* %, 9 rounds needed .*; power 1\.00$/,
  });
  t.match(plan(30, 0.3), { more: false, reason: /^stopped at the limit of 30 rounds/ });
  t.end();
});
