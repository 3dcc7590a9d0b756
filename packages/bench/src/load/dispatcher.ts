import { maxWaiting } from '../limits.js';
import type { Arrivals } from './arrivals.js';
import type { Latencies } from './latencies.js';

/*
 * Who is sent when, and from when its latency counts. Pure: the time is handed in, sending is a call out.
 *
 *   due ──> a place is free ──> send ──> answered(place) ──> record(now - due), the longest waiting request goes next
 *     └───> all places busy ──> wait ──────────────────────┘
 *
 * A place is one connection that carries one request at a time.
 */

/** One request on its way. Times in µs on the caller's clock. */
export interface Flight {
  id: number;
  dueUs: number;
  sentUs: number;
}

export interface DispatcherSettings {
  /** Open loop: when requests are due, in µs from `startUs`. Closed loop: `undefined`, each answer makes the next request due. */
  arrivals: Arrivals | undefined;
  places: number;
  startUs: number;
  /** Requests due before it are sent and checked but not recorded. */
  warmUntilUs: number;
  /** Requests due at or after it are not sent. */
  endUs: number;
  /** At most so many requests; Infinity for no limit. */
  maxRequests: number;
  send: (place: number, flight: Flight) => void;
  /** A request that was due could not be sent at all. */
  refused: () => void;
}

export interface Recordings {
  /** From due to the last byte. */
  latency: Latencies;
  /** From sent to the last byte. */
  service: Latencies;
  /** From due to when the generator took it up: the generator's own fault, not that of a busy connection. */
  lateness: Latencies;
}

export class Dispatcher {
  sent: number;
  answered: number;
  recorded: number;
  /** Requests that found every place busy when they were due. */
  waited: number;
  readonly #settings: DispatcherSettings;
  readonly #recordings: Recordings;
  readonly #free: Ring;
  readonly #flights: (Flight | undefined)[];
  readonly #waiting: Ring;
  #nextId: number;
  #stopped: boolean;

  constructor(settings: DispatcherSettings, recordings: Recordings) {
    this.#settings = settings;
    this.#recordings = recordings;
    this.#free = new Ring();
    this.#flights = [];
    this.#waiting = new Ring();
    this.#nextId = 0;
    this.#stopped = false;
    this.sent = 0;
    this.answered = 0;
    this.recorded = 0;
    this.waited = 0;
    for (let place = 0; place < settings.places; place++) {
      this.#free.push(place);
      this.#flights.push(undefined);
    }
  }

  /** When the next request is due on the caller's clock; Infinity when no more will be. */
  get nextDueUs(): number {
    const { arrivals, startUs, endUs, maxRequests } = this.#settings;
    if (this.#stopped || this.#nextId >= maxRequests) return Number.POSITIVE_INFINITY;
    if (arrivals === undefined) return this.#free.length > 0 ? startUs : Number.POSITIVE_INFINITY;
    const due = startUs + arrivals.dueUs;
    return due < endUs ? due : Number.POSITIVE_INFINITY;
  }

  /** No request is due any more, none waits, none is out. */
  isDone(now: number): boolean {
    if (this.#waiting.length > 0 || this.#free.length < this.#flights.length) return false;
    if (this.#settings.arrivals === undefined) {
      return this.#stopped || now >= this.#settings.endUs || this.#nextId >= this.#settings.maxRequests;
    }
    return this.nextDueUs === Number.POSITIVE_INFINITY;
  }

  /** Sends what is due at `now`. Returns how many requests became due. */
  poll(now: number): number {
    const { arrivals } = this.#settings;
    let count = 0;
    if (arrivals === undefined) {
      while (this.#mayStartClosed(now)) {
        this.#start(this.#free.shift(), now, now);
        count += 1;
      }
      return count;
    }
    for (let due = this.nextDueUs; due <= now; due = this.nextDueUs) {
      arrivals.advance();
      count += 1;
      if (due >= this.#settings.warmUntilUs) this.#recordings.lateness.record(now - due);
      if (this.#free.length > 0) this.#start(this.#free.shift(), due, now);
      else this.#wait(due);
    }
    return count;
  }

  /** The request of `place` has its whole, correct answer. */
  answeredAt(place: number, now: number): void {
    const flight = this.#take(place);
    this.answered += 1;
    if (flight.dueUs >= this.#settings.warmUntilUs) {
      this.recorded += 1;
      this.#recordings.latency.record(now - flight.dueUs);
      this.#recordings.service.record(now - flight.sentUs);
    }
    this.#reuse(place, now);
  }

  /** The request of `place` failed; it is not recorded. */
  failedAt(place: number, now: number): void {
    this.#take(place);
    this.#reuse(place, now);
  }

  /** No further request becomes due, and those that wait are dropped; what is out may still be answered. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  /** Requests that are out now, with their places. */
  *outstanding(): Generator<[place: number, flight: Flight]> {
    for (let place = 0; place < this.#flights.length; place++) {
      const flight = this.#flights[place];
      if (flight !== undefined) yield [place, flight];
    }
  }

  #mayStartClosed(now: number): boolean {
    const { endUs, maxRequests } = this.#settings;
    return !this.#stopped && this.#free.length > 0 && now < endUs && this.#nextId < maxRequests;
  }

  #wait(due: number): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#nextId += 1;
      this.#settings.refused();
      return;
    }
    this.waited += 1;
    this.#waiting.push(due);
    this.#nextId += 1;
  }

  #reuse(place: number, now: number): void {
    if (this.#waiting.length > 0) this.#send(place, { id: this.sent, dueUs: this.#waiting.shift(), sentUs: now });
    else this.#free.push(place);
  }

  #start(place: number, dueUs: number, now: number): void {
    this.#nextId += 1;
    this.#send(place, { id: this.sent, dueUs, sentUs: now });
  }

  #send(place: number, flight: Flight): void {
    this.#flights[place] = flight;
    this.sent += 1;
    this.#settings.send(place, flight);
  }

  #take(place: number): Flight {
    const flight = this.#flights[place];
    // The connection of a place answers once for each send: anything else is our bug.
    if (flight === undefined) throw new Error(`place ${place} has no request out`);
    this.#flights[place] = undefined;
    return flight;
  }
}

/** First in, first out, of numbers, in one array that grows by doubling: no garbage once it is as long as it needs to be. */
class Ring {
  length: number;
  #items: Float64Array;
  #head: number;

  constructor() {
    this.length = 0;
    this.#items = new Float64Array(64);
    this.#head = 0;
  }

  push(value: number): void {
    const size = this.#items.length;
    if (this.length === size) {
      const larger = new Float64Array(size * 2);
      for (let index = 0; index < size; index++) larger[index] = this.#items[(this.#head + index) % size];
      this.#items = larger;
      this.#head = 0;
    }
    this.#items[(this.#head + this.length) % this.#items.length] = value;
    this.length += 1;
  }

  shift(): number {
    const value = this.#items[this.#head];
    this.#head = (this.#head + 1) % this.#items.length;
    this.length -= 1;
    return value;
  }

  clear(): void {
    this.length = 0;
  }
}
