import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { checkConfig, type ProxyConfig } from '@tulle/proxy-core';
import type { XdsType } from '@tulle/xds';
import { RBAC_Action } from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb';
import t from 'tap';
import { assemble, type OwnFacts } from '../../src/translate/proxy-config.js';
import { ResourceStore } from '../../src/xds/resource-store.js';
import * as envoy from './resources-of-envoy.js';

const facts: OwnFacts = {
  trustDomain: 'cluster.local',
  podIp: '10.244.0.5',
  isRedirected: true,
  outboundProxy: undefined,
  accessLog: { target: 'off', format: 'json' },
  identity: { certificateChainPem: '-----BEGIN CERT', privateKeyPem: '-----BEGIN KEY', trustPem: '-----BEGIN FIRST' },
};

const dialled = 'outbound/10.96.0.5:80';
const cluster = 'outbound/default/server/80';
const toCluster = { clusterSpecifier: { case: 'cluster' as const, value: cluster } };

type Change = Partial<Record<XdsType, ReturnType<typeof envoy.trustSecret>[]>>;

function storeOf(change: Change = {}): { store: ResourceStore; refusals: string[] } {
  const store = new ResourceStore();
  const sent = {
    cds: [envoy.edsCluster(cluster), envoy.originalCluster('passthrough'), envoy.originalCluster('inbound/8080')],
    lds: [envoy.catchAll, envoy.dialled('10.96.0.5', 80), envoy.inbound()],
    eds: [envoy.assignment(cluster, ['10.244.0.9', '10.244.0.5'])],
    sds: [envoy.trustSecret()],
    rds: [envoy.routes(dialled, [envoy.route({ ...toCluster, timeout: durationFromMs(0) })])],
    ...change,
  };
  const refusals = (['cds', 'lds', 'eds', 'sds', 'rds'] as const).flatMap((type) =>
    store.accept(type, '1', sent[type]),
  );
  return { store, refusals };
}

function configOf(change: Change = {}, own: OwnFacts = facts): ProxyConfig {
  const { store, refusals } = storeOf(change);
  if (refusals.length > 0) throw new Error(refusals.join('\n'));
  const assembled = assemble(store.parts(), own, store);
  if ('missing' in assembled) throw new Error(`missing ${assembled.missing}`);
  return assembled.config;
}

t.test('a sidecar with interception: what comes of its resources', async (t) => {
  t.matchOnly(configOf(), {
    listeners: [
      {
        name: 'outbound',
        bind: { host: '0.0.0.0', port: 15001 },
        direction: 'outbound',
        destination: 'original',
        chains: [
          {
            name: 'http',
            match: { address: '10.96.0.5', port: 80 },
            protocol: 'http',
            http: { routes: dialled },
            authorization: [],
          },
          {
            name: 'outbound/default',
            match: {},
            protocol: 'tcp',
            tcp: { clusters: [{ cluster: 'passthrough', weight: 1 }] },
            authorization: [],
          },
        ],
      },
      {
        name: 'inbound',
        bind: { host: '0.0.0.0', port: 15006 },
        direction: 'inbound',
        destination: 'original',
        chains: [
          {
            name: 'mesh-http/8080',
            match: { port: 8080, transport: 'tls', alpn: ['tulle-http/1.1'] },
            tls: { identity: 'identity', clientTrust: 'trust', requireClientCertificate: true },
            protocol: 'http',
            http: { routes: 'inbound/8080' },
            authorization: [
              {
                action: 'allow',
                policies: [
                  {
                    name: 'default/readers',
                    permissions: [{ kind: 'method', method: 'GET' }],
                    principals: [
                      { kind: 'principal', match: 'exact', value: 'spiffe://cluster.local/ns/default/sa/client' },
                    ],
                  },
                ],
              },
            ],
          },
          {
            name: 'plain-http/8080',
            match: { port: 8080, transport: 'plain' },
            protocol: 'http',
            http: { routes: 'inbound/8080' },
            authorization: [Object],
          },
          {
            name: 'plain-other',
            match: {},
            protocol: 'tcp',
            tcp: { clusters: [{ cluster: 'inbound-passthrough', weight: 1 }] },
            authorization: [],
          },
        ],
      },
    ],
    clusters: [
      {
        name: cluster,
        balancer: 'p2c',
        connectTimeoutMs: 5000,
        circuitBreaker: { maxConnections: 10, maxPendingRequests: 20, maxRequests: 30, maxRetries: 16 },
        tls: {
          identity: 'identity',
          trust: 'trust',
          alpn: ['tulle-http/1.1'],
          allowedUris: ['spiffe://cluster.local/ns/default/sa/server'],
        },
        endpoints: [
          {
            address: { host: '10.244.0.9', port: 8080 },
            weight: 1,
            tls: true,
            allowedUris: ['spiffe://cluster.local/ns/default/sa/server'],
            workload: 'default/server',
          },
          { address: { host: '10.244.0.5', port: 8080 }, weight: 1, tls: false, workload: 'default/server' },
        ],
      },
      { name: 'passthrough', endpoints: 'original', balancer: 'p2c', connectTimeoutMs: 5000 },
      { name: 'inbound/8080', endpoints: 'original', balancer: 'p2c', connectTimeoutMs: 5000 },
    ],
    routes: [
      {
        name: dialled,
        virtualHosts: [
          {
            name: dialled,
            domains: ['*'],
            routes: [
              {
                name: 'default',
                match: { path: { kind: 'prefix', value: '/' } },
                action: {
                  kind: 'forward',
                  clusters: [{ cluster, weight: 1 }],
                  timeoutMs: 0,
                  retry: { attempts: 0, on: [] },
                },
              },
            ],
          },
        ],
      },
      { name: 'inbound/8080', virtualHosts: [Object] },
    ],
    identities: [{ name: 'identity', certificateChainPem: 'CERT', privateKeyPem: 'KEY' }],
    trust: [{ name: 'trust', caPem: envoy.rootsPem, trustDomain: 'cluster.local' }],
    accessLog: { target: 'off', format: 'json' },
  });
});

t.test('the own pod is reached in plain text where rules of the kernel redirect, and only there', async (t) => {
  const own = (config: ProxyConfig) => (config.clusters[0].endpoints as readonly { tls: boolean }[])[1].tls;
  t.equal(own(configOf()), false);
  t.equal(own(configOf({}, { ...facts, isRedirected: false })), true);
});

t.test(
  'inbound requests that never reached the application are sent again without a policy that says so',
  async (t) => {
    const table = configOf().routes.find(({ name }) => name === 'inbound/8080')!;
    t.notOk('retry' in table.virtualHosts[0].routes[0].action);
  },
);

t.test('until roots come by SDS, those that came with the certificate hold', async (t) => {
  t.match(configOf({ sds: [] }).trust, [{ name: 'trust', caPem: '-----BEGIN FIRST' }]);
});

t.test('nothing is applied before all it refers to is there', async (t) => {
  const missing = (change: Change) => {
    const { store } = storeOf(change);
    return assemble(store.parts(), facts, store);
  };
  t.same(missing({ rds: [] }), { missing: [`RouteConfiguration "${dialled}"`] });
  t.same(missing({ eds: [] }), { missing: [`ClusterLoadAssignment "${cluster}"`] });
});

t.test('a refused resource without a good one before it stops nobody else', async (t) => {
  const { store, refusals } = storeOf({
    rds: [envoy.routes(dialled, [envoy.route({ ...toCluster, prefixRewrite: 'x' })])],
  });
  t.same(refusals, [
    `RouteConfiguration "${dialled}": virtual_hosts[0].routes[0].route.prefix_rewrite: "x" must begin with / and have visible ASCII only`,
  ]);
  t.match(assemble(store.parts(), facts, store), { config: { routes: [{ name: dialled, virtualHosts: [] }, {}] } });
});

t.test('what the proxy would refuse is refused with its resource, and the rest can be taken', async (t) => {
  const exact = (value: string) => ({
    case: 'stringMatch' as const,
    value: { matchPattern: { case: 'exact' as const, value } },
  });
  const withMatch = (match: object) => ({ rds: [envoy.routes(dialled, [envoy.route(toCluster, { match })])] });
  const pathSpecifier = { case: 'path' as const, value: '/' };
  const query = (name: string, value: string) =>
    withMatch({ pathSpecifier, queryParameters: [{ name, queryParameterMatchSpecifier: exact(value) }] });
  const withRule = (rule: object, principal: object = { case: 'any', value: true }) => {
    const policies = { p: { permissions: [{ rule }], principals: [{ identifier: principal }] } };
    const filters = [envoy.httpOver(envoy.rds(dialled), [{ action: RBAC_Action.DENY, policies } as never])];
    return { lds: [envoy.catchAll, envoy.dialled('10.96.0.5', 80, [{ name: 'http', filters }]), envoy.inbound()] };
  };
  const path = (value: string) => ({
    case: 'urlPath',
    value: { rule: { case: 'path', value: { matchPattern: { case: 'exact', value } } } },
  });
  const cases: [Change, RegExp][] = [
    [query('q', 'a b'), /^RouteConfiguration "outbound\/10\.96\.0\.5:80": .*query\[0\]\.value: must be .* not "a b"$/],
    [query('ü', '1'), /^RouteConfiguration .*query\[0\]\.name: must be a parameter name/],
    [
      withMatch({ pathSpecifier, headers: [{ name: 'x-city', headerMatchSpecifier: exact('東京') }] }),
      /^RouteConfiguration .*headers\[0\]\.value: must be a text of Latin-1/,
    ],
    [withRule(path('/käse')), /^Listener "outbound\/10\.96\.0\.5:80": .*permissions\[0\]\.value: must be/],
    [withRule({ case: 'orRules', value: { rules: [] } }), /^Listener .*permissions\[0\]\.of: must have at least 1/],
    [{ sds: [envoy.trustSecret('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')] }, /cannot be read/],
  ];
  for (const [change, expected] of cases) {
    const { store, refusals } = storeOf(change);
    t.match(refusals, [expected]);
    const assembled = assemble(store.parts(), facts, store);
    if ('missing' in assembled) throw new Error(`missing ${assembled.missing}`);
    t.doesNotThrow(() => checkConfig(assembled.config), String(expected));
    t.ok(assembled.config.clusters.length === 3);
  }
});

t.test('a principal with an empty name is nobody', async (t) => {
  const identifier = {
    case: 'authenticated',
    value: { principalName: { matchPattern: { case: 'exact', value: '' } } },
  };
  const policies = { p: { permissions: [{ rule: { case: 'any', value: true } }], principals: [{ identifier }] } };
  const filters = [envoy.httpOver(envoy.rds(dialled), [{ action: RBAC_Action.DENY, policies } as never])];
  const config = configOf({ lds: [envoy.catchAll, envoy.dialled('10.96.0.5', 80, [{ name: 'http', filters }])] });
  checkConfig(config);
  t.match(config.listeners[0].chains[0].authorization[0].policies[0].principals, [
    { kind: 'not', of: { kind: 'any' } },
  ]);
});

t.test('TLS that no chain ends is passed on: to a TCP proxy that is for it, or to the default chain', async (t) => {
  const chainsOf = (init: Partial<Parameters<typeof envoy.listener>[0]>) => {
    const listener = envoy.listener({
      name: 'inbound/8080',
      address: envoy.address('127.0.0.1', 8080),
      trafficDirection: 1,
      ...init,
    });
    const [found] = configOf({ lds: [listener] }).listeners.filter(({ name }) => name === 'inbound/8080');
    return found.chains.map(({ name, match, protocol }) => ({ name, match, protocol }));
  };
  const app = [envoy.tcpProxy('inbound-passthrough')];
  const plain = { name: 'plain', filterChainMatch: { transportProtocol: 'raw_buffer' }, filters: app };
  const own = (applicationProtocols: string[]) => ({
    name: 'own',
    filterChainMatch: { transportProtocol: 'tls', applicationProtocols },
    filters: app,
  });
  t.same(chainsOf({ filterChains: [own([]), plain] })[0], {
    name: 'own',
    match: { transport: 'tls' },
    protocol: 'tcp',
  });
  const some = { name: 'own', match: { transport: 'tls', alpn: ['h2'] }, protocol: 'tcp' };
  t.same(chainsOf({ filterChains: [own(['h2']), plain] })[0], some);
  const rest = { name: 'rest', filters: app };
  const left = { name: 'rest', match: { transport: 'tls' }, protocol: 'tcp' };
  t.same(chainsOf({ filterChains: [plain], defaultFilterChain: rest })[1], left);
  t.same(chainsOf({ filterChains: [own(['h2']), plain], defaultFilterChain: rest })[2], left);
  t.equal(chainsOf({ filterChains: [own([]), plain], defaultFilterChain: rest }).length, 2, 'nothing is left');
  t.same(chainsOf({ filterChains: [own([])], defaultFilterChain: rest })[1], {
    name: 'rest',
    match: {},
    protocol: 'tcp',
  });
});

t.test('a text prefix is taken only where it means the same by segments', async (t) => {
  const prefix = (value: string) => envoy.route(toCluster, { match: { pathSpecifier: { case: 'prefix', value } } });
  const exact = envoy.route(toCluster, { match: { pathSpecifier: { case: 'path', value: '/a' } } });
  t.match(storeOf({ rds: [envoy.routes(dialled, [prefix('/a')])] }).refusals, [/match.prefix: must end with a slash/]);
  t.match(storeOf({ rds: [envoy.routes(dialled, [prefix('/a/')])] }).refusals, [
    /only after a route with the path "\/a"/,
  ]);
  t.same(storeOf({ rds: [envoy.routes(dialled, [exact, prefix('/a/')])] }).refusals, []);
});

t.test('a route without a timeout has that of Envoy, and a retry policy is taken as it is', async (t) => {
  const retryPolicy = { retryOn: '5xx,connect-failure', numRetries: 3, perTryTimeout: durationFromMs(250) };
  const config = configOf({ rds: [envoy.routes(dialled, [envoy.route({ ...toCluster, retryPolicy })])] });
  t.match(config.routes[0].virtualHosts[0].routes[0].action, {
    timeoutMs: 15_000,
    retry: { attempts: 3, on: ['5xx', 'connect-failure'], perTryTimeoutMs: 250 },
  });
  const unknown = { ...retryPolicy, retryOn: 'retriable-4xx' };
  t.match(storeOf({ rds: [envoy.routes(dialled, [envoy.route({ ...toCluster, retryPolicy: unknown })])] }).refusals, [
    /retry_policy.retry_on: "retriable-4xx" is none of/,
  ]);
});

t.test('without interception the sidecar has its own address for the HTTP proxy', async (t) => {
  const outboundProxy = { host: '127.0.0.5', port: 15002 };
  const proxy = envoy.listener({
    name: 'outbound-proxy',
    address: envoy.address('127.0.0.1', 15002),
    trafficDirection: 2,
    filterChains: [{ name: 'http', filters: [envoy.httpOver(envoy.rds(dialled))] }],
  });
  const config = configOf({ lds: [proxy] }, { ...facts, isRedirected: false, outboundProxy });
  t.match(config.listeners, [{ name: 'outbound-proxy', bind: outboundProxy, destination: 'local' }]);
});

t.test('values that would mean something else here are refused', async (t) => {
  const chain = (filters: ReturnType<typeof envoy.httpOver>[], match = {}) =>
    storeOf({ lds: [envoy.dialled('10.96.0.5', 80, [{ name: 'x', filterChainMatch: match, filters }])] }).refusals[0];
  const http = envoy.httpOver(envoy.rds(dialled));
  t.match(
    chain([envoy.httpOver(envoy.rds(dialled), [], { generateRequestId: false })]),
    /generate_request_id: must not be false/,
  );
  t.match(
    chain([envoy.httpOver(envoy.rds(dialled), [envoy.allowClient, envoy.allowClient])]),
    /second RBAC with ALLOW/,
  );
  t.match(chain([envoy.httpOver(envoy.rds(dialled), [], { serverName: 'x' })]), /typed_config.server_name: this field/);
  t.match(chain([http, http]), /filters\[1\]: comes after the last filter/);
  t.match(chain([http], { applicationProtocols: ['h3'] }), /"h3" cannot be detected/);
  t.match(chain([http], { transportProtocol: 'tls' }), /tls needs a TLS transport socket, or a TCP proxy/);
  t.match(
    chain([http], { serverNames: ['a'] }),
    /^Listener "outbound\/10.96.0.5:80": filter_chains\[0\].filter_chain_match.server_names: this field/,
  );
});

t.test('regular expressions, inverted headers and whole rewrites are taken as the proxy has them', async (t) => {
  const safeRegex = (regex: string) => ({ regex });
  const regexMatch = (regex: string) => ({
    case: 'stringMatch' as const,
    value: { matchPattern: { case: 'safeRegex' as const, value: safeRegex(regex) } },
  });
  const match = {
    pathSpecifier: { case: 'safeRegex' as const, value: safeRegex('/v[0-9]+') },
    headers: [
      { name: 'x-a', headerMatchSpecifier: regexMatch('a|b'), invertMatch: true },
      { name: 'x-b', headerMatchSpecifier: { case: 'presentMatch' as const, value: true }, invertMatch: true },
      { name: 'x-c', headerMatchSpecifier: { case: 'presentMatch' as const, value: false } },
      { name: 'x-d', headerMatchSpecifier: { case: 'presentMatch' as const, value: false }, invertMatch: true },
    ],
    queryParameters: [{ name: 'q', queryParameterMatchSpecifier: regexMatch('.+') }],
  };
  const regexRewrite = { pattern: safeRegex('^/.*$'), substitution: '/new' };
  const config = configOf({ rds: [envoy.routes(dialled, [envoy.route({ ...toCluster, regexRewrite }, { match })])] });
  checkConfig(config);
  const [route] = config.routes[0].virtualHosts[0].routes;
  t.same(route.match, {
    path: { kind: 'regex', value: '/v[0-9]+' },
    headers: [
      { name: 'x-a', kind: 'regex', value: 'a|b', invert: true },
      { name: 'x-b', kind: 'present', value: '', invert: true },
      { name: 'x-c', kind: 'present', value: '', invert: true },
      { name: 'x-d', kind: 'present', value: '' },
    ],
    query: [{ name: 'q', kind: 'regex', value: '.+' }],
  });
  t.match(route.action, { rewrite: { path: { kind: 'full', value: '/new' } } });
});

t.test('expressions and rewrites that are not understood are refused with their place', async (t) => {
  const regexRewrite = (regex: string, substitution: string) => ({ pattern: { regex }, substitution });
  const of = (action: object, regex = '/a') => {
    const match = { pathSpecifier: { case: 'safeRegex' as const, value: { regex } } };
    return storeOf({ rds: [envoy.routes(dialled, [envoy.route({ ...toCluster, ...action }, { match })])] }).refusals;
  };
  t.match(of({}, '(a)\\1'), [
    /match\.path\.value: is not a regular expression that can be used: at character 4: a backreference/,
  ]);
  t.match(of({}, ''), [/match\.safe_regex\.regex: is missing/]);
  t.match(of({ regexRewrite: regexRewrite('^/a/(.*)$', '/b') }), [/regex_rewrite\.pattern: must be \^\/\.\*\$/]);
  t.match(of({ regexRewrite: regexRewrite('^/.*$', '/b\\0') }), [
    /regex_rewrite\.substitution: must be a path as it is/,
  ]);
  t.match(of({ regexRewrite: regexRewrite('^/.*$', '/b'), prefixRewrite: '/c' }), [/cannot be set together/]);
});

t.test('how paths are read is what the connection manager says', async (t) => {
  const pathOf = (manager: object) => {
    const filters = [envoy.httpOver(envoy.rds(dialled), [], manager)];
    const change = { lds: [envoy.catchAll, envoy.dialled('10.96.0.5', 80, [{ name: 'http', filters }])] };
    const { refusals } = storeOf(change);
    return refusals.length > 0 ? refusals : configOf(change).listeners[0].chains[0].http?.path;
  };
  t.equal(pathOf({}), undefined);
  t.equal(pathOf({ pathWithEscapedSlashesAction: 2 }), undefined);
  t.same(pathOf({ pathWithEscapedSlashesAction: 1 }), { escapedSlashes: 'keep' });
  t.same(pathOf({ pathWithEscapedSlashesAction: 4 }), { escapedSlashes: 'decode', backslash: 'slash' });
  t.same(pathOf({ mergeSlashes: false }), { duplicateSlashes: 'keep' });
  t.match(pathOf({ pathWithEscapedSlashesAction: 3 }), [
    /path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT is not understood; use REJECT_REQUEST/,
  ]);
  t.match(pathOf({ normalizePath: false }), [/normalize_path: must not be false/]);
});

t.test('a policy over a header that is not a value asks for another one', async (t) => {
  const header = (init: object) => ({ case: 'header', value: { name: 'x-team', ...init } });
  const exact = { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: 'a' } } };
  const permissionOf = (rule: object) => {
    const policies = { p: { permissions: [{ rule }], principals: [{ identifier: { case: 'any', value: true } }] } };
    const filters = [envoy.httpOver(envoy.rds(dialled), [{ action: RBAC_Action.DENY, policies } as never])];
    const config = configOf({ lds: [envoy.catchAll, envoy.dialled('10.96.0.5', 80, [{ name: 'http', filters }])] });
    return config.listeners[0].chains[0].authorization[0].policies[0].permissions[0];
  };
  const present = { kind: 'header', name: 'x-team', match: 'present', value: '' };
  t.same(permissionOf(header({ headerMatchSpecifier: exact, invertMatch: true })), {
    kind: 'all-of',
    of: [present, { kind: 'not', of: { kind: 'header', name: 'x-team', match: 'exact', value: 'a' } }],
  });
  t.same(permissionOf(header({ invertMatch: true })), { kind: 'not', of: present });
  const absent = { case: 'presentMatch', value: false };
  t.same(permissionOf(header({ headerMatchSpecifier: absent, invertMatch: true })), present);
});

t.test('answers of the proxy are edited too, and what no upstream sees of a request is not', async (t) => {
  const edit = { header: { key: 'X-A', value: 'b' }, appendAction: 0 };
  const edits = { requestHeadersToAdd: [edit], responseHeadersToAdd: [edit], responseHeadersToRemove: ['x-c'] };
  const actionOf = (action: object) => {
    const config = configOf({ rds: [envoy.routes(dialled, [envoy.route(toCluster, { ...edits, action } as never)])] });
    checkConfig(config);
    return config.routes[0].virtualHosts[0].routes[0].action;
  };
  const responseHeaders = { add: [{ name: 'X-A', value: 'b' }], remove: ['x-c'] };
  t.same(actionOf({ case: 'redirect', value: { hostRedirect: 'a.b' } }), {
    kind: 'redirect',
    status: 301,
    host: 'a.b',
    responseHeaders,
  });
  t.same(actionOf({ case: 'directResponse', value: { status: 500 } }), {
    kind: 'direct',
    status: 500,
    body: '',
    responseHeaders,
  });
  const framing = { ...edit, header: { key: 'Content-Length', value: '1' } };
  const spoiled = envoy.route(toCluster, { requestHeadersToAdd: [framing] } as never);
  t.match(storeOf({ rds: [envoy.routes(dialled, [spoiled])] }).refusals, [
    /requestHeaders\.add\[0\]\.name: is Content-Length, which the proxy alone writes; remove this edit/,
  ]);
});
