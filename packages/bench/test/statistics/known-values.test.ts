// Reference values: SciPy 1.17.1 and statsmodels 0.14, or counted out by enumeration where SciPy has no exact answer; the call is beside each.
import t from 'tap';
import { chiSquaredQuantile, normalQuantile, normalTail, studentQuantile } from '../../src/statistics/distributions.js';
import { holm } from '../../src/statistics/holm.js';
import { cautiousNoise, detectableDifference, powerOf, roundsNeeded } from '../../src/statistics/power.js';
import { rankSumTest, signedRankTest } from '../../src/statistics/rank-test.js';
import { centre, shiftBetween } from '../../src/statistics/shift.js';
import { near, sequence } from './random-numbers.js';

/** Hollander and Wolfe, "Nonparametric Statistical Methods", table 3.1: depression before and after a tranquilliser. */
const depression = [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01];
/** The same, table 4.1: permeability of a membrane at term and in midpregnancy. */
const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const midpregnancy = [1.15, 0.88, 0.9, 0.74, 1.21];

t.test('tails and quantiles of the normal distribution', (t) => {
  // scipy.stats.norm.sf(z), norm.ppf(p)
  for (const [z, tail] of [
    [0, 0.5],
    [1, 0.158655254],
    [1.96, 0.024997895],
    [3, 0.001349898],
    [5, 2.866516e-7],
  ]) {
    near(t, normalTail(z), tail, 1e-7);
  }
  for (const [p, z] of [
    [0.5, 0],
    [0.9, 1.281551566],
    [0.975, 1.959963985],
    [0.9995, 3.290526731],
    [0.00001, -4.264890794],
  ]) {
    near(t, normalQuantile(p), z, 1e-4);
  }
  t.end();
});

t.test('quantiles of Student’s t and of chi-squared', (t) => {
  // scipy.stats.t.ppf(p, degrees)
  for (const [p, degrees, value] of [
    [0.975, 1, 12.706204736],
    [0.975, 2, 4.30265273],
    [0.975, 7, 2.364624252],
    [0.975, 11, 2.20098516],
    [0.995, 20, 2.84533971],
    [0.1, 5, -1.475884049],
    [0.975, 39, 2.02269092],
  ]) {
    near(t, studentQuantile(p, degrees), value, 1e-8);
  }
  // scipy.stats.chi2.ppf(p, degrees)
  for (const [p, degrees, value] of [
    [0.2, 7, 3.8223219],
    [0.2, 19, 13.71578971],
    [0.5, 10, 9.341817766],
  ]) {
    near(t, chiSquaredQuantile(p, degrees), value, value / 100);
  }
  t.end();
});

t.test('the signed-rank test and its centre give the textbook’s answers', (t) => {
  // scipy.stats.wilcoxon(depression, method='exact'); the book says p = 0.0195 one-sided and an estimate of 0.46.
  t.match(signedRankTest(depression), { statistic: 40, pValue: 0.0390625, method: 'exact' });
  near(t, centre(depression, { level: 0.95, resamples: 100, random: sequence(1) }).estimate, 0.46, 1e-12);
  t.end();
});

t.test('ties and zeros are counted out exactly', (t) => {
  // scipy.stats.wilcoxon(x, zero_method='pratt', method=PermutationMethod(n_resamples=inf)), and by enumeration of the 256 signs.
  t.match(signedRankTest([0, 0, 1, 1, -1, 2, 2, 3, -2, 4]), { statistic: 41, pValue: 0.1640625 });
  // By enumeration of the 462 subsets.
  const found = rankSumTest([1, 2, 2, 3, 5, 5], [2, 4, 5, 6, 6]);
  t.equal(found.statistic, 38);
  near(t, found.pValue, 0.151515151515, 1e-10);
  t.end();
});

t.test('the rank-sum test and its shift give the textbook’s answers', (t) => {
  // scipy.stats.mannwhitneyu(term, midpregnancy, method='exact'); R's wilcox.test says the same.
  const found = rankSumTest(term, midpregnancy);
  t.equal(found.method, 'exact');
  near(t, found.pValue, 0.254412254412, 1e-10);
  const shift = shiftBetween(term, midpregnancy, { level: 0.95, resamples: 100, random: sequence(1) });
  near(t, shift.estimate, -0.305, 1e-12);
  t.end();
});

t.test('large samples use the normal distribution, corrected for ties and continuity', (t) => {
  // scipy.stats.wilcoxon(d, zero_method='pratt', correction=True, method='asymptotic')
  const differences = Array.from({ length: 150 }, (_, index) => (((index * 37) % 101) - 45) / 10);
  const paired = signedRankTest(differences);
  t.equal(paired.method, 'normal');
  near(t, paired.pValue, 0.06217098, 1e-6);
  // scipy.stats.mannwhitneyu(second, first, method='asymptotic', use_continuity=True)
  const first = Array.from({ length: 50 }, (_, index) => Math.floor(((index * 29) % 97) / 3));
  const second = Array.from({ length: 45 }, (_, index) => Math.floor(((index * 31) % 97) / 3) + 2);
  const independent = rankSumTest(first, second);
  t.match(independent, { statistic: 2277.5, method: 'normal' });
  near(t, independent.pValue, 0.38282888, 1e-6);
  t.end();
});

t.test('fifty pairs are still counted out', (t) => {
  // scipy.stats.wilcoxon([(1 if i % 3 else -1) * (i + 1) for i in range(50)], method='exact')
  const differences = Array.from({ length: 50 }, (_, index) => (index % 3 === 0 ? -1 : 1) * (index + 1));
  near(t, signedRankTest(differences).pValue, 0.03996834652842, 1e-10);
  t.end();
});

t.test('differences that are all zero, and empty samples, show nothing', (t) => {
  t.equal(signedRankTest([0, 0, 0]).pValue, 1);
  t.equal(signedRankTest([]).pValue, 1);
  t.equal(rankSumTest([], [1, 2]).pValue, 1);
  t.end();
});

t.test('Holm’s correction', (t) => {
  // statsmodels.stats.multitest.multipletests(p, method='holm')
  t.same(
    holm([0.01, 0.04, 0.03, 0.005, 0.5]).map((p) => Number(p.toFixed(12))),
    [0.04, 0.09, 0.09, 0.025, 0.5],
  );
  t.same(holm([]), []);
  t.end();
});

t.test('rounds and power follow the normal formula', (t) => {
  // ((norm.ppf(1 - alpha/2) + norm.ppf(power)) * sd / difference) ** 2: 10.82 and 63.31
  const three = Math.log(1.03);
  t.equal(roundsNeeded(0.03, { difference: three, alpha: 0.05, power: 0.9 }), 11);
  t.equal(roundsNeeded(0.06, { difference: three, alpha: 0.05 / 6, power: 0.9 }), 64);
  // norm.sf(norm.ppf(0.975) - log(1.03) * sqrt(20) / 0.05)
  near(t, powerOf(20, 0.05, { difference: three, alpha: 0.05, power: 0.9 }), 0.7529668, 1e-5);
  near(t, detectableDifference(64, 0.06, { alpha: 0.05 / 6, power: 0.9 }), three, 3e-4);
  t.end();
});

t.test('rounds are never fewer than a signed-rank test needs to reach its level at all', (t) => {
  // Smallest two-sided p-value of n pairs: 2 / 2^n. 0.05 needs 6, 0.05 / 12 needs 9.
  t.equal(roundsNeeded(0, { difference: 0.03, alpha: 0.05, power: 0.9 }), 6);
  t.equal(roundsNeeded(0, { difference: 0.03, alpha: 0.05 / 12, power: 0.9 }), 9);
  t.equal(powerOf(8, 0.001, { difference: 0.03, alpha: 0.05 / 12, power: 0.9 }), 0);
  t.equal(detectableDifference(8, 0.001, { alpha: 0.05 / 12, power: 0.9 }), Number.POSITIVE_INFINITY);
  t.end();
});

t.test('noise known from few rounds is planned with cautiously', (t) => {
  // sqrt(7 / scipy.stats.chi2.ppf(0.2, 7)) and sqrt(19 / chi2.ppf(0.2, 19))
  near(t, cautiousNoise(1, 8, 0.8), 1.353288, 0.005);
  near(t, cautiousNoise(1, 20, 0.8), 1.176985, 0.005);
  t.end();
});
