import type { AuthorizationPolicy, PolicyOperation, PolicyRule, PolicySource } from '@tulle/api';
import fc from 'fast-check';
import t from 'tap';
import { enforce } from '../../src/translate/rbac.js';
import { modelOf, policy } from '../manifests.js';
import { type Attempt, isAllowed } from './rbac-evaluator.js';
import { json } from './translated.js';

const trustDomain = 'td';
const id = (namespace: string, account: string) => `spiffe://td/ns/${namespace}/sa/${account}`;

function policies(...specs: string[]): readonly AuthorizationPolicy[] {
  return modelOf(specs.map((spec, i) => policy('AuthorizationPolicy', `p${i}`, spec)).join('\n---\n')).policies;
}

const http = (all: readonly AuthorizationPolicy[]) => enforce(all, { protocol: 'http', port: 8080, trustDomain });
const tcp = (all: readonly AuthorizationPolicy[]) => enforce(all, { protocol: 'tcp', port: 8080, trustDomain });
const get = (path: string, peer?: string): Attempt => ({ peer, port: 8080, method: 'GET', path });
const opaque = (peer?: string): Attempt => ({ peer, port: 8080 });

const allowClient = 'rules: [{from: [{serviceAccounts: [client]}], to: [{methods: [GET, POST]}]}]';
const denyAdmin = 'action: Deny, rules: [{to: [{paths: ["/admin*"]}]}]';

t.test('without a policy everybody may do everything', async (t) => {
  t.same(http([]), []);
  t.equal(isAllowed([], get('/')), true);
});

t.test('what is denied comes before what is allowed, and each policy is named', async (t) => {
  t.match(http(policies(allowClient, denyAdmin)).map(json), [
    {
      action: 'DENY',
      policies: {
        'default/p1': { permissions: [{ urlPath: { path: { prefix: '/admin' } } }], principals: [{ any: true }] },
      },
    },
    {
      policies: {
        'default/p0': {
          permissions: [{ orRules: { rules: [{ header: { name: ':method' } }, { header: { name: ':method' } }] } }],
          principals: [{ authenticated: { principalName: { exact: 'spiffe://td/ns/default/sa/client' } } }],
        },
      },
    },
  ]);
});

t.test('with any Allow policy the rest is refused', async (t) => {
  const filters = http(policies(allowClient, denyAdmin));
  t.equal(isAllowed(filters, get('/', id('default', 'client'))), true);
  t.equal(isAllowed(filters, { ...get('/', id('default', 'client')), method: 'DELETE' }), false, 'another method');
  t.equal(isAllowed(filters, get('/admin/x', id('default', 'client'))), false, 'denied');
  t.equal(isAllowed(filters, get('/', id('default', 'other'))), false, 'another account');
  t.equal(isAllowed(filters, get('/', id('shop', 'client'))), false, 'another namespace');
  t.equal(isAllowed(filters, get('/')), false, 'without an identity');
});

t.test('an Allow policy without a rule refuses everything, a Deny policy without one nothing', async (t) => {
  t.equal(isAllowed(http(policies('action: Allow')), get('/', id('default', 'client'))), false);
  t.same(http(policies('action: Deny')), []);
});

t.test('of opaque TCP no method or path is known: nothing is allowed for them, and all is denied', async (t) => {
  const me = id('default', 'client');
  t.equal(isAllowed(tcp(policies(allowClient)), opaque(me)), false);
  t.equal(isAllowed(tcp(policies(denyAdmin)), opaque(me)), false);
  t.equal(isAllowed(tcp(policies('rules: [{from: [{serviceAccounts: [client]}]}]')), opaque(me)), true);
  const denyOther = 'action: Deny, rules: [{from: [{serviceAccounts: [other]}], to: [{paths: [/x]}]}]';
  t.equal(isAllowed(tcp(policies(denyOther)), opaque(me)), true, 'the rest of a rule still counts');
  t.equal(isAllowed(tcp(policies(denyOther)), opaque(id('default', 'other'))), false);
});

t.test('several rules of one policy do not mix', async (t) => {
  const filters = http(
    policies(
      `rules: [{from: [{serviceAccounts: [a]}], to: [{paths: [/a]}]}, {from: [{serviceAccounts: [b]}], to: [{paths: [/b]}]}]`,
    ),
  );
  t.same(Object.keys(filters[0].policies), ['default/p0[0]', 'default/p0[1]']);
  t.equal(isAllowed(filters, get('/a', id('default', 'a'))), true);
  t.equal(isAllowed(filters, get('/b', id('default', 'a'))), false);
});

t.test('where all ports arrive at one place, the port is asked for', async (t) => {
  const filters = enforce(policies('rules: [{to: [{ports: [1, 2]}]}]'), {
    protocol: 'tcp',
    port: undefined,
    trustDomain,
  });
  t.equal(isAllowed(filters, { peer: undefined, port: 2 }), true);
  t.equal(isAllowed(filters, { peer: undefined, port: 3 }), false);
});

t.test('any identity is not nobody', async (t) => {
  const filters = http(policies('rules: [{from: [{principals: ["*"]}]}]'));
  t.equal(isAllowed(filters, get('/', id('x', 'y'))), true);
  t.equal(isAllowed(filters, get('/')), false);
});

t.test('whatever the policies, Envoy decides as they read', async () => {
  const some = <T>(values: T[]) => fc.option(fc.subarray(values, { minLength: 1 }), { nil: undefined });
  const given = (value: object) => Object.values(value).some((it) => it !== undefined);
  const source: fc.Arbitrary<PolicySource> = fc
    .record({
      serviceAccounts: some(['a', 'shop/a', 'b']),
      namespaces: some(['default', 'shop']),
      principals: some(['*', 'spiffe://td/ns/default/*', id('shop', 'b'), 'spiffe://other/*']),
    })
    .filter(given);
  const operation: fc.Arbitrary<PolicyOperation> = fc
    .record({
      methods: some(['GET' as const, 'PUT' as const]),
      paths: some(['/x', '/x*', '*']),
      ports: some([8080, 9]),
    })
    .filter(given);
  const list = <T>(it: fc.Arbitrary<T>) => fc.option(fc.array(it, { minLength: 1, maxLength: 2 }), { nil: undefined });
  const rule: fc.Arbitrary<PolicyRule> = fc.record({ from: list(source), to: list(operation) });
  const one = fc.record({
    action: fc.constantFrom('Allow' as const, 'Deny' as const),
    rules: fc.array(rule, { maxLength: 2 }),
  });
  const [template] = policies('action: Allow');
  const all = fc
    .array(one, { maxLength: 3 })
    .map((specs) =>
      specs.map(
        (spec, i): AuthorizationPolicy => ({ ...template, metadata: { ...template.metadata, name: `p${i}` }, spec }),
      ),
    );
  const attempt: fc.Arbitrary<Attempt> = fc.record({
    peer: fc.constantFrom(
      undefined,
      id('default', 'a'),
      id('shop', 'a'),
      id('shop', 'b'),
      'spiffe://other/ns/default/sa/a',
    ),
    port: fc.constantFrom(8080, 9),
    method: fc.constantFrom('GET', 'PUT', 'POST'),
    path: fc.constantFrom('/x', '/xy', '/y'),
  });
  fc.assert(
    fc.property(all, attempt, fc.boolean(), fc.boolean(), (specs, it, isHttp, knownPort) => {
      const seen: Attempt = isHttp ? it : { peer: it.peer, port: it.port };
      const at = {
        protocol: isHttp ? ('http' as const) : ('tcp' as const),
        port: knownPort ? it.port : undefined,
        trustDomain,
      };
      const decided = isAllowed(enforce(specs, at), seen);
      if (decided !== asRead(specs, seen)) throw new Error(`decided ${decided}`);
    }),
    { numRuns: 3000 },
  );
});

/** The words of AuthorizationPolicy, without xDS. */
function asRead(all: readonly AuthorizationPolicy[], attempt: Attempt): boolean {
  const matched = (action: 'Allow' | 'Deny') =>
    all.some(({ spec }) => spec.action === action && spec.rules.some((rule) => ruleMatches(rule, action, attempt)));
  if (matched('Deny')) return false;
  return matched('Allow') || !all.some(({ spec }) => spec.action === 'Allow');
}

function ruleMatches(
  { from, to }: PolicyRule,
  action: 'Allow' | 'Deny',
  { peer, port, method, path }: Attempt,
): boolean {
  const like = (pattern: string, text: string) =>
    pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
  const opaqueAnswer = action === 'Deny';
  const isFrom =
    from === undefined ||
    (peer !== undefined &&
      from.some(
        ({ serviceAccounts, namespaces, principals }) =>
          (serviceAccounts?.some(
            (it) => peer === id(...((it.includes('/') ? it : `default/${it}`).split('/') as [string, string])),
          ) ??
            true) &&
          (namespaces?.some((it) => peer.startsWith(`spiffe://td/ns/${it}/sa/`)) ?? true) &&
          (principals?.some((it) => like(it, peer)) ?? true),
      ));
  const isTo =
    to === undefined ||
    to.some(
      ({ methods, paths, ports }) =>
        (methods?.some((it) => (method === undefined ? opaqueAnswer : it === method)) ?? true) &&
        (paths?.some((it) => (path === undefined ? opaqueAnswer : like(it, path))) ?? true) &&
        (ports?.includes(port) ?? true),
    );
  return isFrom && isTo;
}
