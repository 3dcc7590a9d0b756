import { chiSquaredQuantile, normalQuantile, normalTail } from './distributions.js';

/** What a comparison is meant to see. */
export interface Aim {
  /** The difference, on the scale of the noise: ln 1.03 for 3 % of a ratio. Above 0. */
  difference: number;
  /** Chance of an accusation when nothing differs, two-sided, already shared out among all tests. */
  alpha: number;
  /** Chance to see a true difference of that size. */
  power: number;
}

/**
 * Rounds that the aim needs: ((z of α/2 + z of power) · noise / difference)², and at least so many that a signed-rank test can reach α at all, whose
 * smallest two-sided p-value is 2 / 2^n.
 * @param noise standard deviation of one round's difference, as the estimate feels it: standard error times √n.
 */
export function roundsNeeded(noise: number, aim: Aim): number {
  const distance = normalQuantile(1 - aim.alpha / 2) + normalQuantile(aim.power);
  const forPower = Math.ceil(((distance * noise) / aim.difference) ** 2);
  const forAlpha = Math.ceil(Math.log2(2 / aim.alpha));
  return Math.max(forPower, forAlpha);
}

/** Chance that so many rounds show a true difference of `aim.difference`; 0 when they are too few for any p-value below α. */
export function powerOf(rounds: number, noise: number, aim: Aim): number {
  if (2 / 2 ** rounds > aim.alpha) return 0;
  if (noise === 0) return 1;
  return normalTail(normalQuantile(1 - aim.alpha / 2) - (aim.difference * Math.sqrt(rounds)) / noise);
}

/** The smallest difference that so many rounds show with chance `aim.power`. */
export function detectableDifference(rounds: number, noise: number, aim: Omit<Aim, 'difference'>): number {
  if (2 / 2 ** rounds > aim.alpha) return Number.POSITIVE_INFINITY;
  return ((normalQuantile(1 - aim.alpha / 2) + normalQuantile(aim.power)) * noise) / Math.sqrt(rounds);
}

/**
 * The noise to plan with when it is known from a few rounds only: the end of a one-sided interval that holds the true one with chance `confidence` (Browne
 * 1995 for pilot samples). Planning with the estimate itself leaves every second run short.
 */
export function cautiousNoise(noise: number, rounds: number, confidence: number): number {
  const degrees = rounds - 1;
  return noise * Math.sqrt(degrees / chiSquaredQuantile(1 - confidence, degrees));
}
