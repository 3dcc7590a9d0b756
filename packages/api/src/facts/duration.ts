/** GEP-2257: up to four pairs of a number of at most five digits and a unit; years and fractions are not in it. */
const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

const UNIT_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

export function isDuration(text: string): boolean {
  return DURATION.test(text);
}

/**
 * Milliseconds of a duration as the Gateway API writes it (GEP-2257): `5s`, `1m30s`, `100ms`, `0s`.
 * @throws RangeError when it is not one; resources that the parser accepted hold no such text.
 */
export function durationMs(text: string): number {
  if (!isDuration(text)) throw new RangeError(`not a duration of the Gateway API: ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) total += Number(count) * UNIT_MS[unit];
  return total;
}
