import t from 'tap';
import { signedRankTest } from '../../src/statistics/rank-test.js';
import { centre, shiftBetween } from '../../src/statistics/shift.js';
import { heavyTailed, normals, sequence } from './random-numbers.js';

const trials = 1000;

/** Skewed to the right, mean 0: what waits in queues looks like. */
const skewed = (random: () => number) => (): number => -Math.log(1 - random()) - 1;

const noises = { normal: normals, 'heavy-tailed': heavyTailed, skewed };

for (const [name, noise] of Object.entries(noises)) {
  for (const rounds of [8, 20]) {
    t.test(`a 95 % interval over ${rounds} rounds of ${name} noise holds the truth in 95 % of trials`, (t) => {
      const random = sequence(20250 + rounds);
      const next = noise(random);
      let held = 0;
      for (let trial = 0; trial < trials; trial++) {
        // A difference of two draws of one kind is symmetric about what was added, here 0.5.
        const differences = Array.from({ length: rounds }, () => 0.5 + next() - next());
        const { low, high } = centre(differences, { level: 0.95, resamples: 400, random });
        if (low <= 0.5 && high >= 0.5) held += 1;
      }
      const share = held / trials;
      // Three standard errors of 1,000 trials are 2.1 points.
      t.ok(share > 0.929 && share < 0.975, `${(100 * share).toFixed(1)} %`);
      t.end();
    });
  }
}

t.test('so does the interval of a shift between independent samples', (t) => {
  const random = sequence(7);
  const next = heavyTailed(random);
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    const sample = (centre: number): number[] => Array.from({ length: 12 }, () => centre + next());
    const { low, high } = shiftBetween(sample(0), sample(0.5), { level: 0.95, resamples: 400, random });
    if (low <= 0.5 && high >= 0.5) held += 1;
  }
  const share = held / trials;
  t.ok(share > 0.929 && share < 0.985, `${(100 * share).toFixed(1)} %`);
  t.end();
});

t.test('the standard error is that of the estimates of many trials', (t) => {
  const random = sequence(11);
  const next = normals(random);
  const estimates: number[] = [];
  let errors = 0;
  for (let trial = 0; trial < 600; trial++) {
    const found = centre(
      Array.from({ length: 16 }, () => next()),
      { level: 0.95, resamples: 200, random },
    );
    estimates.push(found.estimate);
    errors += found.error / 600;
  }
  const mean = estimates.reduce((a, b) => a + b) / estimates.length;
  const spread = Math.sqrt(estimates.reduce((a, b) => a + (b - mean) ** 2, 0) / (estimates.length - 1));
  t.ok(Math.abs(errors / spread - 1) < 0.08, `${errors.toFixed(3)} against ${spread.toFixed(3)}`);
  t.end();
});

t.test('the signed-rank test accuses nothing in 95 % of trials where nothing differs', (t) => {
  const next = heavyTailed(sequence(3));
  let accused = 0;
  for (let trial = 0; trial < 4000; trial++) {
    if (signedRankTest(Array.from({ length: 15 }, next)).pValue < 0.05) accused += 1;
  }
  const share = accused / 4000;
  t.ok(share > 0.038 && share < 0.055, `${(100 * share).toFixed(1)} %`);
  t.end();
});

t.test('the same seed gives the same interval', (t) => {
  const differences = [0.1, -0.2, 0.4, 0.05, 0.3, -0.1, 0.2];
  const once = (): unknown => centre(differences, { level: 0.95, resamples: 500, random: sequence(5) });
  t.same(once(), once());
  t.end();
});
