// Filters as the stages call them: what they may change, what becomes of a message when one fails, and when one is switched off. The clock is the test's.
import t from 'tap';
import type { FilterConfig } from '../../src/config/config.js';
import type { FilterModule, FilterRequest, FilterResponse } from '../../src/filter/filter.js';
import { faultWindowMs, RunningFilter } from '../../src/filter/running-filter.js';
import { FilterSequence, type RequestOutcome } from '../../src/filter/sequence.js';
import type { HeadEdits } from '../../src/message/edits.js';
import { fromLatin1, Head } from '../../src/message/head.js';
import { headOf } from '../route/head-of.js';

interface Scene {
  readonly sequence: FilterSequence;
  readonly warnings: string[];
  /** `filter hook fault` of each call, and `filter off`. */
  readonly told: string[];
  wait(ms: number): void;
}

function scene(...filters: readonly (FilterModule & Partial<FilterConfig>)[]): Scene {
  let nowMs = 1_000;
  const warnings: string[] = [];
  const told: string[] = [];
  const services = { nowMs: () => nowMs, warn: (message: string) => void warnings.push(message) };
  const running = filters.map(({ onRequest, onResponse, ...config }, i) => {
    const name = config.name ?? `f${i}`;
    const meter = {
      called: (hook: string, _seconds: number, fault: string | undefined) =>
        void told.push(`${name} ${hook} ${fault ?? 'well'}`),
      notSwitchedOff: () => {},
      switchedOff: () => void told.push(`${name} off`),
    };
    return new RunningFilter({ module: '/x', ...config, name }, { onRequest, onResponse }, services, meter);
  });
  return {
    sequence: new FilterSequence(running),
    warnings,
    told,
    wait: (ms) => {
      nowMs += ms;
    },
  };
}

const request = headOf('/a?b=c', ['x-one: 1', 'X-Two: 2', 'x-two: 3']);
const ask = ({ sequence }: Scene): RequestOutcome => sequence.onRequest(request, 'spiffe://x/client', 'all');
const text = ({ remove, append }: HeadEdits): { remove: string[]; append: string } => ({
  remove: remove.map((name) => Buffer.from(name).toString('latin1')),
  append: append.map((line) => Buffer.from(line).toString('latin1')).join(''),
});
const editsOf = (outcome: { kind: string; edits?: HeadEdits }): unknown => outcome.edits && text(outcome.edits);

void t.test('a filter sees the request as it was routed', async (t) => {
  const it = scene({
    onRequest(seen, options) {
      t.same(options, { of: 'the filter' });
      const { method, path, query, authority, peerUri, route } = seen;
      t.same(
        { method, path, query, authority, peerUri, route },
        {
          method: 'GET',
          path: '/a',
          query: '?b=c',
          authority: 'server.test',
          peerUri: 'spiffe://x/client',
          route: 'all',
        },
      );
      t.equal(seen.header('X-ONE'), '1');
      t.equal(seen.header('x-two'), '2, 3');
      t.equal(seen.header('host'), 'server.test');
      t.equal(seen.header('x-none'), undefined);
    },
    options: { of: 'the filter' },
  });
  t.same(editsOf(ask(it)), { remove: [], append: '' });
  t.same(it.told, ['f0 onRequest well']);
});

void t.test('each filter sees what the ones before it changed; answers come in the opposite order', async (t) => {
  const seen: (string | undefined)[] = [];
  const it = scene(
    {
      onRequest(request) {
        request.setHeader('X-Two', 'new');
        request.addHeader('x-added', 'a');
        request.removeHeader('x-one');
      },
      onResponse: (response) => void seen.push(response.header('x-order')),
    },
    {
      onRequest(request) {
        seen.push(request.header('x-one'), request.header('x-two'), request.header('x-added'));
        request.addHeader('x-added', 'b');
        request.setHeader('x-two', 'newest');
      },
      onResponse: (response) =>
        response.setHeader('x-order', `${response.status} to ${response.method} ${response.path}`),
    },
  );
  t.same(editsOf(ask(it)), { remove: ['x-two', 'x-one'], append: 'x-added: a\r\nx-added: b\r\nx-two: newest\r\n' });
  const answer = new Head(1);
  answer.status = 204;
  t.same(editsOf(it.sequence.onResponse(answer, request)), {
    remove: ['x-order'],
    append: 'x-order: 204 to GET /a\r\n',
  });
  t.same(seen, [undefined, 'new', 'a', '204 to GET /a']);
});

void t.test('what frames a message, says where it goes or speaks for a proxy is not for filters', async (t) => {
  const names = [
    'Content-Length',
    'transfer-encoding',
    'Host',
    'connection',
    'upgrade',
    'content_length',
    'x-tulle-reason',
    'X-Forwarded-Client-Cert',
    'x forwarded',
    'x:y',
    '',
  ];
  for (const name of names) {
    const calls: ((request: FilterRequest) => void)[] = [
      (request) => request.setHeader(name, '1'),
      (request) => request.addHeader(name, '1'),
      (request) => request.removeHeader(name),
      (request) => request.answer(200, '', { [name]: '1' }),
    ];
    for (const onRequest of calls) t.equal(ask(scene({ onRequest })).kind, 'failed', name);
  }
  for (const value of ['a\r\nb: c', 'a\nb', '\0', '\u2028', 5 as unknown as string]) {
    t.equal(
      ask(scene({ onRequest: (request) => request.setHeader('x-a', value) })).kind,
      'failed',
      encodeURIComponent(String(value)),
    );
  }
  for (const status of [199, 600, 200.5, '200' as unknown as number]) {
    t.equal(ask(scene({ onRequest: (request) => request.answer(status) })).kind, 'failed', String(status));
  }
});

void t.test('an answer ends it: later filters are not called', async (t) => {
  const it = scene(
    { name: 'gate', onRequest: (request) => request.answer(403, 'no\n', { 'X-Why': 'because' }) },
    { onRequest: () => t.fail('not reached') },
  );
  const outcome = ask(it);
  if (outcome.kind !== 'answer') return void t.fail(outcome.kind);
  t.equal(outcome.filter, 'gate');
  t.equal(outcome.answer.status, 403);
  t.same(text({ path: undefined, authority: undefined, remove: [], append: outcome.answer.fields }), {
    remove: [],
    append: 'x-why: because\r\ncontent-type: text/plain; charset=utf-8\r\n',
  });
  t.equal(Buffer.from(outcome.answer.body).toString(), 'no\n');
});

void t.test('a filter that throws refuses the message, or is as if it were not there', async (t) => {
  const first = { onRequest: (request: FilterRequest) => request.addHeader('x-first', '1') };
  const bad = {
    onRequest(request: FilterRequest) {
      request.addHeader('x-half', '1');
      request.answer(200);
      throw new Error('a defect');
    },
    onResponse(_response: FilterResponse): void {
      throw new Error('another');
    },
  };
  const closed = scene(first, bad);
  t.match(ask(closed), { kind: 'failed', failure: { reason: 'filter-failed', detail: 'filter f1' } });
  t.match(closed.warnings, ['filter f1: onRequest threw Error: a defect']);
  t.match(closed.sequence.onResponse(new Head(1), request), { kind: 'failed', failure: { reason: 'filter-failed' } });
  const open = scene(first, { ...bad, onFault: 'open' });
  t.same(editsOf(ask(open)), { remove: [], append: 'x-first: 1\r\n' });
  t.same(editsOf(open.sequence.onResponse(new Head(1), request)), { remove: [], append: '' });
  t.same(open.told, ['f0 onRequest well', 'f1 onRequest error', 'f1 onResponse error']);
});

void t.test('a filter cannot wait: a promise is an error, and its rejection goes nowhere', async (t) => {
  const onRequest = (() => Promise.reject(new Error('later'))) as unknown as () => void;
  const it = scene({ onRequest });
  t.equal(ask(it).kind, 'failed');
  t.match(it.warnings, [/returned a promise; a filter cannot wait/]);
  await new Promise(setImmediate);
});

void t.test('over its budget what it did stands, and is counted', async (t) => {
  const it: Scene = scene({
    budgetMs: 5,
    onRequest(request) {
      request.addHeader('x-slow', '1');
      it.wait(request.header('x-one') === '1' ? 5.001 : 5);
    },
  });
  t.same(editsOf(ask(it)), { remove: [], append: 'x-slow: 1\r\n' });
  t.same(it.told, ['f0 onRequest over-budget']);
  t.same(it.warnings, [], 'single late calls happen, and are not worth a sentence');
  t.equal(it.sequence.onRequest(headOf('/'), '', '').kind, 'pass');
  t.same(it.told, ['f0 onRequest over-budget', 'f0 onRequest well'], 'exactly the budget is within it');
});

void t.test('too many faults within a minute switch it off for good; spread over more, they do not', async (t) => {
  for (const onFault of ['closed', 'open'] as const) {
    let calls = 0;
    const it = scene({
      maxFaults: 3,
      onFault,
      onRequest() {
        calls++;
        throw new Error('a defect');
      },
      onResponse: () => void calls++,
    });
    for (let i = 0; i < 2; i++) ask(it);
    it.wait(faultWindowMs);
    for (let i = 0; i < 2; i++) ask(it);
    t.notOk(it.told.includes('f0 off'), 'two a minute');
    ask(it);
    t.ok(it.told.includes('f0 off'));
    t.match(
      it.warnings.at(-1),
      onFault === 'open' ? /switched off after 3 faults.*pass without it/ : /requests are refused/,
    );
    t.equal(it.warnings.length, 3, 'one sentence a minute, and the last');
    it.wait(10 * faultWindowMs);
    t.equal(ask(it).kind, onFault === 'open' ? 'pass' : 'failed');
    t.equal(it.sequence.onResponse(new Head(1), request).kind, onFault === 'open' ? 'pass' : 'failed');
    t.equal(calls, 5, 'not called any more');
  }
});

void t.test('faults that are less than half of the calls do not take the filter from everybody else', async (t) => {
  const it = scene({
    maxFaults: 3,
    onRequest(request) {
      if (request.header('x-one') !== undefined) throw new Error('stumbled');
    },
  });
  const innocent = headOf('/');
  for (let i = 0; i < 10; i++) {
    t.equal(it.sequence.onRequest(innocent, '', '').kind, 'pass');
    t.equal(it.sequence.onRequest(innocent, '', '').kind, 'pass');
    t.equal(ask(it).kind, 'failed');
  }
  t.notOk(it.told.includes('f0 off'));
  for (let i = 0; i < 10; i++) ask(it);
  t.ok(it.told.includes('f0 off'), 'half of them');
});

void t.test('what a filter removes under any spelling is removed by the codec', async (t) => {
  const outcome = ask(scene({ onRequest: (request) => request.removeHeader('X-TWO') }));
  if (outcome.kind !== 'pass') return void t.fail(outcome.kind);
  const [name] = outcome.edits.remove;
  t.same(name, fromLatin1('x-two'));
  t.equal(request.findName(name), request.findName(fromLatin1('x-two')));
});

void t.test('a filter may throw what has no text', async (t) => {
  const it = scene({
    onRequest() {
      throw Object.create(null);
    },
  });
  t.equal(ask(it).kind, 'failed');
  t.match(it.warnings, ['filter f0: onRequest threw what cannot be told']);
});
