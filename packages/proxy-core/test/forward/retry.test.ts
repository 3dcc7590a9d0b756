import t from 'tap';
import { failure, type Reason, reasons } from '../../src/failure.js';
import { backOffMs, mayRetryAnswer, mayRetryFailure, type TryFacts } from '../../src/forward/retry.js';

const facts: TryFacts = { attempts: 1, undelivered: false, method: 'POST', replayable: true, retry: undefined };

void t.test('by default only what never reached the application is sent again', async (t) => {
  const again: Partial<Record<Reason, boolean>> = {
    'no-healthy-endpoint': true,
    'upstream-connect-failed': true,
    'upstream-connect-timeout': true,
    'upstream-tls-failed': true,
    'upstream-identity-mismatch': true,
  };
  for (const reason of Object.keys(reasons) as Reason[])
    t.equal(mayRetryFailure(failure(reason), facts), again[reason] ?? false, reason);
  t.ok(mayRetryFailure(failure('upstream-reset'), { ...facts, undelivered: true }), 'a reset before a byte was taken');
  t.notOk(mayRetryFailure(failure('upstream-bad-response'), { ...facts, undelivered: true }));
});

void t.test('never beyond the attempts, never without the whole body, never where the route says 0', async (t) => {
  const failed = failure('upstream-connect-failed');
  t.ok(mayRetryFailure(failed, { ...facts, attempts: 2 }));
  t.notOk(mayRetryFailure(failed, { ...facts, attempts: 3 }), 'two further tries by default');
  t.notOk(mayRetryFailure(failed, { ...facts, replayable: false }));
  t.notOk(mayRetryFailure(failed, { ...facts, retry: { attempts: 0, on: ['reset', '5xx'] } }));
  t.ok(mayRetryFailure(failed, { ...facts, attempts: 5, retry: { attempts: 5, on: [] } }));
});

void t.test('what the route declares is repeated for idempotent methods, or for any where it says so', async (t) => {
  const reset = { attempts: 2, on: ['reset'] } as const;
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
    t.ok(mayRetryFailure(failure('upstream-reset'), { ...facts, method, retry: reset }), method);
    t.ok(mayRetryFailure(failure('request-timeout'), { ...facts, method, retry: reset }), method);
  }
  for (const method of ['POST', 'PATCH', 'CONNECT', 'get'])
    t.notOk(mayRetryFailure(failure('upstream-reset'), { ...facts, method, retry: reset }), method);
  t.ok(mayRetryFailure(failure('upstream-reset'), { ...facts, retry: { ...reset, anyMethod: true } }));
});

void t.test(
  'answers: by class where declared, and those of a peer proxy that never reached its application',
  async (t) => {
    const get = { ...facts, method: 'GET' };
    const table: [status: number, peerReason: string, on: ('5xx' | 'gateway-error')[], again: boolean][] = [
      [500, '', [], false],
      [503, '', [], false],
      [500, '', ['5xx'], true],
      [500, '', ['gateway-error'], false],
      [502, '', ['gateway-error'], true],
      [504, '', ['gateway-error'], true],
      [505, '', ['gateway-error'], false],
      [503, 'upstream-connect-failed', [], true],
      [503, 'draining', [], true],
      [502, 'upstream-reset', [], false],
      [503, 'toString', [], false],
      [503, 'made-up', [], false],
    ];
    for (const [status, peerReason, on, again] of table)
      t.equal(
        mayRetryAnswer(status, peerReason, { ...get, retry: { attempts: 2, on } }),
        again,
        `${status} ${peerReason} ${on}`,
      );
    t.notOk(mayRetryAnswer(503, 'draining', { ...get, attempts: 3 }), 'within the attempts');
  },
);

void t.test('whoever declares bad answers repeatable means those that never came too', async (t) => {
  const get = { ...facts, method: 'GET' };
  for (const on of ['5xx', 'gateway-error'] as const) {
    for (const reason of ['upstream-reset', 'request-timeout'] as const)
      t.ok(mayRetryFailure(failure(reason), { ...get, retry: { attempts: 1, on: [on] } }), `${on} ${reason}`);
  }
  t.notOk(mayRetryFailure(failure('upstream-reset'), { ...get, retry: { attempts: 1, on: ['connect-failure'] } }));
});

void t.test('waits double up to the longest', async (t) => {
  const waits = (retry: TryFacts['retry']): number[] => [1, 2, 3, 4, 5, 60].map((turn) => backOffMs(retry, turn));
  t.same(waits(undefined), [25, 75, 175, 250, 250, 250]);
  const backOff = { baseIntervalMs: 100, maxIntervalMs: 400 };
  t.same(waits({ attempts: 1, on: [], backOff }), [100, 300, 400, 400, 400, 400]);
});
