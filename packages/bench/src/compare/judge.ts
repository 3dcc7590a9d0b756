import { median } from 'simple-statistics';
import { randomSequence } from '../load/arrivals.js';
import { holm } from '../statistics/holm.js';
import { detectableDifference, powerOf } from '../statistics/power.js';
import { rankSumTest, signedRankTest } from '../statistics/rank-test.js';
import { centre, type Shift, shiftBetween } from '../statistics/shift.js';
import type { Rules } from './thresholds.js';

/** One metric of one case, as two builds had it. Figures are above 0. */
export interface Series {
  better: 'lower' | 'higher';
  /** Relative difference that is promised to be seen: 0.03. */
  difference: number;
  /** Interleaved: figures of one index come from one block. Otherwise the two were measured one after the other. */
  interleaved: boolean;
  base: readonly number[];
  head: readonly number[];
  /** The base measured a second time in the same blocks (A/A); undefined where it was not. */
  again: readonly number[] | undefined;
  /** How much everything unchanged moved between two separate runs, as a logarithm, 0 or more; undefined where nothing unchanged was in both. */
  drift: number | undefined;
}

export type Judgement = 'regression' | 'improvement' | 'same' | 'inconclusive';

/** What is said of one metric of one case. Ratios are head over base, or base over base. */
export interface Figure {
  /** Medians, in the metric's unit; NaN without rounds. */
  base: number;
  head: number;
  rounds: number;
  ratio: Interval;
  /** Of the rank test, as it is and corrected for all figures of the comparison (Holm). */
  pValue: number;
  corrected: number;
  /** A/A: what the machine makes of two equal builds. */
  control: (Interval & { pValue: number }) | undefined;
  /** Largest relative difference that the control leaves possible: the noise floor. */
  noiseFloor: number | undefined;
  /** Smallest relative difference that these rounds show with the power wanted; undefined when they cannot show any. */
  detectable: number | undefined;
  /** Chance that these rounds show the promised difference. */
  power: number;
  judgement: Judgement;
  /** One sentence. */
  why: string;
}

export interface Interval {
  estimate: number;
  low: number;
  high: number;
}

/** Least rounds that are judged: an interval of fewer says nothing about the next one. */
export const minRounds: number = 5;

/**
 * Judges all figures of a comparison together, because the correction is for how many they are. Pure: the same series give the same answer.
 *
 * On the logarithms of the figures: paired differences within blocks by the signed-rank test and Hodges and Lehmann's estimate, separate runs by the
 * rank-sum test and its shift. `regression` and `improvement` need a corrected p-value below α and an estimate of half the promised difference;
 * `same` needs an interval that excludes a promised difference either way; all else is `inconclusive`.
 */
export function judge(series: readonly Series[], rules: Rules): Figure[] {
  const shifts = series.map((each) => compare(each, rules));
  const corrected = holm(shifts.map(({ pValue }) => pValue));
  const controls = series.map((each) => control(each, rules));
  const controlPs = holm(controls.map((each) => each?.pValue ?? 1));
  // Each test is planned as the hardest that Holm may ask: α shared out among all.
  const alpha = rules.alpha / Math.max(1, series.length);
  return series.map((each, index): Figure => {
    const { shift, pValue } = shifts[index];
    const rounds = Math.min(each.base.length, each.head.length);
    const noise = shift.error * Math.sqrt(rounds);
    const difference = Math.log1p(each.difference);
    const aA = controls[index];
    const figure = {
      base: each.base.length === 0 ? Number.NaN : median(each.base),
      head: each.head.length === 0 ? Number.NaN : median(each.head),
      rounds,
      ratio: ratioOf(shift),
      pValue,
      corrected: corrected[index],
      control: aA === undefined ? undefined : { ...ratioOf(aA.shift), pValue: aA.pValue },
      noiseFloor: aA === undefined ? undefined : Math.expm1(Math.max(-aA.shift.low, aA.shift.high)),
      detectable: finite(Math.expm1(detectableDifference(rounds, noise, { alpha, power: rules.power }))),
      power: powerOf(rounds, noise, { difference, alpha, power: rules.power }),
    };
    return { ...figure, ...verdictOf(each, figure, shift, controlPs[index], rules) };
  });
}

interface Compared {
  shift: Shift;
  pValue: number;
}

function compare({ base, head, interleaved }: Series, rules: Rules): Compared {
  if (Math.min(base.length, head.length) < 2) {
    const unknown = { estimate: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, error: 0 };
    return { shift: unknown, pValue: 1 };
  }
  const options = { level: rules.level, resamples: rules.resamples, random: randomSequence(rules.seed) };
  const [first, second] = [base.map(Math.log), head.map(Math.log)];
  if (!interleaved) return { shift: shiftBetween(first, second, options), pValue: rankSumTest(first, second).pValue };
  const differences = second.map((value, index) => value - first[index]);
  return { shift: centre(differences, options), pValue: signedRankTest(differences).pValue };
}

function control(series: Series, rules: Rules): Compared | undefined {
  const { base, again } = series;
  return again === undefined || again.length < 2 || again.length !== base.length
    ? undefined
    : compare({ ...series, head: again }, rules);
}

function verdictOf(
  series: Series,
  figure: Pick<Figure, 'rounds' | 'corrected' | 'detectable' | 'ratio'>,
  shift: Shift,
  controlP: number,
  rules: Rules,
): { judgement: Judgement; why: string } {
  const promised = percent(series.difference);
  const inconclusive = (why: string): { judgement: Judgement; why: string } => ({ judgement: 'inconclusive', why });
  if (figure.rounds < minRounds)
    return inconclusive(`${figure.rounds} rounds on each side, ${minRounds} are the least`);
  if (controlP < rules.controlAlpha) {
    return inconclusive('the machine told the base from the base: what disturbs it is not alike for both');
  }
  if (!series.interleaved && series.drift === undefined) {
    return inconclusive(
      'measured one after the other, and nothing unchanged in both runs says how the machine moved meanwhile',
    );
  }
  const drift = series.drift ?? 0;
  const difference = Math.log1p(series.difference);
  const isFar = Math.abs(shift.estimate) >= rules.tolerance * difference + drift;
  if (figure.corrected < rules.alpha && isFar) {
    const isWorse = series.better === 'lower' ? shift.estimate > 0 : shift.estimate < 0;
    const judgement = isWorse ? 'regression' : 'improvement';
    return { judgement, why: `${signed(figure.ratio.estimate)}, which chance gives in ${chance(figure.corrected)}` };
  }
  if (shift.low - drift > -difference && shift.high + drift < difference) {
    return { judgement: 'same', why: `a difference of ${promised} either way is excluded` };
  }
  return inconclusive(
    figure.detectable !== undefined
      ? `neither no difference nor ${promised} is excluded; these rounds show ${percent(figure.detectable)} and more`
      : 'too few rounds for any difference to be told from chance',
  );
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function ratioOf({ estimate, low, high }: Shift): Interval {
  return { estimate: Math.exp(estimate), low: Math.exp(low), high: Math.exp(high) };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

/** `+3.1 %`, `−0.4 %`. */
function signed(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '−' : '+'}${Number(Math.abs(change).toPrecision(2))} %`;
}

/** `1 of 2,400 runs`. */
function chance(pValue: number): string {
  const runs = 1 / Math.max(pValue, 1e-6);
  return `1 of ${Number(runs.toPrecision(2)).toLocaleString('en')}${pValue < 1e-6 ? ' or fewer' : ''} runs`;
}
