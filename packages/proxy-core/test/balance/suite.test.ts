/** What every balancer must do, asked of all of them. */
import v8 from 'node:v8';
import fc from 'fast-check';
import t from 'tap';
import { type BalancerSettings, isSameBalancer, makePicker } from '../../src/balance/balancers.js';
import { pickEndpoint } from '../../src/balance/picker.js';
import { hashText } from '../../src/message/hash.js';
import { load, loads, type Named, seeded } from './loads.js';

const balancers: Record<string, { readonly settings: BalancerSettings; readonly evenness: number }> = {
  // `evenness`: how far a share of 40,000 picks may be from what its weight makes due.
  p2c: { settings: { balancer: 'p2c' }, evenness: 0.05 },
  'least-request': { settings: { balancer: 'least-request' }, evenness: 0.05 },
  'least-request of 2': { settings: { balancer: 'least-request', leastRequest: { choiceCount: 2 } }, evenness: 0.05 },
  'round-robin': { settings: { balancer: 'round-robin' }, evenness: 0.001 },
  'ring-hash': { settings: { balancer: 'ring-hash', ringHash: { minimumRingSize: 4_096 } }, evenness: 0.1 },
  maglev: { settings: { balancer: 'maglev' }, evenness: 0.05 },
};

/** Tables that are made quickly. */
const small = { ringHash: { minimumRingSize: 1, maximumRingSize: 100 }, maglev: { tableSize: 101 } };

/** How often each is chosen, over what its weight makes due. */
function shares(all: readonly Named[], chosen: ReadonlyMap<Named, number>): number[] {
  const weights = all.reduce((sum, { weight }) => sum + weight, 0);
  const picks = [...chosen.values()].reduce((sum, count) => sum + count, 0);
  return all.map((one) => (chosen.get(one) ?? 0) / ((picks * one.weight) / weights));
}

for (const [name, { settings, evenness }] of Object.entries(balancers)) {
  const pickOf = (
    all: readonly Named[],
    tried: readonly Named[],
    random: () => number,
    isPanicking = false,
  ): Named | undefined =>
    pickEndpoint(
      makePicker({ ...settings, ...small }, all),
      isPanicking,
      tried,
      1_000,
      random,
      hashText(String(random())),
    );

  void t.test(`${name}: first who is in service and untried, then who is avoided, ejected, tried`, async (t) => {
    const fact = fc.record({ tried: fc.boolean(), avoided: fc.boolean(), ejected: fc.boolean(), active: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(fact, { minLength: 1, maxLength: 7 }), fc.boolean(), fc.nat(), (facts, panics, seed) => {
        const all = facts.map(({ avoided, ejected, active }, i) =>
          load(String(i), { active, ejected, weight: 1 + (i % 3), avoidUntilMs: avoided ? 2_000 : 0 }),
        );
        const tried = all.filter((_, i) => facts[i].tried);
        const chosen = pickOf(all, tried, seeded(seed), panics);
        const inService = (one: Named): boolean => panics || !one.ejected;
        const untried = all.filter((one) => !tried.includes(one));
        const ranks = [
          untried.filter((one) => inService(one) && one.avoidUntilMs <= 1_000),
          untried.filter(inService),
          untried,
          all,
        ];
        const best = ranks.find(({ length }) => length > 0);
        return chosen !== undefined && best?.includes(chosen) === true;
      }),
      { seed: 1, numRuns: 300 },
    );
    t.equal(pickOf([], [], seeded(1)), undefined, 'nothing out of nothing');
  });

  void t.test(`${name}: weights are heeded, whatever else is out of service`, async (t) => {
    const random = seeded(7);
    const all = loads(1, 2, 3, 4);
    const out = load('10.0.0.9:8080', { weight: 5, ejected: true });
    for (const endpoints of [all, [all[0], out, ...all.slice(1)]]) {
      const picker = makePicker(settings, endpoints);
      const chosen = new Map<Named, number>();
      for (let i = 0; i < 40_000; i++) {
        const one = pickEndpoint(picker, false, [], 1_000, random, hashText(`key ${i}`));
        if (one !== undefined) chosen.set(one, (chosen.get(one) ?? 0) + 1);
      }
      for (const share of shares(all, chosen)) t.ok(Math.abs(share - 1) <= evenness, `${share}`);
      t.equal(chosen.has(out), false);
    }
  });

  void t.test(`${name}: weights are heeded under load too`, async (t) => {
    const random = seeded(8);
    const all = loads(1, 1, 2, 4);
    const picker = makePicker(settings, all);
    const chosen = new Map<Named, number>();
    const underWay: Named[] = [];
    for (let i = 0; i < 40_000; i++) {
      const one = pickEndpoint(picker, false, [], 1_000, random, hashText(`key ${i}`))!;
      chosen.set(one, (chosen.get(one) ?? 0) + 1);
      one.active++;
      underWay.push(one);
      // Answers come in any order, and 64 requests are always under way.
      if (underWay.length > 64) underWay.splice(Math.floor(random() * underWay.length), 1)[0].active--;
    }
    for (const share of shares(all, chosen)) t.ok(Math.abs(share - 1) <= Math.max(evenness, 0.05), `${share}`);
  });

  void t.test(`${name}: a pick allocates nothing`, async (t) => {
    const picker = makePicker(settings, loads(1, 2, 3, 4, 5, 6, 7, 8));
    // A number with a fraction is boxed when a function hands it back, unless it is a constant: that is the engine's, not the picker's.
    const random = (): number => 0.25;
    const untried: Named[] = [];
    const picks = (count: number): void => {
      for (let i = 0; i < count; i++) pickEndpoint(picker, false, untried, 1_000, random, i);
    };
    picks(200_000);
    // A garbage collection in between makes the heap smaller, and code that is not compiled yet allocates: then it is measured again.
    let grown = -1;
    for (let rounds = 0; rounds < 100 && (grown < 0 || grown > 2 * 20_000); rounds++) {
      const before = v8.getHeapStatistics().used_heap_size;
      picks(20_000);
      grown = v8.getHeapStatistics().used_heap_size - before;
    }
    t.ok(grown >= 0 && grown / 20_000 <= 2, `${grown / 20_000} bytes a pick`);
  });
}

/** How many of the keys belong to another endpoint in the second picker than in the first, of those that need not. */
function moved(settings: BalancerSettings, before: readonly Named[], after: readonly Named[]): number {
  const [first, second] = [before, after].map((all) => makePicker(settings, all));
  let count = 0;
  for (let i = 0; i < keys; i++) {
    const hash = hashText(`user-${i}`);
    const was = first.pick(0, [], 0, Math.random, hash);
    const is = second.pick(0, [], 0, Math.random, hash);
    if (was !== is) count++;
  }
  return count / keys;
}

const keys = 20_000;

for (const name of ['ring-hash', 'maglev'] as const) {
  const settings = { balancer: name };
  void t.test(`${name}: an endpoint that comes or goes moves about its share of the keys`, async (t) => {
    const all = loads(...new Array<number>(10).fill(1));
    for (const gone of [0, 4, 9]) {
      const rest = all.filter((_, i) => i !== gone);
      const share = moved(settings, all, rest);
      t.ok(share > 0.06 && share < 0.14, `gone: ${share} of the keys`);
      t.equal(moved(settings, rest, all), share, 'it gets them back');
    }
  });

  void t.test(`${name}: an endpoint out of service moves its own keys, and spreads them`, async (t) => {
    const all = loads(...new Array<number>(5).fill(1));
    const picker = makePicker(settings, all);
    const [out] = all;
    const before = Array.from({ length: keys }, (_, i) =>
      pickEndpoint(picker, false, [], 0, Math.random, hashText(`k${i}`)),
    );
    out.ejected = true;
    const got = new Map<Named, number>();
    for (const [i, was] of before.entries()) {
      const is = pickEndpoint(picker, false, [], 0, Math.random, hashText(`k${i}`))!;
      if (was !== out) {
        if (was !== is) return t.fail(`key ${i} moved without need`);
      } else got.set(is, (got.get(is) ?? 0) + 1);
    }
    const due = before.filter((one) => one === out).length / 4;
    for (const one of all.slice(1))
      t.ok(got.get(one)! > due * 0.5 && got.get(one)! < due * 1.6, `${got.get(one)} of ${due}`);
  });

  void t.test(
    `${name}: the order of the endpoints does not matter, and a request without key goes anywhere`,
    async (t) => {
      const all = loads(3, 1, 2);
      t.equal(moved(settings, all, [...all].reverse()), 0);
      const picker = makePicker(settings, all);
      const random = seeded(3);
      t.equal(new Set(Array.from({ length: 100 }, () => picker.pick(0, [], 0, random, -1))).size, 3);
    },
  );
}

void t.test('a ring is as large as the least weight needs, within its bounds', async (t) => {
  const owners = (settings: BalancerSettings['ringHash'], all: readonly Named[]): number =>
    (makePicker({ balancer: 'ring-hash', ringHash: settings }, all) as unknown as { owners: Uint32Array }).owners
      .length;
  t.equal(owners({}, loads(1)), 1_024);
  t.equal(owners({}, loads(7, 7, 7)), 1_536);
  t.equal(owners({ minimumRingSize: 10_000 }, loads(1, 1, 1)), 10_752, 'whole multiples');
  t.equal(owners({}, loads(2, 6)), 2_048);
  t.equal(owners({ minimumRingSize: 10, maximumRingSize: 50 }, loads(1, 199)), 50, 'everybody has one');
  t.equal(owners({}, loads(...new Array<number>(200).fill(3))), 16_200, 'never past the bound');
});

void t.test('maglev: a table too small for all endpoints is gone round once, not for ever', async (t) => {
  const all = loads(1, 1, 1, 1, 1);
  const picker = makePicker({ balancer: 'maglev', maglev: { tableSize: 3 } }, all);
  const owners = new Set<Named>();
  for (let hash = 0; hash < 100; hash++) {
    const owner = picker.pick(0, [], 0, seeded(1), hash);
    if (owner !== undefined) owners.add(owner);
  }
  t.equal(owners.size, 3);
  t.ok(owners.has(pickEndpoint(picker, false, [...owners], 0, seeded(1), 7) as Named), 'one of those with a slot');
});

void t.test('settings are the same when their values are', async (t) => {
  const ring = { balancer: 'ring-hash', ringHash: { minimumRingSize: 5 } } as const;
  t.ok(isSameBalancer(ring, { balancer: 'ring-hash', ringHash: { minimumRingSize: 5 } }));
  t.notOk(isSameBalancer(ring, { balancer: 'ring-hash', ringHash: { minimumRingSize: 6 } }));
  t.notOk(isSameBalancer({ balancer: 'maglev' }, { balancer: 'maglev', maglev: { tableSize: 7 } }));
  t.notOk(isSameBalancer({ balancer: 'p2c' }, { balancer: 'maglev' }));
});
