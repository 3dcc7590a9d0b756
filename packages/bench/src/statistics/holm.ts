/**
 * P-values corrected for how many there are (Holm 1979): calling those below α true accuses wrongly anywhere, in all of them together, with a chance
 * of at most α, however they depend on each other. Order is kept.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a] - pValues[b]);
  const corrected = new Array<number>(pValues.length);
  let largest = 0;
  for (let place = 0; place < order.length; place++) {
    largest = Math.max(largest, Math.min(1, pValues[order[place]] * (pValues.length - place)));
    corrected[order[place]] = largest;
  }
  return corrected;
}
