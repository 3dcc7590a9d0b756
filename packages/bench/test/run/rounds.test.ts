import t from 'tap';
import { readCase } from '../../src/cases/read-case.js';
import type { CaseResult, Round } from '../../src/result/bench-result.js';
import { goalLine } from '../../src/run/goal-line.js';
import { blockOrder } from '../../src/run/order.js';
import { plainPolicy, planned } from '../../src/run/plain-policy.js';
import { ratioOf } from '../../src/run/ratio.js';

const definition = readCase('pair-mtls-1k');

/** A round in which the proxies took so many µs a request. */
function round(system: string, index: number, us: number, change: Partial<Round> = {}): Round {
  const thread = {
    tid: 1,
    name: 'x',
    cpuNs: us * 1e6,
    waitNs: 0,
    userTicks: 1,
    systemTicks: 1,
    voluntarySwitches: 0,
    involuntarySwitches: 0,
  };
  return {
    system,
    index,
    position: 0,
    startedS: index,
    durationS: 1,
    valid: true,
    invalid: [],
    late: false,
    requests: 1000,
    errors: {},
    connects: 0,
    bytes: { sent: 0, received: 0 },
    latencyUs: undefined,
    latenessUs: undefined,
    processes: [{ role: 'proxy', name: 'proxy', pid: 1, rssBeforeBytes: 0, rssAfterBytes: 0, threads: [thread] }],
    cpus: [],
    memory: [],
    syscalls: undefined,
    ...change,
  };
}

function result(rounds: Round[]): CaseResult {
  const systems = ['tulle-linux', 'haproxy', 'nginx', 'envoy-mesh'].map((name) => ({
    name,
    title: name,
    version: '',
    state: 'measured' as const,
    reason: '',
    commands: [],
    files: [],
    notes: [],
    pids: [],
  }));
  const pinning = { generator: '0', server: '0', proxies: '0', nice: 0, realtime: false };
  return { definition, pinning, systems, rounds, crossChecks: [], roundsReason: '' };
}

/** Blocks of Tulle and HAProxy, the ratios as given; HAProxy drifts. */
function blocks(ratios: readonly number[]): Round[] {
  return ratios.flatMap((ratio, index) => [
    round('haproxy', index, 20 + index),
    round('tulle-linux', index, (20 + index) * ratio),
  ]);
}

t.test('blocks go forward and backward in turn', async (t) => {
  const order = [0, 1, 2].map((index) => blockOrder(['a', 'b', 'c'], index).join(''));
  t.strictSame(order, ['abc', 'cba', 'abc']);
});

t.test('a ratio is taken within a block, so that a drift of the machine does not count', async (t) => {
  const found = ratioOf(result(blocks([1.1, 1.1, 1.1, 1.1])), 'tulle-linux', 'haproxy', 'cpu-per-request');
  t.match(found, { rounds: 4 });
  for (const value of [found?.estimate, found?.low, found?.high]) t.ok(Math.abs((value ?? 0) - 1.1) < 1e-9);
});

t.test('a block counts only when both of its rounds do', async (t) => {
  const rounds = [...blocks([1, 1]), round('haproxy', 2, 50, { valid: false }), round('tulle-linux', 2, 5)];
  t.equal(ratioOf(result(rounds), 'tulle-linux', 'haproxy', 'cpu-per-request')?.rounds, 2);
  t.equal(ratioOf(result([]), 'tulle-linux', 'haproxy', 'cpu-per-request'), undefined);
});

t.test('a goal is held, missed, or not beyond the noise, as its interval says', async (t) => {
  const goal = {
    metric: 'cpu-per-request' as const,
    system: 'tulle-linux',
    against: 'haproxy',
    ratio: 1,
    limit: undefined,
  };
  t.match(goalLine(result(blocks([0.9, 0.91, 0.9, 0.89])), goal), /0\.90 \(.*\), wanted at most 1: held$/);
  t.match(goalLine(result(blocks([1.2, 1.21, 1.2, 1.19])), goal), /falls short by 20\.0 %$/);
  t.match(goalLine(result(blocks([0.8, 1.3, 0.85, 1.1, 0.9])), goal), /not beyond the noise$/);
  t.match(goalLine(result(blocks([0.9])), goal), /held, in one round$/);
  t.match(goalLine(result([]), goal), /not measured$/);
});

t.test('quick rounds are fewer and shorter, and a number that was asked for is kept to', async (t) => {
  t.match(planned(definition, { quick: true, rounds: undefined }).rounds, {
    min: 4,
    max: 4,
    seconds: 1,
    warmupRequests: 10_000,
  });
  t.match(planned(definition, { quick: false, rounds: 7 }).rounds, { min: 7, max: 7, warmupRequests: 20_000 });
});

t.test(
  'a quiet machine stops after the least rounds, a noisy one goes on until the case or the time ends it',
  async (t) => {
    let now = 0;
    const policy = plainPolicy({
      quick: false,
      rounds: undefined,
      seconds: 100,
      cases: ['pair-mtls-1k'],
      now: () => now,
    });
    const quiet = Array.from({ length: 6 }, (_, index) => 1 + (index % 2) * 0.0005);
    t.equal(policy.more(result(blocks(quiet.slice(0, 4)))).more, true, 'fewer than the case wants at least');
    t.match(policy.more(result(blocks(quiet))), { more: false, reason: /^haproxy: 6 rounds: noise of a round / });
    const noisy = Array.from({ length: 8 }, (_, index) => 1 + (index % 2) * 0.5);
    t.equal(policy.more(result(blocks(noisy))).more, true);
    now = 101;
    t.match(policy.more(result(blocks(noisy))), { more: false, reason: /^stopped when its time was over: / });
    const many = Array.from({ length: 40 }, (_, index) => 1 + (index % 2) * 0.5);
    t.match(policy.more(result(blocks(many))), { more: false, reason: /^40 rounds, the most/ });
  },
);
