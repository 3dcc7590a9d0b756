import t from 'tap';
import { readCase } from '../../src/cases/read-case.js';
import { canCrossCheck, readAutocannon, readH2load, readWrk } from '../../src/run/cross-check.js';

t.test('wrk: answers and time; every kind of error counts', async (t) => {
  const good =
    'Running 2s test\n  1 threads and 16 connections\n  48642 requests in 2.01s, 52.75MB read\nRequests/sec:  24191.22\n';
  t.strictSame(readWrk(good), { requests: 48_642, durationS: 2.01, errors: 0 });
  const bad = `${good}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n`;
  t.equal(readWrk(bad).errors, 15);
  t.throws(() => readWrk('unable to connect'), /no report of wrk/);
});

t.test('h2load: what is out at the end is no error, another status is one', async (t) => {
  const good = `finished in 2.00s, 24000.00 req/s, 25.00MB/s
requests: 48010 total, 48016 started, 48000 done, 48000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 48000 2xx, 0 3xx, 0 4xx, 0 5xx
`;
  t.strictSame(readH2load(good), { requests: 48_000, durationS: 2, errors: 0 });
  t.equal(readH2load(good.replace('0 5xx', '7 5xx')).errors, 7);
  t.equal(readH2load(good.replace('0 errored', '3 errored')).errors, 3);
  t.throws(() => readH2load(''), /no report of h2load/);
});

t.test('autocannon: answers and time of its JSON', async (t) => {
  const report = { requests: { total: 1000 }, duration: 2.02, errors: 1, timeouts: 2, non2xx: 3 };
  t.strictSame(readAutocannon(JSON.stringify(report)), { requests: 1000, durationS: 2.02, errors: 6 });
});

t.test('others can do what is kept, plain towards the generator and without bodies', async (t) => {
  const names = ['pair-mtls-1k', 'hop-new-connections', 'pair-mtls-1mb-up', 'open-1000-mtls', 'tcp-bulk'];
  t.strictSame(
    names.filter((name) => canCrossCheck(readCase(name))),
    ['pair-mtls-1k'],
  );
});
