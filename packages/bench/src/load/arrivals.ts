/** When requests are due, in µs from the start of the run. Deterministic: two instances with the same settings agree. */
export interface Arrivals {
  /** Due time of the next request. */
  readonly dueUs: number;
  /** Moves on to the request after it. */
  advance(): void;
}

/** `bursts`: so many requests are due at once, at the rate all the same. */
export type ScheduleKind = 'fixed' | 'poisson' | 'bursts';

export interface ArrivalSettings {
  kind: ScheduleKind;
  /** Requests a second, above 0. */
  rate: number;
  /** Start of the pseudo-random sequence of `poisson`. */
  seed: number;
  /** Requests that are due together, for `bursts`. */
  burst: number;
}

export function arrivals(settings: ArrivalSettings): Arrivals {
  switch (settings.kind) {
    case 'fixed':
      return new FixedArrivals(settings.rate, 1);
    case 'bursts':
      return new FixedArrivals(settings.rate, settings.burst);
    case 'poisson':
      return new PoissonArrivals(settings.rate, randomSequence(settings.seed));
  }
}

class FixedArrivals implements Arrivals {
  dueUs: number;
  readonly #rate: number;
  readonly #burst: number;
  #index: number;

  constructor(rate: number, burst: number) {
    this.dueUs = 0;
    this.#rate = rate;
    this.#burst = burst;
    this.#index = 0;
  }

  advance(): void {
    this.#index += 1;
    // Counted from the start every time: a sum of gaps would drift.
    this.dueUs = (Math.floor(this.#index / this.#burst) * this.#burst * 1e6) / this.#rate;
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
