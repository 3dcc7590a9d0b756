import t from 'tap';
import { BadCase, parseCase, readCase, shippedCases } from '../../src/cases/read-case.js';

const least = `name: one
title: a title
protocol: http1
hops: 1
placement: one-cpu
work: { kind: closed }
metrics: [cpu-per-request]
`;

t.test('what may be left out has its default', async (t) => {
  const { tls, work, rounds, goals } = parseCase(least, 'one.yaml');
  t.strictSame({ tls, goals }, { tls: 'none', goals: [] });
  t.strictSame(work, { kind: 'closed', connections: 16, keepAlive: true, requestBytes: 0, responseBytes: 1024 });
  t.equal(rounds.min, 5);
  t.equal(rounds.detect, 0.03);
  t.equal(rounds.requests, undefined);
});

t.test('JSON is read too', async (t) => {
  const text = JSON.stringify({
    name: 'one',
    title: 'a title',
    protocol: 'tcp',
    hops: 1,
    placement: 'apart',
    work: { kind: 'bulk' },
    metrics: ['megabytes-per-second'],
  });
  t.strictSame(parseCase(text, 'one.json').work, { kind: 'bulk', connections: 1 });
});

const faults: [name: string, text: string, message: RegExp][] = [
  ['an unknown key', `${least}colour: red\n`, /one\.yaml:1:1: .*"colour"/],
  [
    'an unknown key further in',
    least.replace('{ kind: closed }', '{ kind: closed, conections: 3 }'),
    /one\.yaml:6:7: work: .*"conections"/,
  ],
  ['a value that is none', least.replace('http1', 'http3'), /one\.yaml:3:11: protocol: /],
  ['a metric that there is not', least.replace('cpu-per-request', 'speed'), /one\.yaml:7:11: metrics\.0: /],
  ['no connections', least.replace('closed }', 'closed, connections: 0 }'), /work\.connections: /],
  ['a field that is missing', least.replace('title: a title\n', ''), /title: /],
  ['YAML that is none', 'name: [', /one\.yaml:1:\d+: /],
  ['a name with a space', least.replace('name: one', 'name: one two'), /name: lower-case letters/],
  ['mTLS between two proxies with one hop', `${least}tls: between\n`, /write `hops: 2`/],
  ['mTLS towards the client of a pair', `${least.replace('hops: 1', 'hops: 2')}tls: downstream\n`, /write `hops: 1`/],
  ['a stream of HTTP', least.replace('kind: closed', 'kind: bulk'), /write `protocol: tcp`/],
  ['more least than most rounds', `${least}rounds: { min: 9, max: 3 }\n`, /rounds\.max: max is less than min/],
  ['a goal without a number', `${least}goals: [{ metric: rss }]\n`, /goals\.0: .*`limit`/],
  ['a relative goal without its ratio', `${least}goals: [{ metric: rss, against: nginx, limit: 3 }]\n`, /`ratio`/],
];
for (const [name, text, message] of faults) {
  t.test(`${name} is refused with its place and its remedy`, async (t) => {
    t.throws(() => parseCase(text, 'one.yaml'), { name: 'BadCase', message });
  });
}

t.test('everything that is wrong is told at once', async (t) => {
  const text = least.replace('http1', 'http3').replace('hops: 1', 'hops: 7');
  t.throws(() => parseCase(text, 'one.yaml'), { message: /protocol: [\s\S]*hops: / });
});

t.test('every case that comes with the package is whole and has the name of its file', async (t) => {
  const names = shippedCases();
  t.ok(names.includes('pair-mtls-1k'));
  for (const name of names) t.equal(readCase(name).name, name);
});

t.test('a case that is not there is refused with the names of those that are', async (t) => {
  t.throws(() => readCase('nothing'), { message: /there is no case nothing: write one of .*hop-plain-70b/ });
  t.throws(
    () => readCase('./nothing.yaml'),
    new BadCase('the case ./nothing.yaml cannot be read (ENOENT): check the path'),
  );
});
