import fc from 'fast-check';
import t from 'tap';
import { createTimerWheel, type DrivenTimerWheel, slotMs } from '../../src/time/hashed-wheel.js';
import { Timer } from '../../src/time/wheel.js';

/** A wheel on a clock that the test sets, and a note of what fired when. */
function setUp(startMs = 1000) {
  const clock = { nowMs: startMs };
  const wheel = createTimerWheel(() => clock.nowMs);
  const fired: string[] = [];
  const timer = (name: string, then?: (nowMs: number) => void): Timer =>
    new Timer(
      {
        onTimer(timer, nowMs) {
          fired.push(`${timer.kind}@${nowMs}`);
          then?.(nowMs);
        },
      },
      name,
    );
  const advance = (ms: number): void => {
    clock.nowMs += ms;
    wheel.advance(clock.nowMs);
  };
  return { clock, wheel, fired, timer, advance };
}

t.test('a timer fires once, not before its deadline and within a slot', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  wheel.arm(timer('a'), 10);
  advance(9.5);
  t.same(fired, []);
  advance(0.5 + slotMs);
  t.same(fired, ['a@1014']);
  advance(100_000);
  t.same(fired.length, 1);
  t.equal(wheel.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

t.test('a timer with no delay fires at the next slot', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  const a = timer('a');
  wheel.arm(a, 0);
  t.ok(wheel.nextDeadlineMs() <= 1000 + slotMs);
  advance(slotMs);
  t.equal(fired.length, 1);
  t.equal(a.deadlineMs, 0);
});

t.test('arming again moves the deadline both ways', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  const later = timer('later');
  const sooner = timer('sooner');
  wheel.arm(later, 20);
  wheel.arm(later, 200);
  wheel.arm(sooner, 200);
  wheel.arm(sooner, 20);
  advance(100);
  t.same(fired, ['sooner@1100']);
  advance(100);
  t.same(fired, ['sooner@1100', 'later@1200']);
});

t.test('a disarmed timer never fires and may be armed again', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  const a = timer('a');
  wheel.arm(a, 10);
  wheel.disarm(a);
  wheel.disarm(a);
  t.equal(a.deadlineMs, 0);
  t.equal(a.next, undefined);
  advance(100);
  t.same(fired, []);
  wheel.arm(a, 10);
  advance(100);
  t.same(fired, ['a@1200']);
});

t.test('a firing timer may arm and disarm itself and others in the same slot', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  const victims = [timer('victim0'), timer('victim1')];
  const moved = timer('moved');
  const again: Timer = timer('again', () => {
    for (const victim of victims) wheel.disarm(victim);
    wheel.arm(moved, 50);
    if (fired.length === 1) wheel.arm(again, 0);
  });
  wheel.arm(victims[0], 10);
  wheel.arm(moved, 10);
  wheel.arm(victims[1], 10);
  wheel.arm(again, 10); // the last one linked is the first one visited
  advance(12);
  t.same(fired, ['again@1012']);
  advance(slotMs);
  t.same(fired, ['again@1012', 'again@1016']);
  advance(100);
  t.same(fired.slice(2), ['moved@1116']);
});

t.test('delays beyond one round come at their time, and thousands of them wake the thread rarely', async (t) => {
  const { wheel, clock, fired, timer } = setUp();
  for (let i = 0; i < 2000; i++) wheel.arm(timer(`t${i}`), 300_000 + i / 100);
  let wakeUps = 0;
  while (wheel.nextDeadlineMs() < 1000 + 300_000) {
    clock.nowMs = wheel.nextDeadlineMs();
    wheel.advance(clock.nowMs);
    t.equal(fired.length, 0);
    wakeUps++;
  }
  t.ok(wakeUps <= 300 / 4 + 1, `${wakeUps} wake-ups in 300 s`);
  wheel.advance(1000 + 300_000 + 20 + slotMs);
  t.equal(fired.length, 2000);
});

t.test('a jump over many rounds fires everything that is due and nothing else', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  wheel.arm(timer('a'), 5);
  wheel.arm(timer('b'), 40_000);
  wheel.arm(timer('c'), 3_600_000);
  advance(1_000_000);
  t.same([...fired].sort(), ['a@1001000', 'b@1001000']);
  advance(2_600_000 + slotMs);
  t.equal(fired.length, 3);
});

t.test('a timer that throws loses no other timer', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  wheel.arm(timer('b'), 10);
  wheel.arm(
    timer('a', () => {
      throw new Error('boom');
    }),
    10,
  );
  wheel.arm(timer('c'), 30);
  t.throws(() => advance(50), /boom/);
  advance(0);
  advance(slotMs);
  t.same(fired.map((line) => line[0]).sort(), ['a', 'b', 'c']);
});

t.test('delays that are negative, infinite or not a number are harmless', async (t) => {
  const { wheel, fired, timer, advance } = setUp();
  wheel.arm(timer('negative'), -5);
  wheel.arm(timer('nan'), Number.NaN);
  wheel.arm(timer('infinite'), Number.POSITIVE_INFINITY);
  advance(slotMs);
  t.equal(fired.length, 2);
  advance(1e9);
  t.equal(fired.length, 2);
});

// Invariant: for every sequence of arm, disarm and advance a timer fires exactly when a plain map of deadlines says that it is due,
// at most one slot later, never early; and `nextDeadlineMs` is never after a due time.
type Action =
  | { do: 'arm'; timer: number; delayMs: number }
  | { do: 'disarm'; timer: number }
  | { do: 'advance'; ms: number };

const delay = fc.oneof(
  fc.integer({ min: 0, max: 50 }),
  fc.integer({ min: 0, max: 40_000 }),
  fc.double({ min: 0, max: 200_000, noNaN: true }),
);
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant('arm' as const), timer: fc.nat(9), delayMs: delay }),
  fc.record({ do: fc.constant('disarm' as const), timer: fc.nat(9) }),
  fc.record({ do: fc.constant('advance' as const), ms: delay }),
);

function agreesWithModel(startMs: number, actions: readonly Action[], rearm: readonly number[]): void {
  const clock = { nowMs: startMs };
  const wheel: DrivenTimerWheel = createTimerWheel(() => clock.nowMs);
  const deadlines = new Map<number, number>();
  const seen = new Set<number>();
  let rearms = 0;
  const timers = Array.from({ length: 10 }, (_, index) => {
    return new Timer(
      {
        onTimer(_timer, nowMs) {
          const due = deadlines.get(index);
          if (due === undefined) throw new Error(`timer ${index} fired while disarmed`);
          if (due > nowMs) throw new Error(`timer ${index} fired at ${nowMs}, due at ${due}`);
          if (seen.has(index)) throw new Error(`timer ${index} fired twice in one advance`);
          seen.add(index);
          deadlines.delete(index);
          // Some firings arm and disarm others.
          if (rearms < rearm.length) {
            const delayMs = rearm[rearms++];
            const other = (index + 3) % 10;
            if (delayMs % 5 === 0) {
              wheel.disarm(timers[other]);
              deadlines.delete(other);
            } else {
              wheel.arm(timers[other], delayMs);
              deadlines.set(other, clock.nowMs + delayMs);
              seen.delete(other);
            }
          }
        },
      },
      'model',
    );
  });
  for (const step of actions) {
    if (step.do === 'arm') {
      wheel.arm(timers[step.timer], step.delayMs);
      deadlines.set(step.timer, clock.nowMs + step.delayMs);
    } else if (step.do === 'disarm') {
      wheel.disarm(timers[step.timer]);
      deadlines.delete(step.timer);
    } else {
      clock.nowMs += step.ms;
      seen.clear();
      wheel.advance(clock.nowMs);
      for (const [index, due] of deadlines) {
        if (due <= clock.nowMs - 2 * slotMs)
          throw new Error(`timer ${index} due at ${due} has not fired at ${clock.nowMs}`);
      }
    }
    const first = Math.min(...deadlines.values());
    if (wheel.nextDeadlineMs() > first + 2 * slotMs)
      throw new Error(`next ${wheel.nextDeadlineMs()} is after ${first}`);
    if ((wheel.nextDeadlineMs() === Number.POSITIVE_INFINITY) !== (deadlines.size === 0))
      throw new Error('wrong about being empty');
    for (const [index, timer] of timers.entries()) {
      if ((timer.slot !== -1) !== deadlines.has(index)) throw new Error(`timer ${index} is linked wrongly`);
    }
  }
}

t.test('the wheel agrees with a map of deadlines', async () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2 ** 40, noNaN: true })),
      fc.array(action, { maxLength: 80 }),
      fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 20 }),
      agreesWithModel,
    ),
    { numRuns: 500 },
  );
});
