import t from 'tap';
import type { ProcessUse, Round } from '../../src/result/bench-result.js';
import { figureOf, percentile } from '../../src/result/metrics.js';

function process(role: ProcessUse['role'], cpuNs: number, ticks: [user: number, system: number]): ProcessUse {
  const [userTicks, systemTicks] = ticks;
  const thread = {
    tid: 1,
    name: 'x',
    cpuNs,
    waitNs: 0,
    userTicks,
    systemTicks,
    voluntarySwitches: 30,
    involuntarySwitches: 20,
  };
  return { role, name: role, pid: 1, rssBeforeBytes: 1_000_000, rssAfterBytes: 3_000_000, threads: [thread] };
}

const round: Round = {
  system: 'x',
  index: 0,
  position: 0,
  startedS: 0,
  durationS: 2,
  valid: true,
  invalid: [],
  late: false,
  requests: 1000,
  errors: {},
  connects: 0,
  bytes: { sent: 1_000_000, received: 3_000_000 },
  latencyUs: {
    count: 4,
    min: 1,
    max: 4,
    mean: 2.5,
    buckets: [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ],
  },
  latenessUs: undefined,
  processes: [
    process('proxy', 30_000_000, [1, 2]),
    process('proxy', 10_000_000, [0, 1]),
    process('server', 9e9, [9, 9]),
  ],
  cpus: [],
  memory: [],
  syscalls: { calls: 400, requests: 100, byName: {} },
};

t.test('CPU, memory and switches are those of the proxies alone', async (t) => {
  t.equal(figureOf('cpu-per-request', round), 40);
  t.equal(figureOf('user-cpu-per-request', round), 10);
  t.equal(figureOf('system-cpu-per-request', round), 30);
  t.equal(figureOf('cpu-per-megabyte', round), 10_000);
  t.equal(figureOf('rss', round), 6_000_000);
  t.equal(figureOf('rss-per-connection', round), 4000);
  t.equal(figureOf('switches-per-request', round), 0.1);
  t.equal(figureOf('syscalls-per-request', round), 4);
  t.equal(figureOf('throughput', round), 500);
  t.equal(figureOf('megabytes-per-second', round), 2);
});

t.test('what is added is the difference to direct in the same block, and undefined without it', async (t) => {
  const direct = {
    ...round,
    latencyUs: { count: 1, min: 1, max: 1, mean: 1, buckets: [[1, 1]] as [number, number][] },
  };
  t.equal(figureOf('added-p99', round, direct), 3);
  t.equal(figureOf('added-p99', round), undefined);
});

t.test('growth is the slope of the second half of the samples, in bytes a request', async (t) => {
  const memory = [9e6, 1e6, 2e6, 2e6, 2.1e6, 2.2e6].map((rssBytes, at) => ({
    atS: at,
    requests: (at + 1) * 1000,
    rssBytes,
  }));
  t.ok(Math.abs((figureOf('rss-growth', { ...round, memory }) ?? 0) - 100) < 1e-6);
  t.equal(figureOf('rss-growth', round), undefined);
});

t.test('a figure that has nothing to count is undefined, not zero', async (t) => {
  t.equal(figureOf('cpu-per-request', { ...round, requests: 0 }), undefined);
  t.equal(figureOf('latency-p50', { ...round, latencyUs: undefined }), undefined);
  t.equal(percentile(round.latencyUs, 0.5), 2);
});
