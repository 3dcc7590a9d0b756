import { errorFunction, probit } from 'simple-statistics';

/** Chance that a standard normal variable exceeds z. The error is below 1e-7, from `errorFunction`. */
export function normalTail(z: number): number {
  return (1 - errorFunction(z / Math.SQRT2)) / 2;
}

/**
 * The z that a standard normal variable stays below with chance p, 0 < p < 1.
 * `probit` is good to two digits only (Winitzki's approximation); Newton's steps on `normalTail` bring the error below 1e-4 for p from 1e-5 on.
 */
export function normalQuantile(p: number): number {
  let z = probit(p);
  for (let step = 0; step < 3; step++) {
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    z += (normalTail(z) - (1 - p)) / density;
  }
  return z;
}

/** Chance that Student's t with a whole number of degrees of freedom stays below t: the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4. */
export function studentCdf(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let power = isOdd ? 3 : 2; power <= degrees - 2; power += 2) {
    term *= (cosine * cosine * (power - 1)) / power;
    sum += term;
  }
  const within = isOdd ? ((angle + Math.sin(angle) * sum) * 2) / Math.PI : Math.sin(angle) * sum;
  return (1 + within) / 2;
}

/** The t that Student's t stays below with chance p, 0 < p < 1; by bisection. */
export function studentQuantile(p: number, degrees: number): number {
  let low = -1;
  let high = 1;
  while (studentCdf(low, degrees) > p) low *= 2;
  while (studentCdf(high, degrees) < p) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, degrees) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The value that chi-squared stays below with chance p (Wilson and Hilferty 1931): within 1 % from 3 degrees of freedom on, for p from 0.05 to 0.95. */
export function chiSquaredQuantile(p: number, degrees: number): number {
  const share = 2 / (9 * degrees);
  return degrees * (1 - share + normalQuantile(p) * Math.sqrt(share)) ** 3;
}
