import fc from 'fast-check';
import t from 'tap';
import { byPrecedence, type RankedRule } from '../../src/model/precedence.js';
import { docs, modelOf, route, service } from '../manifests.js';

const web = service('web', 'ports: [{name: http, port: 80}]');

function order(...routes: string[]): string[] {
  const [port] = modelOf(docs(web, ...routes)).services[0].ports;
  return port.producerRules!.map(({ name, match }) => `${name.replace('default/', '')} ${match.path.value}`);
}

t.test('the more a match asks for, the earlier it is tried', async (t) => {
  const rules = [
    '{matches: [{path: {value: /}}]}',
    '{matches: [{path: {value: /a}, queryParams: [{name: q, value: "1"}]}]}',
    '{matches: [{path: {value: /a}, headers: [{name: x, value: "1"}]}]}',
    '{matches: [{path: {value: /a}, method: GET}]}',
    '{matches: [{path: {value: /a/long}}]}',
    '{matches: [{path: {type: Exact, value: /a}}]}',
    '{matches: [{path: {value: /a}}]}',
  ].join(', ');
  t.same(order(route('r', 'web', rules)), ['r/5 /a', 'r/4 /a/long', 'r/3 /a', 'r/2 /a', 'r/1 /a', 'r/6 /a', 'r/0 /']);
});

t.test('regular expressions come behind prefixes, and before what matches everything', async (t) => {
  const path = (type: string, value: string) => `{matches: [{path: {type: ${type}, value: "${value}"}}]}`;
  const rules = [
    '{matches: [{method: GET}]}',
    path('RegularExpression', '/.*'),
    path('RegularExpression', '/v[0-9]+/.*'),
    path('PathPrefix', '/a'),
    path('Exact', '/'),
  ].join(', ');
  t.same(order(route('r', 'web', rules)), ['r/4 /', 'r/3 /a', 'r/2 /v[0-9]+/.*', 'r/1 /.*', 'r/0 /']);
});

t.test('of equals the older route comes first, then the first by name, then the first in the route', async (t) => {
  const rule = '{matches: [{path: {value: /x}}, {path: {value: /y}}]}';
  const young = route('a', 'web', rule, { created: '2026-02-01T00:00:00Z' });
  const old = route('z', 'web', rule, { created: '2026-01-01T00:00:00Z' });
  const timeless = route('b', 'web', rule);
  t.same(order(timeless, young, old), ['z/0 /x', 'z/0 /y', 'a/0 /x', 'a/0 /y', 'b/0 /x', 'b/0 /y']);
  t.same(order(route('b', 'web', rule), route('a', 'web', rule)), ['a/0 /x', 'a/0 /y', 'b/0 /x', 'b/0 /y']);
});

t.test('it is a total order, so the same rules are always tried in the same order', async () => {
  const pairs = fc.array(fc.record({ type: fc.constant('Exact' as const), name: fc.string(), value: fc.string() }), {
    maxLength: 2,
  });
  const ranked: fc.Arbitrary<RankedRule> = fc.record({
    rule: fc.record({
      name: fc.constant('r'),
      match: fc.record({
        path: fc.record({
          type: fc.constantFrom('Exact' as const, 'PathPrefix' as const, 'RegularExpression' as const),
          value: fc.constantFrom('/', '/a', '/b', '/a/b'),
        }),
        headers: pairs,
        queryParams: pairs,
        method: fc.constantFrom(undefined, 'GET' as const),
      }),
      filters: fc.constant([]),
      backends: fc.constant([]),
      requestTimeoutMs: fc.constant(undefined),
      backendRequestTimeoutMs: fc.constant(undefined),
    }),
    createdMs: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    route: fc.constantFrom('n/a', 'n/b'),
    ruleIndex: fc.nat(1),
    matchIndex: fc.nat(1),
  });
  fc.assert(
    fc.property(ranked, ranked, ranked, (a, b, c) => {
      const [ab, ba, bc, ac] = [byPrecedence(a, b), byPrecedence(b, a), byPrecedence(b, c), byPrecedence(a, c)];
      if (Math.sign(ab) !== -Math.sign(ba)) throw new Error('not antisymmetric');
      if (ab <= 0 && bc <= 0 && ac > 0) throw new Error('not transitive');
    }),
  );
});
