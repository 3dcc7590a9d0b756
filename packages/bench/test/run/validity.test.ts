import t from 'tap';
import type { RunFigures } from '../../src/agents/protocol.js';
import { Histogram } from '../../src/load/histogram.js';
import { judgeRound, type ProxyFate } from '../../src/run/validity.js';

const figures: RunFigures = {
  requests: 1000,
  durationS: 1,
  errors: {},
  examples: {},
  connects: 0,
  bytes: { sent: 0, received: 1_024_000 },
  latencyUs: undefined,
  latenessUs: undefined,
};
const alive: ProxyFate = {
  name: 'client-side',
  before: ['7@100', '8@101'],
  after: ['8@101', '7@100'],
  ended: undefined,
};

function lateness(us: number): RunFigures['latenessUs'] {
  const histogram = new Histogram();
  for (let index = 0; index < 100; index++) histogram.record(us);
  return histogram.sparse();
}

t.test('a round without a fault counts', async (t) => {
  t.strictSame(judgeRound({ figures, proxies: [alive], expectedRequests: undefined }), {
    valid: true,
    invalid: [],
    late: false,
  });
});

const faults: [
  name: string,
  figures: Partial<RunFigures>,
  proxies: ProxyFate[],
  expected: number | undefined,
  reason: RegExp,
][] = [
  [
    'one failed request',
    { errors: { status: 1 }, examples: { status: '503' } },
    [alive],
    undefined,
    /^1 request failed \(1 status\): "503"$/,
  ],
  [
    'a proxy that died',
    {},
    [{ ...alive, after: [], ended: 'was killed by SIGKILL' }],
    undefined,
    /^client-side was killed by SIGKILL$/,
  ],
  [
    'a worker that was replaced',
    {},
    [{ ...alive, after: ['7@100', '9@200'] }],
    undefined,
    /is not the same process any more: .*8@101 became .*9@200/,
  ],
  [
    'an id that another process has now',
    {},
    [{ ...alive, after: ['7@100', '8@555'] }],
    undefined,
    /not the same process/,
  ],
  ['a process more', {}, [{ ...alive, after: [...alive.before, '9@1'] }], undefined, /not the same process/],
  ['no answer at all', { requests: 0 }, [alive], undefined, /^no request was answered$/],
  ['fewer answers than asked for', {}, [alive], 1001, /^1000 requests were answered, 1001 were asked for$/],
];
for (const [name, change, proxies, expectedRequests, reason] of faults) {
  t.test(`${name} makes a round invalid, and the reason says so`, async (t) => {
    const verdict = judgeRound({ figures: { ...figures, ...change }, proxies, expectedRequests });
    t.match(verdict, { valid: false, late: false });
    t.equal(verdict.invalid.length, 1);
    t.match(verdict.invalid[0], reason);
  });
}

t.test('a late generator spoils the round and nothing else', async (t) => {
  const late = { ...figures, latenessUs: lateness(1001) };
  t.match(judgeRound({ figures: late, proxies: [alive], expectedRequests: undefined }), {
    valid: false,
    late: true,
    invalid: [/^the generator was late: p99 1001 µs .* allowed are 1000 µs$/],
  });
  t.equal(
    judgeRound({ figures: { ...figures, latenessUs: lateness(1000) }, proxies: [], expectedRequests: undefined }).valid,
    true,
  );
});

t.test('an error in a late round is an error', async (t) => {
  const both = { ...figures, latenessUs: lateness(5000), errors: { hash: 2 } };
  const verdict = judgeRound({ figures: both, proxies: [alive], expectedRequests: undefined });
  t.match(verdict, { valid: false, late: false });
  t.equal(verdict.invalid.length, 2);
});
