import t from 'tap';
import { rules, type SimulatedMetric, simulate } from './simulation.js';

/** What a quick comparison judges: two cases, each CPU, throughput, memory and three percentiles. */
function metricsOf(effect: number): SimulatedMetric[] {
  const one = (first: number): SimulatedMetric[] => [
    { difference: 0.03, noise: 0.02, effect: first },
    { difference: 0.05, noise: 0.03, effect: 1, better: 'higher' },
    { difference: 0.05, noise: 0.02, effect: 1 },
    { difference: 0.05, noise: 0.03, effect: 1 },
    { difference: 0.2, noise: 0.1, effect: 1 },
    { difference: 0.5, noise: 0.3, effect: 1 },
  ];
  return [...one(effect), ...one(1)];
}

for (const heavy of [false, true]) {
  const kind = heavy ? 'with far outliers' : 'on a drifting machine';

  t.test(`two equal builds ${kind} are accused in at most 1 of 20 comparisons`, (t) => {
    const runs = 80;
    let accused = 0;
    for (let seed = 1; seed <= runs; seed++) {
      const { figures } = simulate({ metrics: metricsOf(1), seed, heavy });
      if (figures.some((each) => each.judgement === 'regression')) accused += 1;
    }
    // Two-sided at 5 % over all figures: 2.5 % of them accuse. 4 of 80 is 1 in 20.
    t.ok(accused <= 4, `${accused} of ${runs}`);
    t.end();
  });

  t.test(`a true 3 % of CPU a request ${kind} is found in at least 9 of 10 comparisons`, (t) => {
    const runs = 60;
    let found = 0;
    for (let seed = 1; seed <= runs; seed++) {
      const { figures } = simulate({ metrics: metricsOf(1.03), seed: seed + 5000, heavy });
      if (figures[0].judgement === 'regression') found += 1;
    }
    t.ok(found >= 54, `${found} of ${runs}`);
    t.end();
  });
}

t.test('a 3 % gain is an improvement, and equal builds are mostly called the same', (t) => {
  let [gains, same] = [0, 0];
  for (let seed = 1; seed <= 40; seed++) {
    const { figures } = simulate({ metrics: metricsOf(0.97), seed });
    if (figures[0].judgement === 'improvement') gains += 1;
    if (figures[6].judgement === 'same') same += 1;
  }
  t.ok(gains >= 36, `${gains} of 40 gains`);
  t.ok(same >= 36, `${same} of 40 the same`);
  t.end();
});

t.test('a noisier machine makes more rounds, and one too noisy is inconclusive', (t) => {
  const at = (noise: number): ReturnType<typeof simulate> =>
    simulate({ metrics: [{ difference: 0.03, noise, effect: 1.03 }], seed: 3, max: 40 });
  const [quiet, noisy, hopeless] = [at(0.005), at(0.03), at(0.3)];
  t.ok(quiet.rounds < noisy.rounds, `${quiet.rounds} and ${noisy.rounds}`);
  t.equal(hopeless.rounds, 40);
  t.match(hopeless.reason, /^stopped at the limit of 40 rounds: noise of a round \d+ %/);
  t.equal(hopeless.figures[0].judgement, 'inconclusive');
  t.match(hopeless.figures[0].why, /neither no difference nor 3 % is excluded; these rounds show \d+ % and more/);
  t.end();
});

t.test('a difference too small to matter is no regression, however sure it is', (t) => {
  const { figures } = simulate({ metrics: [{ difference: 0.03, noise: 0.001, effect: 1.01 }], seed: 5 });
  t.ok(figures[0].corrected < rules.alpha);
  t.equal(figures[0].judgement, 'same');
  t.end();
});
