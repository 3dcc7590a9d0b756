import fc from 'fast-check';
import t from 'tap';
import type { RouteConfig, RouteMatchConfig, VirtualHostConfig } from '../../src/config/config.js';
import { defaultLimits } from '../../src/limits.js';
import type { Head } from '../../src/message/head.js';
import { authorize, compileAuthorization } from '../../src/policy/authorize.js';
import { chooseCluster, matchRoute, replacePath } from '../../src/route/match.js';
import { redirectLocation } from '../../src/route/redirect.js';
import { compileRouteTable, type Route } from '../../src/route/table.js';
import { headOf } from './head-of.js';

const action = { kind: 'direct', status: 200, body: '' } as const;

function route(name: string, match: Partial<RouteMatchConfig>): RouteConfig {
  return { name, match: { path: { kind: 'prefix', value: '/' }, ...match }, action };
}

/** Name of the route that a request meets, or undefined. */
function met(
  routes: readonly RouteConfig[],
  target: string,
  fields: readonly string[] = [],
  method = 'GET',
): string | undefined {
  const table = compileRouteTable(
    { name: 'table', virtualHosts: [{ name: 'all', domains: ['*'], routes }] },
    defaultLimits,
  );
  return matchRoute(table, headOf(target, fields, method))?.name;
}

function compiled(path: string): Route {
  const virtualHosts = [
    { name: 'all', domains: ['*'], routes: [route('it', { path: { kind: 'prefix', value: path } })] },
  ];
  const found = compileRouteTable({ name: 'table', virtualHosts }, defaultLimits).fallback?.routes[0];
  if (found === undefined) throw new Error('not compiled');
  return found;
}

void t.test('the first route that matches wins, whatever is more specific behind it', async (t) => {
  const wide = route('wide', {});
  const narrow = route('narrow', { path: { kind: 'exact', value: '/a' } });
  t.equal(met([wide, narrow], '/a'), 'wide');
  t.equal(met([narrow, wide], '/a'), 'narrow');
  t.equal(met([narrow, wide], '/b'), 'wide');
  t.equal(met([narrow], '/b'), undefined, 'nothing matches');
});

void t.test('a prefix matches whole segments', async (t) => {
  for (const value of ['/a/b', '/a/b/']) {
    const routes = [route('hit', { path: { kind: 'prefix', value } })];
    for (const target of ['/a/b', '/a/b/', '/a/b/c', '/a/b?x=/z', '/a/./b', '/x/../a/b/c'])
      t.equal(met(routes, target), 'hit', `${value} matches ${target}`);
    for (const target of ['/a', '/a/bc', '/a/b2/c', '/A/b', '/?/a/b', '/a/b/../c'])
      t.equal(met(routes, target), undefined, `${value} does not match ${target}`);
  }
  t.equal(met([route('all', {})], '*', [], 'OPTIONS'), 'all', 'the bare / matches OPTIONS * too');
});

void t.test('an exact path matches that path alone, with any query', async (t) => {
  const routes = [route('hit', { path: { kind: 'exact', value: '/a' } })];
  t.equal(met(routes, '/a?b'), 'hit');
  for (const target of ['/a/', '/ab', '/']) t.equal(met(routes, target), undefined, target);
});

void t.test('method, header and query rules must all be met', async (t) => {
  const routes = [
    route('hit', {
      method: 'POST',
      headers: [
        { name: 'X-Env', kind: 'exact', value: 'canary' },
        { name: 'x-any', kind: 'present', value: '' },
        { name: 'x-id', kind: 'prefix', value: 'a-' },
      ],
      query: [{ name: 'v', kind: 'exact', value: '2' }],
    }),
  ];
  const fields = ['x-env: canary', 'X-ANY:', 'x-id: a-7'];
  t.equal(met(routes, '/?u&v=2', fields, 'POST'), 'hit');
  t.equal(met(routes, '/?v=2', fields, 'GET'), undefined, 'method');
  t.equal(met(routes, '/?v=1', fields, 'POST'), undefined, 'query value');
  t.equal(met(routes, '/?v=1&v=2', fields, 'POST'), undefined, 'the first of several parameters decides');
  t.equal(met(routes, '/?vv=2', fields, 'POST'), undefined, 'query name');
  t.equal(met(routes, '/', fields, 'POST'), undefined, 'no query');
  for (let i = 0; i < fields.length; i++)
    t.equal(met(routes, '/?v=2', fields.toSpliced(i, 1), 'POST'), undefined, `without ${fields[i]}`);
  t.equal(met(routes, '/?v=2', ['x-env: Canary', ...fields.slice(1)], 'POST'), undefined, 'values keep their case');
});

void t.test('a second field of the same name does not meet a rule that compares', async (t) => {
  const routes = [route('hit', { headers: [{ name: 'x-env', kind: 'exact', value: 'canary' }] }), route('rest', {})];
  t.equal(met(routes, '/', ['x-env: canary', 'x-env: other']), 'rest');
  t.equal(met(routes, '/', ['x-env: other', 'x-env: canary']), 'rest');
  t.equal(met(routes, '/', ['x-env: canary, other']), 'rest', 'as the one field that the two mean');
});

void t.test('a regular expression matches the whole path, whatever the query', async (t) => {
  const routes = [route('hit', { path: { kind: 'regex', value: '/v[0-9]+/(items|users)(/.*)?' } }), route('rest', {})];
  for (const target of ['/v1/items', '/v22/users/7', '/v1/x/../items', '/%76%31/items', '/v1/items?/x'])
    t.equal(met(routes, target), 'hit', target);
  for (const target of ['/v1', '/v/items', '/V1/items', '/v1/itemsx', '/a/v1/items', '/?/v1/items'])
    t.equal(met(routes, target), 'rest', target);
});

void t.test('expressions over headers and parameters match the whole value', async (t) => {
  const routes = [
    route('header', { headers: [{ name: 'x-id', kind: 'regex', value: 'a-[0-9]+' }] }),
    route('query', { query: [{ name: 'v', kind: 'regex', value: '[12](\\.\\d)?' }] }),
    route('rest', {}),
  ];
  t.equal(met(routes, '/', ['x-id: a-77']), 'header');
  t.equal(met(routes, '/', ['x-id: a-77x']), 'rest');
  t.equal(met(routes, '/', ['x-id: a-7', 'x-id: a-8']), 'rest', 'which of the two would be meant is not known');
  t.equal(met(routes, '/?u=1&v=2.5'), 'query');
  t.equal(met(routes, '/?v=2.'), 'rest');
  t.equal(met(routes, '/?v=3&v=2'), 'rest');
});

void t.test('an inverted rule is met by another value, and by none only where presence is asked for', async (t) => {
  const other = [route('hit', { headers: [{ name: 'x-env', kind: 'exact', value: 'canary', invert: true }] })];
  t.equal(met(other, '/', ['x-env: stable']), 'hit');
  t.equal(met(other, '/', ['x-env: canary']), undefined);
  t.equal(met(other, '/'), undefined, 'no value');
  t.equal(met(other, '/', ['x-env: stable', 'x-env: stable']), undefined, 'two values');
  const absent = [route('hit', { headers: [{ name: 'x-env', kind: 'present', value: '', invert: true }] })];
  t.equal(met(absent, '/'), 'hit');
  t.equal(met(absent, '/', ['x-env:']), undefined);
  const regex = [route('hit', { headers: [{ name: 'x-env', kind: 'regex', value: 'c.*', invert: true }] })];
  t.equal(met(regex, '/', ['x-env: stable']), 'hit');
  t.equal(met(regex, '/', ['x-env: canary']), undefined);
});

void t.test('invariant: a table of paths changes nothing about which route is met', async (t) => {
  const paths = ['/', '/a', '/a/b', '/b', '/c', '/d', '/e', '/f', '/g', '/h', '/i', '/j'];
  const match = fc.record({
    path: fc.oneof(
      fc.record({ kind: fc.constantFrom('exact' as const, 'prefix' as const), value: fc.constantFrom(...paths) }),
      fc.constantFrom({ kind: 'regex' as const, value: '/[a-c]' }, { kind: 'regex' as const, value: '/[^a].*' }),
    ),
    method: fc.constantFrom(undefined, undefined, 'POST'),
  });
  let tables = 0;
  fc.assert(
    fc.property(fc.array(match, { minLength: 24, maxLength: 60 }), (matches) => {
      const routes = matches.map((each, index) => route(String(index), each));
      const virtualHosts = [{ name: 'all', domains: ['*'], routes }];
      const table = compileRouteTable({ name: 'table', virtualHosts }, defaultLimits);
      if (table.fallback?.exactPaths !== undefined) tables++;
      for (const target of [...paths, '/zz', '*']) {
        const head = headOf(target, [], target === '*' ? 'OPTIONS' : 'POST');
        const first = routes.find((one) => met([one], target, [], head.method) !== undefined);
        if (matchRoute(table, head)?.name !== first?.name)
          throw new Error(`${target}: ${matchRoute(table, head)?.name}`);
      }
    }),
    { numRuns: 100, seed: 6 },
  );
  t.ok(tables > 20, `${tables} had a table`);
});

void t.test('hosts: exact with port, exact, longest suffix, then *', async (t) => {
  const host = (name: string, domains: string[]): VirtualHostConfig => ({ name, domains, routes: [route(name, {})] });
  const virtualHosts = [
    host('rest', ['*']),
    host('suffix', ['*.test']),
    host('longer', ['*.server.test']),
    host('exact', ['Server.test', '[fd00::1]']),
    host('port', ['server.test:81']),
    host('longer with port', ['*.Server.test:8080']),
  ];
  const table = compileRouteTable({ name: 'table', virtualHosts }, defaultLimits);
  const expected: [string, string][] = [
    ['server.test', 'exact'],
    ['SERVER.TEST', 'exact'],
    ['server.test:80', 'exact'],
    ['server.test:81', 'port'],
    ['a.server.test:81', 'longer'],
    ['a.server.test:8080', 'longer with port'],
    ['server.test:8080', 'exact'],
    ['other.test:8080', 'suffix'],
    ['other.test', 'suffix'],
    ['.test', 'rest'],
    ['test', 'rest'],
    ['A.Other.TEST:9', 'suffix'],
    ['.server.test', 'suffix'],
    ['[fd00::1]:80', 'exact'],
    ['[fd00::1]', 'exact'],
    ['elsewhere', 'rest'],
  ];
  for (const [authority, name] of expected)
    t.equal(matchRoute(table, headOf('/', [`host: ${authority}`]))?.name, name, authority);
  const strict = compileRouteTable({ name: 'table', virtualHosts: [host('exact', ['server.test'])] }, defaultLimits);
  t.equal(matchRoute(strict, headOf('/', ['host: elsewhere'])), undefined, 'no host is no route');
});

void t.test('a share of the tickets falls on each cluster as its weight says, none on weight 0', async (t) => {
  const weights = fc.array(fc.nat(50), { minLength: 1, maxLength: 6 }).filter((list) => list.some((one) => one > 0));
  fc.assert(
    fc.property(weights, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (list, random) => {
      const clusters = list.map((weight, index) => ({ cluster: String(index), weight }));
      const total = list.reduce((sum, one) => sum + one, 0);
      const chosen = Number(chooseCluster(clusters, total, random));
      const before = list.slice(0, chosen).reduce((sum, one) => sum + one, 0);
      return list[chosen] > 0 && random * total >= before - 1e-9 && random * total <= before + list[chosen] + 1e-9;
    }),
  );
  t.pass();
});

void t.test('a rewritten path has exactly one slash where the parts meet', async (t) => {
  const expected: [matched: string, to: string, path: string, after: string][] = [
    ['/v1', '/api', '/v1/items', '/api/items'],
    ['/v1', '/api/', '/v1/items', '/api/items'],
    ['/v1/', '/api', '/v1/items', '/api/items'],
    ['/v1/', '/api/', '/v1', '/api'],
    ['/v1', '/', '/v1', '/'],
    ['/v1', '/', '/v1/items', '/items'],
    ['/', '/api', '/items', '/api/items'],
    ['/', '/api', '/', '/api/'],
  ];
  for (const [matched, to, path, after] of expected)
    t.equal(replacePath(compiled(matched), { kind: 'prefix', value: to }, path), after, `${matched} to ${to}: ${path}`);
  t.equal(replacePath(compiled('/v1'), { kind: 'full', value: '/fixed' }, '/v1/items'), '/fixed');
});

void t.test('a redirect keeps what it does not change, and no port that its scheme implies', async (t) => {
  const request = { authority: 'site.test:8080', path: '/a', query: '?q', scheme: 'http' } as const;
  const to = (redirect: object, more: object = {}): string =>
    redirectLocation(compiled('/'), { kind: 'redirect', status: 302, ...redirect }, { ...request, ...more });
  t.equal(to({}), 'http://site.test:8080/a?q');
  t.equal(to({ scheme: 'https' }), 'https://site.test/a?q', 'another scheme brings its own port');
  t.equal(to({ host: 'other.test' }), 'http://other.test:8080/a?q');
  t.equal(to({ port: 80 }), 'http://site.test/a?q');
  t.equal(to({ port: 443, scheme: 'https' }), 'https://site.test/a?q');
  t.equal(to({ path: { kind: 'full', value: '/b' } }), 'http://site.test:8080/b?q');
  t.equal(to({}, { path: '*', query: '' }), 'http://site.test:8080/', 'OPTIONS * is for all of the server');
  t.equal(to({}, { authority: '[fd00::1]' }), 'http://[fd00::1]/a?q');
  t.equal(to({}, { authority: '[fd00::1]:81' }), 'http://[fd00::1]:81/a?q');
});

void t.test('invariant: two requests whose paths have one normal form meet one route and one policy', async (t) => {
  const routes = [
    route('exact', { path: { kind: 'exact', value: '/a/b' } }),
    route('regex', { path: { kind: 'regex', value: '/a/[a-z]+' } }),
    route('prefix', { path: { kind: 'prefix', value: '/a' } }),
    route('rest', {}),
  ];
  const permissions = [{ kind: 'path', match: 'prefix', value: '/a/b' }] as const;
  const denied = compileAuthorization([
    { action: 'deny', policies: [{ name: 'p', principals: [{ kind: 'any' }], permissions }] },
  ]);
  const paths = fc
    .array(fc.constantFrom('/', '/', 'a', 'b', '.', '..', '%61', '%2e', '%62', ';', '%3a', '%3A'), { maxLength: 10 })
    .map((parts) => `/${parts.join('')}`);
  let changed = 0;
  fc.assert(
    fc.property(paths, (path) => {
      let head: Head;
      try {
        head = headOf(path);
      } catch {
        return;
      }
      const normal = head.pathText();
      if (normal !== path) changed++;
      const again = headOf(normal);
      if (met(routes, path) !== met(routes, normal)) throw new Error(`${path} and ${normal} meet other routes`);
      const [one, other] = [head, again].map(
        (each) => authorize(denied, { peerUri: '', port: 80, head: each }).allowed,
      );
      if (one !== other) throw new Error(`${path} and ${normal} are not judged alike`);
    }),
    { numRuns: 3_000, seed: 6 },
  );
  t.ok(changed > 300, `${changed} paths were not normal`);
});
