import fc from 'fast-check';
import t from 'tap';
import { docs, modelOf, policy, route, service } from '../manifests.js';
import { json, named, translated } from './translated.js';

const services = docs(
  service('web', 'clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]'),
  service('v1', 'clusterIP: 10.96.0.6, ports: [{name: http, port: 80}]'),
  service('v2', 'clusterIP: 10.96.0.7, ports: [{name: http, port: 80}]'),
);

/** The routes of `web` as a client in a namespace sees them. */
function routesOf(rules: string, more = '', namespace = 'default'): Record<string, unknown>[] {
  const model = modelOf(docs(services, ...(rules === '' ? [] : [route('r', 'web', rules)]), more));
  const { routes } = translated(model, { namespace });
  const config = json(named(routes, 'outbound/10.96.0.5:80')) as {
    virtualHosts: { routes: Record<string, unknown>[] }[];
  };
  return config.virtualHosts[0].routes;
}

const toV1 = 'backendRefs: [{name: v1, port: 80}]';

t.test(
  'without an HTTPRoute everything goes to the Service, as long as it takes, and only safe retries are made',
  async (t) => {
    t.same(routesOf(''), [
      {
        name: 'default',
        match: { prefix: '/' },
        route: {
          cluster: 'outbound/default/web/80',
          timeout: '0s',
          retryPolicy: { retryOn: 'connect-failure', numRetries: 2 },
        },
      },
    ]);
  },
);

t.test('a match becomes one route with all that it asks for', async (t) => {
  const match = `{path: {value: /a}, method: GET, headers: [{name: X-Version, value: v2}], queryParams: [{name: Q, value: "1"}]}`;
  t.match(routesOf(`{matches: [${match}], ${toV1}}`), [
    {
      name: 'default/r/0',
      match: {
        pathSeparatedPrefix: '/a',
        headers: [
          { name: ':method', stringMatch: { exact: 'GET' } },
          { name: 'x-version', stringMatch: { exact: 'v2' } },
        ],
        queryParameters: [{ name: 'Q', stringMatch: { exact: '1' } }],
      },
      route: { cluster: 'outbound/default/v1/80' },
    },
  ]);
});

t.test('prefixes are compared by element, a slash at their end means nothing', async (t) => {
  const matchOf = (path: string) => routesOf(`{matches: [{path: {${path}}}], ${toV1}}`)[0].match;
  t.same(matchOf('value: /'), { prefix: '/' });
  t.same(matchOf('value: /a'), { pathSeparatedPrefix: '/a' });
  t.same(matchOf('value: /a/'), { pathSeparatedPrefix: '/a' });
  t.same(matchOf('type: Exact, value: /a/'), { path: '/a/' });
});

t.test('routes stand in the order in which they must be tried', async (t) => {
  const rules = ['{value: /}', '{value: /a}', '{type: Exact, value: /a}', '{value: /a/b}']
    .map((path) => `{matches: [{path: ${path}}], ${toV1}}`)
    .join(', ');
  t.same(
    routesOf(rules).map(({ match }) => match),
    [{ path: '/a' }, { pathSeparatedPrefix: '/a/b' }, { pathSeparatedPrefix: '/a' }, { prefix: '/' }],
  );
});

t.test('weights are kept, zeros too', async () => {
  const weights = fc
    .array(fc.oneof(fc.constant(0), fc.nat(1_000_000)), { minLength: 2, maxLength: 5 })
    .filter((all) => all.some((it) => it > 0));
  fc.assert(
    fc.property(weights, (all) => {
      const refs = all
        .map((weight, i) => `{name: ${i % 2 === 0 ? 'v1' : 'v2'}, port: 80, weight: ${weight}}`)
        .join(', ');
      const [{ route: action }] = routesOf(`{backendRefs: [${refs}]}`) as {
        route: { weightedClusters: { clusters: { weight: number }[] } };
      }[];
      const kept = action.weightedClusters.clusters.map(({ weight }) => weight);
      if (JSON.stringify(kept) !== JSON.stringify(all)) throw new Error(`${kept}`);
    }),
    { numRuns: 50 },
  );
});

t.test('a rule without a backend answers 500', async (t) => {
  t.match(routesOf('{matches: [{path: {value: /a}}]}'), [{ directResponse: { status: 500 } }]);
});

t.test('headers are set, added and removed', async (t) => {
  const edits = '{set: [{name: a, value: "1"}], add: [{name: b, value: "2"}], remove: [c]}';
  const filters = `[{type: RequestHeaderModifier, requestHeaderModifier: ${edits}},
    {type: ResponseHeaderModifier, responseHeaderModifier: ${edits}}]`;
  const added = [
    { header: { key: 'a', value: '1' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD', keepEmptyValue: true },
    { header: { key: 'b', value: '2' }, keepEmptyValue: true },
  ];
  t.match(routesOf(`{filters: ${filters}, ${toV1}}`), [
    {
      requestHeadersToAdd: added,
      requestHeadersToRemove: ['c'],
      responseHeadersToAdd: added,
      responseHeadersToRemove: ['c'],
    },
  ]);
});

t.test('a prefix is replaced so that no slash is doubled and none is lost', async (t) => {
  const rewritten = (value: string, replacement: string) => {
    const filter = `{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: "${replacement}"}}}`;
    const routes = routesOf(`{matches: [{path: {value: ${value}}}], filters: [${filter}], ${toV1}}`);
    return (path: string) => rewrite(routes, path);
  };
  const cases: [string, string, string, string][] = [
    ['/foo', '/bar', '/foo', '/bar'],
    ['/foo', '/bar', '/foo/x', '/bar/x'],
    ['/foo/', '/bar/', '/foo/x', '/bar/x'],
    ['/foo', '/', '/foo', '/'],
    ['/foo', '/', '/foo/x', '/x'],
    ['/foo', '', '/foo/', '/'],
    ['/', '/bar', '/x', '/bar/x'],
    ['/', '/', '/x', '/x'],
  ];
  for (const [prefix, replacement, path, expected] of cases) {
    t.equal(rewritten(prefix, replacement)(path), expected, `${prefix} -> ${replacement}: ${path}`);
  }
});

/** What Envoy makes of a path: RouteAction.prefix_rewrite replaces the part that matched, of an exact match the whole. */
function rewrite(routes: Record<string, unknown>[], path: string): string | undefined {
  for (const { match, route: action } of routes as {
    match: Record<string, string>;
    route: { prefixRewrite: string };
  }[]) {
    const matched =
      match.path === path
        ? match.path
        : match.prefix !== undefined && path.startsWith(match.prefix)
          ? match.prefix
          : match.pathSeparatedPrefix === path || path.startsWith(`${match.pathSeparatedPrefix}/`)
            ? match.pathSeparatedPrefix
            : undefined;
    if (matched !== undefined) return action.prefixRewrite + path.slice(matched.length);
  }
  return undefined;
}

t.test('the host and a whole path are replaced, however it was matched', async (t) => {
  const filter =
    '{type: URLRewrite, urlRewrite: {hostname: a.b, path: {type: ReplaceFullPath, replaceFullPath: /new}}}';
  const regexRewrite = { pattern: { regex: '^/.*$' }, substitution: '/new' };
  const matches: [string, object][] = [
    ['type: Exact, value: /old', { path: '/old' }],
    ['value: /old', { pathSeparatedPrefix: '/old' }],
    ['type: RegularExpression, value: "/o.*"', { safeRegex: { regex: '/o.*' } }],
  ];
  for (const [path, match] of matches) {
    t.match(routesOf(`{matches: [{path: {${path}}}], filters: [${filter}], ${toV1}}`), [
      { match, route: { regexRewrite, hostRewriteLiteral: 'a.b' } },
    ]);
  }
});

t.test('regular expressions are sent as they are', async (t) => {
  const of = (name: string, value: string) => `[{type: RegularExpression, name: ${name}, value: "${value}"}]`;
  const match = `{path: {type: RegularExpression, value: "/v[0-9]+"}, headers: ${of('X-A', 'a|b')}, queryParams: ${of('Q', '.+')}}`;
  const [route] = routesOf(`{matches: [${match}], ${toV1}}`);
  t.same(route.match, {
    safeRegex: { regex: '/v[0-9]+' },
    headers: [{ name: 'x-a', stringMatch: { safeRegex: { regex: 'a|b' } } }],
    queryParameters: [{ name: 'Q', stringMatch: { safeRegex: { regex: '.+' } } }],
  });
});

t.test('a redirect says where to go', async (t) => {
  const redirect = (fields: string) =>
    routesOf(`{filters: [{type: RequestRedirect, requestRedirect: {${fields}}}]}`)[0].redirect;
  t.same(redirect('scheme: https, hostname: a.b, port: 8443, statusCode: 308'), {
    schemeRedirect: 'https',
    hostRedirect: 'a.b',
    portRedirect: 8443,
    responseCode: 'PERMANENT_REDIRECT',
  });
  t.same(redirect('path: {type: ReplaceFullPath, replaceFullPath: /x}'), { pathRedirect: '/x', responseCode: 'FOUND' });
  t.same(redirect('statusCode: 301, path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}'), {
    prefixRewrite: '/x/',
  });
});

t.test('the rule’s timeouts win over those of the TrafficPolicy of the dialled Service', async (t) => {
  const traffic = (fields: string) =>
    policy('TrafficPolicy', 'p', `targetRefs: [{kind: Service, name: web}], ${fields}`);
  const patience = (timeouts: string, fields: string) => {
    const [{ route: action }] = routesOf(`{timeouts: {${timeouts}}, ${toV1}}`, traffic(fields)) as {
      route: Record<string, unknown>;
    }[];
    return { timeout: action.timeout, retryPolicy: action.retryPolicy };
  };
  t.same(patience('', 'timeouts: {request: 4s}, retries: {attempts: 3, on: [reset, 5xx], perTryTimeout: 1s}'), {
    timeout: '4s',
    retryPolicy: { retryOn: 'reset,5xx', numRetries: 3, perTryTimeout: '1s' },
  });
  t.match(patience('request: 9s, backendRequest: 2s', 'timeouts: {request: 4s}'), {
    timeout: '9s',
    retryPolicy: { perTryTimeout: '2s' },
  });
  t.match(patience('request: 0s', 'timeouts: {request: 4s}'), { timeout: '0s' });
  t.same(patience('request: 9s, backendRequest: 2s', 'retries: {attempts: 0}'), {
    timeout: '2s',
    retryPolicy: undefined,
  });
});

t.test('clients of a namespace with routes of its own see these alone', async (t) => {
  const consumer = docs(
    service('mine', 'ports: [{name: http, port: 80}]', 'far'),
    route('c', 'web', '{matches: [{path: {value: /c}}], backendRefs: [{name: mine, port: 80}]}', {
      namespace: 'far',
      parentNamespace: 'default',
    }),
  );
  const names = (namespace: string) => routesOf(`{${toV1}}`, consumer, namespace).map(({ name }) => name);
  t.same(names('default'), ['default/r/0']);
  t.same(names('other'), ['default/r/0']);
  t.same(names('far'), ['far/c/0']);
});
