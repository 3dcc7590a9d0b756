import fc from 'fast-check';
import t from 'tap';
import type { Place, PlaceWaiter, UpstreamConnection, UpstreamOwner } from '../../src/exchange.js';
import { type Failure, failure } from '../../src/failure.js';
import { Breaker } from '../../src/pool/breaker.js';
import { Pool } from '../../src/pool/pool.js';
import { createTimerWheel } from '../../src/time/hashed-wheel.js';

/** A connection of one place that does what an HTTP/1 one does, when the test says so. */
class FakeConnection implements UpstreamConnection {
  state: 'connecting' | 'idle' | 'busy' | 'closed' = 'connecting';
  readonly owner: UpstreamOwner;
  private retiring = false;

  constructor(owner: UpstreamOwner) {
    this.owner = owner;
  }

  get freePlaces(): number {
    return this.state === 'idle' && !this.retiring ? 1 : 0;
  }

  get usedPlaces(): number {
    return this.state === 'busy' ? 1 : 0;
  }

  place(): Place {
    if (this.freePlaces === 0) throw new Error('no place');
    this.state = 'busy';
    return { connection: this } as unknown as Place;
  }

  retire(): void {
    this.retiring = true;
    if (this.state === 'idle') this.end();
  }

  open(): void {
    this.state = 'idle';
    this.owner.opened(this);
  }

  /** The exchange on it is over. */
  free(idleHintMs = 0): void {
    if (this.retiring) {
      this.end();
      return;
    }
    this.state = 'idle';
    this.owner.freed(this, idleHintMs);
  }

  end(reason: Failure = failure('upstream-connect-failed')): void {
    this.state = 'closed';
    this.owner.gone(this, reason);
  }
}

class Waiter implements PlaceWaiter {
  got: FakeConnection | Failure | 'displaced' | undefined = undefined;

  placed(place: Place): void {
    if (this.got !== undefined) throw new Error('told twice');
    this.got = (place as unknown as { connection: FakeConnection }).connection;
  }

  unplaced(reason: Failure): void {
    if (this.got !== undefined) throw new Error('told twice');
    this.got = reason;
  }

  displaced(): void {
    if (this.got !== undefined) throw new Error('told twice');
    this.got = 'displaced';
  }
}

class Scene {
  nowMs = 1_000;
  idleTimeoutMs = 10_000;
  readonly breaker = new Breaker();
  readonly dialled: FakeConnection[] = [];
  readonly timers = createTimerWheel(() => this.nowMs);
  readonly pool = this.makePool();

  makePool(): Pool {
    return new Pool({
      dial: (owner) => {
        const connection = new FakeConnection(owner);
        this.dialled.push(connection);
        return connection;
      },
      breaker: this.breaker,
      timers: this.timers,
      clock: { nowMs: () => this.nowMs, turnMs: () => this.nowMs, wallMs: () => this.nowMs },
      idleTimeoutMs: () => this.idleTimeoutMs,
    });
  }

  acquire(pool = this.pool): Waiter {
    const waiter = new Waiter();
    pool.acquire(waiter);
    return waiter;
  }

  /** A connection that is open and busy. */
  busy(): FakeConnection {
    const waiter = this.acquire();
    this.dialled.at(-1)?.open();
    return waiter.got as FakeConnection;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.timers.advance(this.nowMs);
  }
}

void t.test('the connection used last is used again first', async (t) => {
  const scene = new Scene();
  const [a, b] = [scene.busy(), scene.busy()];
  b.free();
  a.free();
  t.equal(scene.acquire().got, a);
  t.equal(scene.acquire().got, b);
  t.equal(scene.dialled.length, 2);
});

void t.test('an idle connection is closed at its time, the sooner one first, and never used after it', async (t) => {
  const scene = new Scene();
  const [long, short, late] = [scene.busy(), scene.busy(), scene.busy()];
  long.free();
  short.free(4_000);
  t.equal(late.state, 'busy');
  scene.advance(2_900);
  t.same([long.state, short.state], ['idle', 'idle']);
  scene.advance(1_200);
  t.same(
    [long.state, short.state],
    ['idle', 'closed'],
    'a second before the server closes it, though it is not the oldest',
  );
  scene.advance(7_000);
  t.equal(long.state, 'closed');
  t.equal(scene.breaker.connections, 1);
  late.free(900);
  t.equal(late.state, 'closed', 'a hint under the margin means not at all');
  const last = scene.busy();
  last.free();
  scene.nowMs += 10_000;
  t.not(scene.acquire().got, last, 'expired, but not swept yet');
  t.equal(last.state, 'closed');
});

void t.test('a changed idle time holds for connections of the same pool', async (t) => {
  const scene = new Scene();
  const connection = scene.busy();
  scene.idleTimeoutMs = 2_000;
  connection.free();
  scene.advance(3_100);
  t.equal(connection.state, 'closed');
});

void t.test('a dial that fails fails one of those who wait', async (t) => {
  const scene = new Scene();
  const waiters = [scene.acquire(), scene.acquire()];
  scene.dialled[0].end();
  t.match(waiters[0].got, { reason: 'upstream-connect-failed' });
  t.equal(waiters[1].got, undefined);
  scene.dialled[1].open();
  t.equal(waiters[1].got, scene.dialled[1]);
});

void t.test('who waits takes what comes first: a connection freed or one opened', async (t) => {
  const scene = new Scene();
  const busy = scene.busy();
  const waiter = scene.acquire();
  busy.free();
  t.equal(waiter.got, busy);
  scene.dialled[1].open();
  t.equal(scene.acquire().got, scene.dialled[1], 'the one dialled for it serves the next');
});

void t.test('circuit breaker: connections, with one for each endpoint, and pending requests', async (t) => {
  const scene = new Scene();
  scene.breaker.configure({ maxConnections: 1, maxPendingRequests: 2 });
  const busy = scene.busy();
  const [first, second, third] = [scene.acquire(), scene.acquire(), scene.acquire()];
  t.equal(scene.dialled.length, 1);
  t.match(third.got, { reason: 'upstream-overflow' });
  const other = scene.makePool();
  scene.pool.abandon(second);
  scene.acquire(other);
  t.equal(scene.dialled.length, 2, 'an endpoint without any connection may have one');
  busy.end();
  t.equal(scene.dialled.length, 3, 'and again when it has lost it');
  t.equal(first.got, undefined);
  scene.dialled[1].end();
  t.same([scene.breaker.connections, scene.breaker.pending], [1, 1]);
});

void t.test('retired: idle connections close, busy ones when they are done, and who waits is served', async (t) => {
  const scene = new Scene();
  const [idle, busy] = [scene.busy(), scene.busy()];
  idle.free();
  const taken = scene.acquire();
  t.equal(taken.got, idle);
  idle.free();
  scene.acquire();
  const waiter = scene.acquire();
  const dialled = scene.dialled.at(-1)!;
  scene.pool.retire();
  t.equal(idle.state, 'busy');
  dialled.open();
  t.equal(waiter.got, dialled, 'a request that waited when the configuration changed is not left waiting');
  dialled.free();
  busy.free();
  idle.free();
  t.same([idle.state, busy.state, dialled.state], ['closed', 'closed', 'closed']);
  t.same([scene.breaker.connections, scene.breaker.pending], [0, 0]);
  t.ok(scene.pool.isEmpty);
});

void t.test(
  'retired: nothing is dialled any more, and whoever waits beyond what is dialled is displaced',
  async (t) => {
    const scene = new Scene();
    scene.breaker.configure({ maxConnections: 2 });
    const busy = scene.busy();
    const [dialledFor, beyond] = [scene.acquire(), scene.acquire()];
    scene.pool.retire();
    t.equal(beyond.got, 'displaced');
    t.equal(dialledFor.got, undefined);
    scene.dialled[1].end();
    t.match(dialledFor.got, { reason: 'upstream-connect-failed' });
    busy.free();
    t.equal(scene.dialled.length, 2, 'its identity and trust may be gone');
    t.ok(scene.pool.isEmpty);
  },
);

void t.test('an abandoned waiter is told nothing, its connection serves another', async (t) => {
  const scene = new Scene();
  const waiter = scene.acquire();
  scene.pool.abandon(waiter);
  scene.pool.abandon(waiter);
  scene.dialled[0].open();
  t.equal(waiter.got, undefined);
  t.equal(scene.breaker.pending, 0);
  t.equal(scene.acquire().got, scene.dialled[0]);
});

type Action = 'acquire' | 'abandon' | 'open' | 'fail' | 'free' | 'hint' | 'break' | 'retire' | 'wait';
const actions: Action[] = [
  'acquire',
  'acquire',
  'acquire',
  'abandon',
  'open',
  'open',
  'fail',
  'free',
  'free',
  'hint',
  'break',
  'retire',
  'wait',
];

void t.test('whatever happens in whatever order, counts match and nobody who waits is forgotten', async (t) => {
  const events = fc.array(fc.record({ action: fc.constantFrom(...actions), which: fc.nat(50) }), { maxLength: 60 });
  fc.assert(
    fc.property(
      events,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      (list, maxConnections, maxPendingRequests) => {
        const scene = new Scene();
        const { breaker, pool } = scene;
        breaker.configure({ maxConnections, maxPendingRequests });
        const waiters: Waiter[] = [];
        const abandoned = new Set<Waiter>();
        const waiting = (): Waiter[] => waiters.filter((one) => one.got === undefined && !abandoned.has(one));
        const inState = (state: FakeConnection['state']): FakeConnection[] =>
          scene.dialled.filter((one) => one.state === state);
        const choose = <T>(from: T[], which: number): T | undefined => from[which % Math.max(1, from.length)];
        let isRetired = false;
        for (const { action, which } of list) {
          if (action === 'acquire') {
            if (isRetired) continue;
            const waiter = new Waiter();
            waiters.push(waiter);
            pool.acquire(waiter);
          } else if (action === 'abandon') {
            const waiter = choose(waiting(), which);
            if (waiter === undefined) continue;
            abandoned.add(waiter);
            pool.abandon(waiter);
          } else if (action === 'open') choose(inState('connecting'), which)?.open();
          else if (action === 'fail') choose(inState('connecting'), which)?.end();
          else if (action === 'free') choose(inState('busy'), which)?.free();
          else if (action === 'hint') choose(inState('busy'), which)?.free(500 + 500 * which);
          else if (action === 'break') choose([...inState('busy'), ...inState('idle')], which)?.end();
          else if (action === 'wait') scene.advance(300 * which);
          else {
            isRetired = true;
            pool.retire();
          }
          const live = scene.dialled.filter(({ state }) => state !== 'closed').length;
          if (breaker.connections !== live || live > maxConnections) return false;
          if (breaker.pending !== waiting().length) return false;
          // Whoever waits has something to wait for.
          if (breaker.pending > 0 && inState('connecting').length + inState('busy').length === 0) return false;
          if (isRetired && inState('idle').length > 0) return false;
        }
        // Everything comes to its end.
        for (let i = 0; i < 200 && !pool.isEmpty; i++) {
          for (const one of inState('connecting')) one.open();
          for (const one of inState('busy')) one.free();
          scene.advance(20_000);
        }
        return pool.isEmpty && breaker.connections === 0 && breaker.pending === 0 && waiting().length === 0;
      },
    ),
    { numRuns: 2_000 },
  );
  t.pass();
});
