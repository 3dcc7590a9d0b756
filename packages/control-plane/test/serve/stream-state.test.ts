import t from 'tap';
import { MAX_ANSWER_WAIT_MS, MAX_SUBSCRIBED_NAMES } from '../../src/serve/limits.js';
import { Bench } from './stream-client.js';

t.test('nothing is sent before there is a snapshot, and then all that was asked for, in order', async (t) => {
  const bench = new Bench();
  for (const type of ['lds', 'cds'] as const) t.equal(bench.request(type), 'subscribe');
  bench.request('rds', ['r']);
  bench.request('eds', ['a', 'missing']);
  t.same(bench.poll(), []);
  bench.set({ cds: { a: '1', b: '1' }, eds: { a: '1', b: '1' }, lds: { l: '1' }, rds: { r: '1', s: '1' } });
  t.same(bench.poll(), ['cds a=1 b=1', 'eds a=1', 'lds l=1', 'rds r=1']);
  t.same(bench.poll(), [], 'once');
});

t.test('a type without resources is answered too', async (t) => {
  const bench = new Bench();
  bench.set({});
  bench.request('sds', ['identity']);
  t.same(bench.poll(), ['sds']);
});

t.test('an acknowledgement is answered by nothing', async (t) => {
  const bench = new Bench();
  bench.set({ cds: { a: '1' } });
  bench.request('cds');
  bench.poll();
  t.equal(bench.ack('cds'), 'ack');
  t.same(bench.poll(), []);
  t.match(bench.state.report(), { cds: { sent: 1, acked: 1, nacked: 0, version: 'a:1', ackedVersion: 'a:1' } });
});

t.test('a refusal is kept with its reason, and the same content is not repeated', async (t) => {
  const bench = new Bench();
  bench.set({ cds: { a: '1' } });
  bench.request('cds');
  bench.poll();
  t.equal(bench.ack('cds', [], 'cluster "a": lb_policy: MAGLEV is not supported'), 'nack');
  t.same(bench.poll(), []);
  bench.set({ cds: { a: '1' }, lds: { l: '1' } });
  t.same(bench.poll(), [], 'also when something else changes');
  t.match(bench.state.report(), { cds: { nacked: 1, ackedVersion: undefined, error: /MAGLEV/ } });
  bench.set({ cds: { a: '2' } });
  t.same(bench.poll(), ['cds a=2']);
  t.match(bench.state.report(), { cds: { error: /MAGLEV/ } }, 'it stands until something newer is accepted');
  bench.ack('cds');
  t.match(bench.state.report(), { cds: { error: undefined, ackedVersion: 'a:2', acked: 1, nacked: 1 } });
});

t.test('a request with an older nonce is ignored, with all it says', async (t) => {
  const bench = new Bench();
  bench.set({ eds: { a: '1', b: '1' } });
  bench.request('eds', ['a']);
  bench.poll();
  const old = bench.last.get('eds')!.nonce;
  bench.ack('eds', ['a']);
  bench.set({ eds: { a: '2', b: '1' } });
  t.same(bench.poll(), ['eds a=2']);
  t.equal(bench.request('eds', ['a', 'b'], old), 'stale');
  t.equal(bench.request('eds', ['a', 'b'], old, 'an error'), 'stale');
  t.same(bench.poll(), []);
  t.match(bench.state.report(), { eds: { nacked: 0, error: undefined } });
});

t.test('the nonce of an earlier stream is no answer', async (t) => {
  const bench = new Bench();
  bench.set({ cds: { a: '1' } });
  t.equal(bench.request('cds', [], '17'), 'subscribe');
  t.same(bench.poll(), ['cds a=1']);
});

t.test('a request without a nonce is answered again', async (t) => {
  const bench = new Bench();
  bench.set({ cds: { a: '1' } });
  bench.request('cds');
  bench.poll();
  t.equal(bench.request('cds'), 'subscribe');
  t.same(bench.poll(), ['cds a=1']);
});

t.test('new names are answered at once, fewer names with nothing', async (t) => {
  const bench = new Bench();
  bench.set({ rds: { a: '1', b: '1', c: '1' } });
  bench.request('rds', ['a']);
  t.same(bench.poll(), ['rds a=1']);
  bench.ack('rds', ['a', 'b']);
  t.same(bench.poll(), ['rds a=1 b=1']);
  t.equal(bench.ack('rds', ['b']), 'ack');
  t.same(bench.poll(), []);
  bench.set({ rds: { a: '2', b: '1', c: '2' } });
  t.same(bench.poll(), [], 'what is not wanted any more is not pushed');
  bench.set({ rds: { b: '2' } });
  t.same(bench.poll(), ['rds b=2']);
  bench.ack('rds', []);
  bench.set({ rds: { b: '3' } });
  t.same(bench.poll(), [], 'no names: nothing');
});

t.test('listeners and clusters: all by no name, some by name, all again by a star', async (t) => {
  const bench = new Bench();
  bench.set({ lds: { a: '1', b: '1' } });
  bench.request('lds');
  t.same(bench.poll(), ['lds a=1 b=1']);
  bench.ack('lds');
  t.same(bench.poll(), []);
  bench.ack('lds', ['a']);
  t.same(bench.poll(), ['lds a=1']);
  bench.ack('lds', ['a', '*']);
  t.same(bench.poll(), ['lds a=1 b=1']);
  bench.ack('lds', []);
  bench.set({ lds: { a: '2', b: '2' } });
  t.same(bench.poll(), [], 'after names were given, no name means nothing');
});

t.test('only the types that changed are pushed', async (t) => {
  const bench = new Bench();
  const content = { cds: { a: '1' }, eds: { a: '1' }, lds: { l: '1' }, rds: { r: '1' } };
  bench.set(content);
  bench.request('cds');
  bench.request('eds', ['a']);
  bench.request('lds');
  bench.request('rds', ['r']);
  bench.poll();
  bench.ack('cds');
  bench.ack('eds', ['a']);
  bench.ack('lds');
  bench.ack('rds', ['r']);
  bench.set({ ...content, eds: { a: '2' } });
  t.same(bench.poll(), ['eds a=2']);
});

/** A sidecar that has taken one cluster, its endpoints, one listener and one route. */
function settled(): Bench {
  const bench = new Bench();
  bench.set({ cds: { a: '1' }, eds: { a: '1' }, lds: { l: 'a' }, rds: { r: 'a' } });
  bench.request('cds');
  bench.request('eds', ['a']);
  bench.request('lds');
  bench.request('rds', ['r']);
  bench.poll();
  bench.ack('cds');
  bench.ack('eds', ['a']);
  bench.ack('lds');
  bench.ack('rds', ['r']);
  return bench;
}

t.test('make before break: a route moves to a new cluster, step by step', async (t) => {
  const bench = settled();
  bench.set({ cds: { b: '1' }, eds: { b: '1' }, lds: { l: 'a' }, rds: { r: 'b' } });
  t.same(bench.poll(), ['cds a=1 b=1'], 'the new cluster beside the old');
  t.equal(bench.last.get('cds')!.version, 'b:1+1');
  bench.ack('cds');
  t.same(bench.poll(), [], 'its endpoints are not asked for yet');
  bench.ack('eds', ['a', 'b']);
  t.same(bench.poll(), ['eds a=1 b=1']);
  t.same(bench.poll(), []);
  bench.ack('eds', ['a', 'b']);
  t.same(bench.poll(), ['rds r=b'], 'now the route may move');
  t.same(bench.poll(), []);
  bench.ack('rds', ['r']);
  t.same(bench.poll(), ['cds b=1', 'eds b=1'], 'and now the old cluster may go');
  t.equal(bench.last.get('cds')!.version, 'b:1');
});

t.test('a cluster stays as long as the sidecar refuses the routes without it', async (t) => {
  const bench = settled();
  bench.set({ cds: {}, eds: {}, lds: { l: 'a' }, rds: { r: 'x' } });
  t.same(bench.poll(), ['rds r=x']);
  bench.ack('rds', ['r'], 'no');
  t.same(bench.poll(), []);
  bench.set({ cds: {}, eds: {}, lds: { l: 'a' }, rds: { r: 'y' } });
  t.same(bench.poll(), ['rds r=y']);
  bench.ack('rds', ['r']);
  t.same(bench.poll(), ['cds', 'eds']);
});

t.test('a sidecar that does not answer is waited for, but not for ever', async (t) => {
  const bench = settled();
  bench.set({ cds: { a: '2' }, eds: { a: '1' }, lds: { l: 'b' }, rds: { r: 'b' } });
  t.same(bench.poll(), ['cds a=2']);
  t.equal(bench.wakeAt, bench.now + MAX_ANSWER_WAIT_MS);
  bench.set({ cds: { a: '3' }, eds: { a: '1' }, lds: { l: 'b' }, rds: { r: 'b' } });
  bench.now = bench.wakeAt! - 1;
  t.same(bench.poll(), [], 'one response of a type on the way');
  bench.now = bench.wakeAt!;
  t.same(bench.poll(), ['cds a=3']);
  bench.now = bench.wakeAt!;
  t.same(bench.poll(), ['lds l=b', 'rds r=b']);
});

t.test('a cluster that the sidecar refuses does not hold the other types', async (t) => {
  const bench = settled();
  bench.set({ cds: { a: '2' }, eds: { a: '1' }, lds: { l: 'a' }, rds: { r: 'b' } });
  bench.poll();
  bench.ack('cds', [], 'no');
  t.same(bench.poll(), ['rds r=b']);
});

t.test('too many names are refused', async (t) => {
  t.equal(new Bench().request('eds', new Array(MAX_SUBSCRIBED_NAMES + 1).fill('a')), 'overflow');
});
