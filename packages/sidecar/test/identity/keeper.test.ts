import t from 'tap';
import type { Identity } from '../../src/identity/credentials.js';
import { IdentityKeeper } from '../../src/identity/keeper.js';
import { settle, TestOutside } from '../clock.js';

const HOUR = 3_600_000;

function bench(held?: (now: number) => Identity) {
  const outside = new TestOutside();
  const changes: string[] = [];
  const bench = { outside, changes, asked: 0, answer: 'ok' as 'ok' | Error };
  const keeper = new IdentityKeeper({
    obtain: async () => {
      bench.asked++;
      if (bench.answer instanceof Error) throw bench.answer;
      return identity(`certificate ${bench.asked}`, outside.now());
    },
    onChange: ({ certificateChainPem }) => changes.push(certificateChainPem),
    outside,
  });
  keeper.start(held?.(outside.now()));
  return { ...bench, keeper, set: (answer: 'ok' | Error) => (bench.answer = answer), count: () => bench.asked };
}

function identity(name: string, nowMs: number): Identity {
  return {
    spiffeId: 'spiffe://x',
    certificateChainPem: name,
    privateKeyPem: 'SECRET',
    trustPem: '',
    issuedAtMs: nowMs,
    notAfterMs: nowMs + HOUR,
  };
}

t.test('a certificate is asked for at once, and again when two thirds of its life have passed', async (t) => {
  const { outside, changes, keeper } = bench();
  await settle();
  t.same(changes, ['certificate 1']);
  t.equal(outside.nextIn(), (HOUR * 2) / 3);
  await outside.pass((HOUR * 2) / 3);
  t.same(changes, ['certificate 1', 'certificate 2']);
  t.equal(keeper.current()?.certificateChainPem, 'certificate 2');
});

t.test('renewals are spread towards the earlier', async (t) => {
  const { outside } = bench((now) => identity('held', now));
  const early = bench();
  early.outside.chance = 0.999;
  await settle();
  t.equal(outside.nextIn(), (HOUR * 2) / 3);
  t.ok(early.outside.nextIn()! < HOUR * 0.57 && early.outside.nextIn()! > HOUR * 0.56);
});

t.test('one that is on disk is used, and renewed when its own time has come', async (t) => {
  const { outside, changes, count } = bench((now) => identity('held', now - HOUR * 0.9));
  t.equal(outside.nextIn(), 1000, 'overdue, but never in a loop');
  t.equal(count(), 0);
  await outside.pass(1000);
  t.same(changes, ['certificate 1']);
});

t.test('a failed renewal is repeated after growing waits; the one in force stays', async (t) => {
  const { outside, keeper, set, count } = bench((now) => identity('held', now));
  set(new Error('UNAVAILABLE'));
  await outside.pass((HOUR * 2) / 3);
  const waits = [];
  for (let i = 0; i < 7; i++) {
    waits.push(outside.nextIn());
    await outside.pass(outside.nextIn()!);
  }
  t.same(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  t.equal(keeper.current()?.certificateChainPem, 'held');
  t.equal(outside.lines.filter((line) => line.startsWith('warn certificate not renewed')).length, 1, 'said once');
  set('ok');
  await outside.pass(15_000);
  t.equal(keeper.current()?.certificateChainPem, `certificate ${count()}`);
});

t.test('past its end that is said loudly at each try, and it is kept', async (t) => {
  const { outside, keeper, set } = bench((now) => identity('held', now));
  set(new Error('UNAVAILABLE'));
  await outside.pass(HOUR + 60_000);
  const loud = outside.lines.filter((line) => line.startsWith('error THE CERTIFICATE HAS EXPIRED'));
  t.ok(loud.length >= 3, `${loud.length} times`);
  t.equal(keeper.current()?.certificateChainPem, 'held');
});

t.test('nothing of the key is logged', async (t) => {
  const { outside } = bench();
  await settle();
  t.notMatch(outside.lines.join(), /SECRET/);
});

t.test('one on disk that has ended is used, told loudly, and replaced at once', async (t) => {
  const { outside, changes, keeper, count } = bench((now) => identity('held', now - HOUR * 2));
  t.equal(keeper.current()?.certificateChainPem, 'held');
  t.match(outside.lines, [/^error THE CERTIFICATE HAS EXPIRED: .*plain traffic goes on/]);
  t.equal(count(), 1);
  await settle();
  t.same(changes, ['certificate 1']);
});
