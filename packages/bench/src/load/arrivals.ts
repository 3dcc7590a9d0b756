/** When requests are due, in µs from the start of the run. Deterministic: two instances with the same settings agree. */
export interface Arrivals {
  /** Due time of the next request. */
  readonly dueUs: number;
  /** Moves on to the request after it. */
  advance(): void;
}

export type ScheduleKind = 'fixed' | 'poisson';

export interface ArrivalSettings {
  kind: ScheduleKind;
  /** Requests a second, above 0. */
  rate: number;
  /** Start of the pseudo-random sequence of `poisson`. */
  seed: number;
}

export function arrivals(settings: ArrivalSettings): Arrivals {
  return settings.kind === 'fixed'
    ? new FixedArrivals(settings.rate)
    : new PoissonArrivals(settings.rate, randomSequence(settings.seed));
}

class FixedArrivals implements Arrivals {
  dueUs: number;
  readonly #rate: number;
  #index: number;

  constructor(rate: number) {
    this.dueUs = 0;
    this.#rate = rate;
    this.#index = 0;
  }

  advance(): void {
    this.#index += 1;
    // Counted from the start every time: a sum of gaps would drift.
    this.dueUs = (this.#index * 1e6) / this.#rate;
  }
}

class PoissonArrivals implements Arrivals {
  dueUs: number;
  readonly #meanGapUs: number;
  readonly #random: () => number;

  constructor(rate: number, random: () => number) {
    this.#meanGapUs = 1e6 / rate;
    this.#random = random;
    this.dueUs = 0;
    this.advance();
  }

  advance(): void {
    this.dueUs += -Math.log(1 - this.#random()) * this.#meanGapUs;
  }
}

/** Numbers in [0, 1) from a 32-bit xorshift (Marsaglia 2003, triple 13-17-5): two threads can walk the same sequence. */
export function randomSequence(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}
