import tap from 'tap';
import { arrivals, type ScheduleKind } from '../src/load/arrivals.js';
import { Dispatcher, type Flight } from '../src/load/dispatcher.js';
import { Latencies, type Percentiles } from '../src/load/latencies.js';

interface Simulation {
  latency: Percentiles;
  service: Percentiles;
  lateness: Percentiles;
  sent: number;
  answered: number;
  waited: number;
  ids: number[];
}

interface World {
  rate: number | 'max';
  schedule?: ScheduleKind;
  places: number;
  seconds: number;
  warmSeconds?: number;
  /** When a request that the server gets at `at` µs is answered. */
  answerAt: (at: number) => number;
  /** The moment in which the generator gets to run at or after `at`. */
  wakeAt?: (at: number) => number;
}

/** A whole run on a virtual clock: the next event is either a due request or an answer. */
function simulate(world: World): Simulation {
  const recordings = { latency: new Latencies(), service: new Latencies(), lateness: new Latencies() };
  const answers: { at: number; place: number }[] = [];
  const ids: number[] = [];
  const wakeAt = world.wakeAt ?? ((at) => at);
  let now = 0;
  const dispatcher = new Dispatcher(
    {
      arrivals:
        world.rate === 'max'
          ? undefined
          : arrivals({ kind: world.schedule ?? 'fixed', rate: world.rate, seed: 1, burst: 1 }),
      places: world.places,
      startUs: 0,
      warmUntilUs: (world.warmSeconds ?? 0) * 1e6,
      endUs: ((world.warmSeconds ?? 0) + world.seconds) * 1e6,
      maxRequests: Number.POSITIVE_INFINITY,
      send: (place: number, flight: Flight) => {
        ids.push(flight.id);
        answers.push({ at: world.answerAt(now), place });
        answers.sort((a, b) => a.at - b.at);
      },
      refused: () => tap.fail('refused'),
    },
    recordings,
  );
  dispatcher.poll(0);
  while (!dispatcher.isDone(now)) {
    const due = dispatcher.nextDueUs;
    const answer = answers[0];
    if (answer !== undefined && answer.at <= due) {
      now = Math.max(now, answer.at);
      answers.shift();
      dispatcher.answeredAt(answer.place, now);
    } else now = Math.max(now, wakeAt(due));
    dispatcher.poll(now);
  }
  const { sent, answered, waited } = dispatcher;
  return {
    latency: recordings.latency.percentiles(),
    service: recordings.service.percentiles(),
    lateness: recordings.lateness.percentiles(),
    sent,
    answered,
    waited,
    ids,
  };
}

/** Three significant digits, as the histogram keeps them. */
function near(t: Pick<typeof tap, 'ok'>, actual: number, expected: number, what: string, part = 0.002): void {
  t.ok(Math.abs(actual - expected) <= expected * part + 1, `${what}: ${actual} is near ${expected}`);
}

tap.test('a server that answers after exactly 5 ms shows 5 ms at every percentile', (t) => {
  const seen = simulate({ rate: 1000, places: 16, seconds: 10, answerAt: (at) => at + 5000 });
  t.equal(seen.sent, 10_000);
  t.equal(seen.answered, 10_000);
  for (const at of ['min', 'p50', 'p99', 'p999', 'max'] as const) near(t, seen.latency[at], 5000, at);
  t.equal(seen.waited, 0);
  t.equal(seen.lateness.max, 0);
  t.end();
});

tap.test('a server that stalls 100 ms each second shows it in proportion, however many connections there are', (t) => {
  // Served at once, except in the first 100 ms of each second: then at the end of the stall.
  const answerAt = (at: number): number => (at % 1e6 < 100_000 ? Math.floor(at / 1e6) * 1e6 + 100_000 : at);
  for (const places of [1, 16, 1000]) {
    const seen = simulate({ rate: 1000, places, seconds: 10, answerAt });
    // A tenth of the requests is due in the stall, and of these latencies spread evenly from 0 to 100 ms:
    // the share q of all requests is beyond 100 ms * (1 - q / 0.1).
    near(t, seen.latency.p50, 0, `p50 of ${places}`);
    near(t, seen.latency.p99, 90_000, `p99 of ${places}`, 0.02);
    near(t, seen.latency.p999, 99_000, `p99.9 of ${places}`, 0.02);
    near(t, seen.latency.max, 100_000, `max of ${places}`);
  }
  // What a closed loop sees of the same server: one slow request a second for each connection, all the rest fast.
  const closed = simulate({ rate: 'max', places: 1, seconds: 10, answerAt: (at) => answerAt(at) + 100 });
  near(t, closed.latency.p99, 100, 'p99 of a closed loop');
  t.end();
});

tap.test('with one connection and a slow server the latency grows with the queue', (t) => {
  // 100 requests a second, 20 ms each: every request waits 10 ms longer than the one before it.
  const seen = simulate({ rate: 100, places: 1, seconds: 1, answerAt: (at) => at + 20_000 });
  near(t, seen.latency.max, 20_000 + 99 * 10_000, 'the last one');
  near(t, seen.service.max, 20_000, 'but the server itself took');
  t.equal(seen.lateness.max, 0, 'and the generator was not late: the connection was busy');
  t.equal(seen.waited, 99);
  t.end();
});

tap.test('a generator that is woken late says so, and its lateness counts', (t) => {
  const seen = simulate({ rate: 100, places: 4, seconds: 1, answerAt: (at) => at + 1000, wakeAt: (at) => at + 300 });
  near(t, seen.lateness.p50, 300, 'lateness');
  near(t, seen.latency.p50, 1300, 'latency');
  near(t, seen.service.p50, 1000, 'service');
  t.end();
});

tap.test('requests of the warm-up are sent but not recorded', (t) => {
  const seen = simulate({
    rate: 1000,
    places: 4,
    seconds: 2,
    warmSeconds: 1,
    answerAt: (at) => (at < 1e6 ? at + 900 : at),
  });
  t.equal(seen.sent, 3000);
  t.equal(seen.latency.count, 2000);
  t.equal(seen.latency.max, 0);
  t.end();
});

tap.test('each request has an id of its own', (t) => {
  const seen = simulate({ rate: 5000, schedule: 'poisson', places: 3, seconds: 1, answerAt: (at) => at + 700 });
  t.equal(new Set(seen.ids).size, seen.sent);
  t.end();
});

tap.test('poisson arrivals have the rate and the scatter of their law, and two walkers agree', (t) => {
  const walk = arrivals({ kind: 'poisson', rate: 1000, seed: 42, burst: 1 });
  const twin = arrivals({ kind: 'poisson', rate: 1000, seed: 42, burst: 1 });
  const gaps: number[] = [];
  let previous = 0;
  let differing = 0;
  for (let index = 0; index < 100_000; index++) {
    if (walk.dueUs !== twin.dueUs) differing += 1;
    gaps.push(walk.dueUs - previous);
    previous = walk.dueUs;
    walk.advance();
    twin.advance();
  }
  t.equal(differing, 0);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  near(t, mean, 1000, 'mean gap', 0.02);
  near(t, Math.sqrt(variance), 1000, 'standard deviation', 0.02);
  t.end();
});

tap.test('bursts are due together, at the rate all the same', async (t) => {
  const walk = arrivals({ kind: 'bursts', rate: 1000, seed: 1, burst: 3 });
  const due: number[] = [];
  for (let request = 0; request < 7; request++) {
    due.push(walk.dueUs);
    walk.advance();
  }
  t.strictSame(due, [0, 0, 0, 3000, 3000, 3000, 6000]);
});
