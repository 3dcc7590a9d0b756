/**
 * The pairs behind a Hodges-Lehmann estimate, sorted by value: averages of two values of one sample, or differences between two samples. A bootstrap
 * resample is a weight for each value, so its estimate is one walk along the sorted pairs and no sort.
 */
export class SortedPairs {
  readonly #values: Float64Array;
  readonly #first: Uint16Array;
  readonly #second: Uint16Array;
  readonly #kind: 'averages' | 'differences';

  private constructor(
    kind: 'averages' | 'differences',
    pairs: readonly [value: number, first: number, second: number][],
  ) {
    const sorted = [...pairs].sort((a, b) => a[0] - b[0]);
    this.#kind = kind;
    this.#values = Float64Array.from(sorted, (pair) => pair[0]);
    this.#first = Uint16Array.from(sorted, (pair) => pair[1]);
    this.#second = Uint16Array.from(sorted, (pair) => pair[2]);
  }

  /** Walsh's averages (a value with itself included): their median is the centre of one sample. */
  static averages(values: readonly number[]): SortedPairs {
    const pairs: [number, number, number][] = [];
    for (let i = 0; i < values.length; i++) {
      for (let j = i; j < values.length; j++) pairs.push([(values[i] + values[j]) / 2, i, j]);
    }
    return new SortedPairs('averages', pairs);
  }

  /** Each of the second minus each of the first: their median is how far the second is shifted. */
  static differences(first: readonly number[], second: readonly number[]): SortedPairs {
    const pairs: [number, number, number][] = [];
    for (let i = 0; i < first.length; i++) {
      for (let j = 0; j < second.length; j++) pairs.push([second[j] - first[i], i, j]);
    }
    return new SortedPairs('differences', pairs);
  }

  /**
   * The median of the pairs, each value of a sample counted as often as its weight says.
   * @param second weights of the second sample; for averages the same array as `first`.
   */
  median(first: Uint16Array, second: Uint16Array): number {
    const values = this.#values;
    const all = this.#kind === 'averages' ? (total(first) * (total(first) + 1)) / 2 : total(first) * total(second);
    let seen = 0;
    for (let at = 0; at < values.length; at++) {
      seen += this.#weight(at, first, second);
      if (2 * seen < all) continue;
      if (2 * seen > all) return values[at];
      // Exactly half lies below: the median is between this pair and the next that counts.
      let next = at + 1;
      while (this.#weight(next, first, second) === 0) next += 1;
      return (values[at] + values[next]) / 2;
    }
    return Number.NaN;
  }

  #weight(at: number, first: Uint16Array, second: Uint16Array): number {
    const i = this.#first[at];
    const j = this.#second[at];
    return this.#kind === 'averages' && i === j ? (first[i] * (first[i] + 1)) / 2 : first[i] * second[j];
  }
}

function total(weights: Uint16Array): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) sum += weights[index];
  return sum;
}
