/**
 * The pairs behind a Hodges-Lehmann estimate, sorted by value: averages of two values of one sample, or differences between two samples. A bootstrap
 * resample is a weight for each value, so its estimate is one walk along the sorted pairs and no sort.
 */
export class SortedPairs {
  readonly #values: Float64Array;
  readonly #first: Uint16Array;
  readonly #second: Uint16Array;
  readonly #kind: 'averages' | 'differences';

  private constructor(kind: 'averages' | 'differences', values: Float64Array, first: Uint16Array, second: Uint16Array) {
    const order = Uint32Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
    this.#kind = kind;
    this.#values = Float64Array.from(order, (at) => values[at]);
    this.#first = Uint16Array.from(order, (at) => first[at]);
    this.#second = Uint16Array.from(order, (at) => second[at]);
  }

  /** Walsh's averages (a value with itself included): their median is the centre of one sample. */
  static averages(values: readonly number[]): SortedPairs {
    const count = (values.length * (values.length + 1)) / 2;
    const [averages, first, second] = [new Float64Array(count), new Uint16Array(count), new Uint16Array(count)];
    let at = 0;
    for (let i = 0; i < values.length; i++) {
      for (let j = i; j < values.length; j++, at++) {
        averages[at] = (values[i] + values[j]) / 2;
        first[at] = i;
        second[at] = j;
      }
    }
    return new SortedPairs('averages', averages, first, second);
  }

  /** Each of the second minus each of the first: their median is how far the second is shifted. */
  static differences(base: readonly number[], moved: readonly number[]): SortedPairs {
    const count = base.length * moved.length;
    const [differences, first, second] = [new Float64Array(count), new Uint16Array(count), new Uint16Array(count)];
    let at = 0;
    for (let i = 0; i < base.length; i++) {
      for (let j = 0; j < moved.length; j++, at++) {
        differences[at] = moved[j] - base[i];
        first[at] = i;
        second[at] = j;
      }
    }
    return new SortedPairs('differences', differences, first, second);
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
