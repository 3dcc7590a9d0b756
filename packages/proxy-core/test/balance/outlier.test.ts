import fc from 'fast-check';
import t from 'tap';
import { OutlierDetector, type Suspect } from '../../src/balance/outlier.js';
import type { OutlierDetectionConfig } from '../../src/config/config.js';
import { load } from './loads.js';

function suspect(name: string): Suspect {
  return {
    ...load(name),
    serverErrors: 0,
    gatewayFailures: 0,
    localOriginFailures: 0,
    ejections: 0,
    ejectedUntilMs: 0,
  };
}

class Scene {
  readonly told: string[] = [];
  readonly detector = new OutlierDetector<Suspect>({
    ejected: (cause) => this.told.push(cause),
    restored: () => this.told.push('restored'),
  });
  readonly all: Suspect[];
  nowMs = 1_000;

  constructor(count: number, config: OutlierDetectionConfig | undefined, panicPercent?: number) {
    this.all = Array.from({ length: count }, (_, i) => suspect(String(i)));
    this.detector.configure(config, panicPercent, this.all);
  }

  answers(index: number, ...statuses: readonly number[]): void {
    for (const status of statuses) this.detector.answered(this.all[index], status, this.nowMs);
  }

  fails(index: number, times: number): void {
    for (let i = 0; i < times; i++) this.detector.failed(this.all[index], this.nowMs);
  }

  /** Seconds until it is back, looked at every 10 s. */
  secondsOut(index: number): number {
    const startMs = this.nowMs;
    while (this.all[index].ejected) {
      this.nowMs += 10_000;
      this.detector.sweep(this.nowMs);
    }
    return (this.nowMs - startMs) / 1_000;
  }

  get out(): string[] {
    return this.all.filter(({ ejected }) => ejected).map(({ key }) => key);
  }
}

void t.test('five server errors in a row, and not four, take an endpoint out', async (t) => {
  const scene = new Scene(10, {});
  scene.answers(0, 500, 500, 500, 500, 200, 501, 502, 503, 504);
  t.same(scene.out, []);
  scene.answers(0, 599);
  t.same(scene.out, ['0']);
  t.same(scene.told, ['5xx']);
});

void t.test('failures of the proxy itself count as gateway failures, unless they are split off', async (t) => {
  const together = new Scene(10, {});
  together.answers(0, 500, 500);
  together.fails(0, 3);
  t.same(together.told, ['5xx']);
  const apart = new Scene(10, { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailure: 3 });
  apart.answers(0, 500, 500, 500, 500);
  apart.fails(0, 2);
  apart.answers(1, 200);
  t.same(apart.out, [], 'neither is enough alone');
  apart.fails(0, 1);
  t.same(apart.told, ['local-origin-failure']);
  apart.fails(1, 2);
  apart.answers(1, 500);
  apart.fails(1, 2);
  t.same(apart.out, ['0'], 'an answer of whatever kind shows that it can be reached');
});

void t.test('gateway failures in a row are looked at where that is asked for', async (t) => {
  const scene = new Scene(10, { consecutiveGatewayFailure: 2, consecutive5xx: 0 });
  scene.answers(0, 502, 500, 503, 200, 504);
  t.same(scene.out, []);
  scene.answers(0, 502);
  t.same(scene.told, ['gateway-failure']);
  const off = new Scene(10, { consecutive5xx: 0 });
  off.answers(0, ...new Array<number>(50).fill(503));
  t.same(off.out, []);
});

void t.test(
  'the second ejection takes twice as long, up to the maximum, and good conduct shortens the next',
  async (t) => {
    const scene = new Scene(10, { consecutive5xx: 1, maxEjectionTimeMs: 100_000 });
    const outs: number[] = [];
    for (let i = 0; i < 5; i++) {
      scene.answers(0, 500);
      outs.push(scene.secondsOut(0));
    }
    t.same(outs, [30, 60, 90, 100, 100]);
    for (let i = 0; i < 4; i++) t.ok(scene.detector.sweep(scene.nowMs), 'there is still something to forget');
    scene.answers(0, 500);
    t.equal(scene.secondsOut(0), 60, 'of five one is left');
  },
);

void t.test('a base above the maximum is the maximum', async (t) => {
  const scene = new Scene(10, { consecutive5xx: 1, baseEjectionTimeMs: 400_000 });
  scene.answers(0, 500);
  t.equal(scene.secondsOut(0), 400);
});

void t.test('no more than the share that may be out', async (t) => {
  const config = { consecutive5xx: 1, maxEjectionPercent: 30 };
  const ten = new Scene(10, config);
  for (let i = 0; i < 10; i++) ten.answers(i, 500);
  t.same(ten.out, ['0', '1', '2']);
  ten.secondsOut(0);
  ten.answers(9, 500);
  t.ok(ten.out.includes('9'), 'one is back, so another may go');
  const three = new Scene(3, config);
  three.answers(0, 500);
  t.same(three.out, [], 'a third is more than 30 percent');
  const one = new Scene(3, { ...config, alwaysEjectOneHost: true });
  one.answers(0, 500);
  one.answers(1, 500);
  t.same(one.out, ['0']);
  const none = new Scene(3, { ...config, maxEjectionPercent: 0 });
  none.answers(0, 500);
  t.same(none.out, []);
});

void t.test('panic: fewer in service than the threshold', async (t) => {
  const scene = new Scene(4, { consecutive5xx: 1, maxEjectionPercent: 100 });
  const panics = [0, 1, 2, 3].map((i) => {
    scene.answers(i, 500);
    return scene.detector.isPanicking;
  });
  t.same(panics, [false, false, true, true], 'half is enough');
  scene.secondsOut(0);
  t.equal(scene.detector.isPanicking, false);
  const never = new Scene(1, { consecutive5xx: 1, maxEjectionPercent: 100 }, 0);
  never.answers(0, 500);
  t.same([never.out, never.detector.isPanicking], [['0'], false]);
});

void t.test('endpoints that stay stay out, those that go are forgotten', async (t) => {
  const config = { consecutive5xx: 1, maxEjectionPercent: 100 };
  const scene = new Scene(4, config);
  scene.answers(0, 500);
  scene.answers(1, 500);
  const [gone, kept] = scene.all;
  scene.detector.configure(config, undefined, [kept, scene.all[2]]);
  t.same([gone.ejected, kept.ejected], [false, true]);
  t.same(scene.told, ['5xx', '5xx', 'restored']);
  scene.detector.answered(gone, 500, scene.nowMs);
  t.notOk(gone.ejected, 'what finishes on one that is gone takes nothing out');
  scene.detector.configure(undefined, undefined, [kept]);
  t.notOk(kept.ejected);
});

void t.test('whatever happens, the bound holds, all come back, and what is told adds up', async () => {
  const step = fc.record({
    who: fc.nat(6),
    what: fc.constantFrom('ok', 'error', 'fail', 'sweep'),
    afterMs: fc.nat(20_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(100), (steps, maxEjectionPercent) => {
      const scene = new Scene(7, { consecutive5xx: 2, maxEjectionPercent });
      for (const { who, what, afterMs } of steps) {
        scene.nowMs += afterMs;
        if (what === 'sweep') scene.detector.sweep(scene.nowMs);
        else if (what === 'fail') scene.fails(who, 1);
        else scene.answers(who, what === 'ok' ? 200 : 500);
        if (100 * scene.out.length > 7 * maxEjectionPercent) return false;
      }
      for (let i = 0; i < 7; i++) scene.secondsOut(i);
      const restored = scene.told.filter((word) => word === 'restored').length;
      return !scene.detector.isPanicking && 2 * restored === scene.told.length;
    }),
    { seed: 5, numRuns: 200 },
  );
});
