import t from 'tap';
import { ConfigError, checkConfig } from '../../src/config/check.js';
import type { ProxyConfig } from '../../src/config/config.js';

const pem = '-----BEGIN CERTIFICATE-----\n';

/** A configuration with everything in it; parsed anew each time, so that a test may spoil it. */
function whole(): ProxyConfig {
  const tls = { identity: 'me', clientTrust: 'root', requireClientCertificate: true };
  const clusters = [{ cluster: 'c', weight: 1 }];
  const it = {
    listeners: [
      {
        name: 'l',
        bind: { host: '127.0.0.1', port: 0 },
        direction: 'inbound',
        destination: 'local',
        chains: [
          {
            name: 'http',
            match: { transport: 'tls', alpn: ['a'] },
            tls,
            protocol: 'http',
            http: { routes: 'r' },
            authorization: [],
          },
          {
            name: 'tcp',
            match: { transport: 'tls' },
            tls,
            protocol: 'tcp',
            tcp: { clusters },
            authorization: [
              {
                action: 'allow',
                policies: [
                  {
                    name: 'p',
                    principals: [{ kind: 'any' }],
                    permissions: [{ kind: 'not', of: { kind: 'port', port: 1 } }],
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'c',
        endpoints: [{ address: { host: '::1', port: 1 }, weight: 1, tls: true }],
        balancer: 'p2c',
        connectTimeoutMs: 1,
        tls: { identity: 'me', trust: 'root', alpn: [] },
      },
      { name: 'h', endpoints: [], balancer: 'ring-hash', connectTimeoutMs: 1, ringHash: { minimumRingSize: 8 } },
      { name: 'm', endpoints: [], balancer: 'maglev', connectTimeoutMs: 1, maglev: { tableSize: 101 } },
      { name: 'o', endpoints: 'original', balancer: 'p2c', connectTimeoutMs: 1 },
    ],
    routes: [
      {
        name: 'r',
        virtualHosts: [
          {
            name: 'v',
            domains: ['a.test', '*.test', '*'],
            routes: [
              {
                name: '',
                match: {
                  path: { kind: 'prefix', value: '/' },
                  headers: [{ name: 'x', kind: 'exact', value: 'y' }],
                  query: [{ name: 'q', kind: 'exact', value: '' }],
                },
                action: {
                  kind: 'forward',
                  clusters,
                  hashPolicy: [{ kind: 'header', name: 'x-user', terminal: true }, { kind: 'source-address' }],
                  requestHeaders: { set: [{ name: 'x', value: 'y' }] },
                },
              },
            ],
          },
        ],
      },
    ],
    identities: [{ name: 'me', certificateChainPem: pem, privateKeyPem: pem }],
    trust: [{ name: 'root', caPem: pem, trustDomain: 'cluster.local' }],
    accessLog: { target: 'off', format: 'json' },
    limits: { maxHeadBytes: 1_000 },
  } satisfies ProxyConfig;
  return JSON.parse(JSON.stringify(it)) as ProxyConfig;
}

/** Paths complained of after `value` was put at `path`. */
function complaints(path: string, value: unknown): string[] {
  const config = whole();
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
  let at: Record<string, unknown> = config as unknown as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[keys.at(-1) ?? ''] = value;
  try {
    checkConfig(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const complaint of error.complaints)
      if (!error.message.includes(complaint.path)) throw new Error('a path is not in the message');
    return error.complaints.map((complaint) => complaint.path);
  }
  return [];
}

void t.test('a configuration with everything in it is taken', async (t) => {
  t.same(complaints('limits', undefined), []);
});

const route = 'routes[0].virtualHosts[0].routes[0]';
const chain = 'listeners[0].chains[0]';
const policy = 'listeners[0].chains[1].authorization[0].policies[0]';

function balanced(balancer: string, settings: object): object {
  return { ...whole().clusters[0], balancer, ...settings };
}

/** What is put where, and where the complaint is when it is not there. */
const wrong: [path: string, value: unknown, ...complaints: string[]][] = [
  ['listenners', []],
  ['listeners', undefined],
  ['listeners', {}],
  ['listeners[0].bind.host', 'localhost'],
  ['listeners[0].bind.port', 65_536],
  ['listeners[0].bind.port', 1.5],
  ['listeners[0].bind.zone', 1],
  ['listeners[0].direction', 'sideways'],
  [`${chain}.match.address`, '10.0.0.1', `${chain}.match.port`],
  [`${chain}.protocol`, 'auto', `${chain}.tcp`],
  [`${chain}.http`, undefined],
  [`${chain}.http.routes`, 'other'],
  [`${chain}.http.path`, { escapedSlashes: 'refuse' }, `${chain}.http.path.escapedSlashes`],
  [`${chain}.http.path`, { mergeSlashes: true }, `${chain}.http.path.mergeSlashes`],
  [`${route}.match.path`, { kind: 'regex', value: '(a' }, `${route}.match.path.value`],
  [`${route}.match.path`, { kind: 'regex', value: 'a{1000}b{1000}c{1000}' }, `${route}.match.path.value`],
  [`${route}.match.headers[0]`, { name: 'x', kind: 'regex', value: '\\1' }, `${route}.match.headers[0].value`],
  [`${route}.match.query[0]`, { name: 'x', kind: 'regex', value: '(?=a)' }, `${route}.match.query[0].value`],
  [`${route}.match.query[0]`, { name: 'x', kind: 'exact', value: '', invert: true }, `${route}.match.query[0].invert`],
  [
    `${route}.action.requestHeaders`,
    { add: [{ name: 'Transfer-Encoding', value: 'chunked' }] },
    `${route}.action.requestHeaders.add[0].name`,
  ],
  [
    `${route}.action.responseHeaders`,
    { set: [{ name: 'content_length', value: '1' }] },
    `${route}.action.responseHeaders.set[0].name`,
  ],
  [`${route}.action.responseHeaders`, { remove: ['connection'] }, `${route}.action.responseHeaders.remove[0]`],
  [`${chain}.tls`, undefined],
  [`${chain}.tls.identity`, 'other', 'listeners[0].chains[1].tls.identity', `${chain}.tls.identity`],
  [`${chain}.tls.clientTrust`, undefined, 'listeners[0].chains[1].tls.clientTrust', `${chain}.tls.clientTrust`],
  ['listeners[0].chains[1].tls.requireClientCertificate', false],
  ['listeners[0].chains[1].tcp.clusters', [{ cluster: 'c', weight: 0 }]],
  ['listeners[0].chains[1].tcp.clusters', []],
  [`${policy}.principals`, []],
  [`${policy}.permissions[0].of.kind`, 'maybe'],
  [`${policy}.permissions[0].of`, { kind: 'path', match: 'exact', value: '/ä' }, `${policy}.permissions[0].of.value`],
  ['clusters[0].connectTimeoutMs', 0],
  ['clusters[0].balancer', 'random'],
  ['clusters[0].ringHash', { minimumRingSize: 8 }],
  ['clusters[0].leastRequest', { choiceCount: 1 }, 'clusters[0].leastRequest.choiceCount'],
  ['clusters[0]', balanced('maglev', { maglev: { tableSize: 65_536 } }), 'clusters[0].maglev.tableSize'],
  [
    'clusters[0]',
    {
      ...balanced('maglev', { maglev: { tableSize: 2 } }),
      endpoints: [1, 2, 3].map((port) => ({ address: { host: '10.0.0.1', port }, weight: 1, tls: false })),
    },
    'clusters[0].maglev.tableSize',
  ],
  [
    'clusters[0]',
    balanced('ring-hash', { ringHash: { minimumRingSize: 1e6 } }),
    'clusters[0].ringHash.minimumRingSize',
  ],
  [
    'clusters[0]',
    balanced('ring-hash', { ringHash: { minimumRingSize: 9, maximumRingSize: 8 } }),
    'clusters[0].ringHash.minimumRingSize',
  ],
  ['clusters[0].circuitBreaker', { maxRetries: 1, retryBudget: {} }, 'clusters[0].circuitBreaker.maxRetries'],
  [
    'clusters[0].circuitBreaker',
    { retryBudget: { budgetPercent: 101 } },
    'clusters[0].circuitBreaker.retryBudget.budgetPercent',
  ],
  ['clusters[0].outlierDetection', { maxEjectionPercent: -1 }, 'clusters[0].outlierDetection.maxEjectionPercent'],
  ['clusters[0].outlierDetection', { successRate: 1 }, 'clusters[0].outlierDetection.successRate'],
  [
    'clusters[0]',
    { ...whole().clusters[0], endpoints: 'original', outlierDetection: {} },
    'clusters[0].outlierDetection',
  ],
  ['clusters[0].panicThresholdPercent', 101],
  [`${route}.action.idleTimeoutMs`, -1],
  [
    `${route}.action.retry`,
    { attempts: 1, on: [], backOff: { baseIntervalMs: 5, maxIntervalMs: 4 } },
    `${route}.action.retry.backOff.maxIntervalMs`,
  ],
  [`${route}.action.hashPolicy`, []],
  [`${route}.action.hashPolicy`, [{ kind: 'cookie' }], `${route}.action.hashPolicy[0].kind`],
  [`${route}.action.hashPolicy`, [{ kind: 'header', name: 'a b' }], `${route}.action.hashPolicy[0].name`],
  ['listeners[0].chains[1].tcp.hashPolicy', 'header'],
  ['clusters[0].tls', undefined, 'clusters[0].endpoints[0].tls'],
  ['clusters[0].tls.trust', 'other'],
  ['clusters[0].endpoints', 'originale'],
  ['clusters[1].name', 'c'],
  ['clusters[0].endpoints[0].weight', -1],
  [`${route}.match.path.value`, 'a'],
  [`${route}.match.path.value`, '/a b'],
  [`${route}.match.headers[0].value`, '€'],
  [`${route}.match.headers[0].name`, 'x y'],
  [`${route}.match.query[0].value`, 'ä'],
  [`${route}.match.method`, 'G T'],
  [`${route}.action.kind`, 'toString'],
  [`${route}.action.requestHeaders.set[0].value`, 'a\r\nb: c'],
  [`${route}.action.requestHeaders.set[0].name`, 'a:'],
  [`${route}.action.timeoutMs`, '1s'],
  [`${route}.action.clusters`, [{ cluster: 'c', weight: 0 }]],
  [`${route}.action`, { kind: 'redirect', status: 200 }, `${route}.action.status`],
  [`${route}.action`, { kind: 'redirect', status: 301, host: 'a b' }, `${route}.action.host`],
  ['routes[0].virtualHosts[0].domains[0]', 'a.*'],
  ['routes[0].virtualHosts[0].domains[1]', 'A.test'],
  ['identities[0].privateKeyPem', 'secret'],
  ['trust[0].trustDomain', ''],
  ['accessLog.format', 'xml'],
  ['limits.maxHeadBytes', 0],
  ['limits.maxHeads', 1],
];

void t.test('every complaint names its place', async (t) => {
  for (const [path, value, ...expected] of wrong)
    t.same(complaints(path, value), expected.length === 0 ? [path] : expected, `${path} = ${JSON.stringify(value)}`);
});

void t.test('all complaints come at once, and a long text is not repeated: it may be a key', async (t) => {
  const config = {
    ...whole(),
    accessLog: { target: '', format: 1 },
    identities: [{ name: 'me', certificateChainPem: pem, privateKeyPem: 'k'.repeat(99) }],
  };
  t.throws(() => checkConfig(config as unknown as ProxyConfig), {
    message: /privateKeyPem must be PEM text, not a text of 99 characters\n.*accessLog\.target[\s\S]*accessLog\.format/,
  });
});

void t.test('a cluster that a route names may come later', async (t) => {
  t.same(complaints(`${route}.action.clusters`, [{ cluster: 'later', weight: 1 }]), []);
});

void t.test(
  'a matched prefix can be replaced only where one is matched; a limit changes what an expression may be',
  async (t) => {
    const spoiled = (action: object): ProxyConfig => {
      const config = whole();
      const [route] = config.routes[0].virtualHosts[0].routes;
      Object.assign(route, { match: { path: { kind: 'regex', value: 'a{100}' } }, action });
      return config;
    };
    const path = { kind: 'prefix', value: '/b' };
    const forward = { kind: 'forward', clusters: [{ cluster: 'c', weight: 1 }] };
    t.throws(() => checkConfig(spoiled({ ...forward, rewrite: { path } })), {
      message: /action\.rewrite\.path\.kind is "prefix", but/,
    });
    t.throws(() => checkConfig(spoiled({ kind: 'redirect', status: 302, path })), {
      message: /action\.path\.kind is "prefix", but/,
    });
    t.doesNotThrow(() => checkConfig(spoiled({ ...forward, rewrite: { path: { ...path, kind: 'full' } } })));
    const small = { ...spoiled(forward), limits: { maxRegexInstructions: 100 } };
    t.throws(() => checkConfig(small), {
      message: /101 instructions, more than the 100 allowed; .* raise limits\.maxRegexInstructions/,
    });
  },
);
