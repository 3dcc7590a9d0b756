import fc from 'fast-check';
import t from 'tap';
import type { AuthorizationConfig, Predicate } from '../../src/config/config.js';
import { type AccessFacts, authorize, compileAuthorization } from '../../src/policy/authorize.js';
import { headOf } from '../route/head-of.js';

const peerUri = 'spiffe://cluster.local/ns/default/sa/client';
const any: Predicate = { kind: 'any' };

function list(
  action: 'allow' | 'deny',
  permissions: readonly Predicate[],
  principals: readonly Predicate[] = [any],
  name = `x/${action}`,
): AuthorizationConfig {
  return { action, policies: [{ name, principals, permissions }] };
}

function verdict(configs: readonly AuthorizationConfig[], facts: Partial<AccessFacts>): [boolean, string] {
  const { allowed, policy } = authorize(compileAuthorization(configs), {
    peerUri,
    port: 80,
    head: undefined,
    ...facts,
  });
  return [allowed, policy];
}

const get: Predicate = { kind: 'method', method: 'GET' };
const admin: Predicate = { kind: 'path', match: 'prefix', value: '/admin' };

void t.test('without lists all is allowed; an allow list makes the default a denial', async (t) => {
  t.same(verdict([], {}), [true, '']);
  t.same(verdict([{ action: 'deny', policies: [] }], {}), [true, '']);
  t.same(verdict([{ action: 'allow', policies: [] }], {}), [false, '']);
});

void t.test('a deny list wins, in whatever order the lists come', async (t) => {
  const lists = [list('allow', [any]), list('deny', [admin])];
  for (const order of [lists, lists.toReversed()]) {
    t.same(verdict(order, { head: headOf('/admin/x') }), [false, 'x/deny']);
    t.same(verdict(order, { head: headOf('/') }), [true, 'x/allow']);
  }
});

void t.test('what will go through the tunnel of a CONNECT is unknown, as in any opaque connection', async (t) => {
  const head = headOf('server.test:80', ['host: server.test:80', 'x: y'], 'CONNECT');
  const header = { kind: 'header', name: 'x', match: 'present', value: '' } as const;
  for (const predicate of [
    get,
    admin,
    header,
    { kind: 'not', of: admin } as const,
    { kind: 'not', of: get } as const,
  ]) {
    t.same(verdict([list('allow', [predicate])], { head }), [false, '']);
    t.same(verdict([list('deny', [predicate])], { head }), [false, 'x/deny']);
  }
  const connect: Predicate = { kind: 'method', method: 'CONNECT' };
  t.same(verdict([list('allow', [connect])], { head }), [true, 'x/allow'], 'whoever allows the tunnel itself has it');
  t.same(verdict([list('deny', [connect])], { head }), [false, 'x/deny']);
  t.same(verdict([], { head }), [true, '']);
});

void t.test('a method in other letters meets no allow rule and every deny rule', async (t) => {
  const frob: Predicate = { kind: 'method', method: 'FROB' };
  for (const method of ['frob', 'Frob']) {
    const head = headOf('/', [], method);
    t.same(verdict([list('allow', [frob])], { head }), [false, '']);
    t.same(verdict([list('deny', [frob])], { head }), [false, 'x/deny']);
    t.same(verdict([list('allow', [{ kind: 'not', of: frob }])], { head }), [false, '']);
    t.same(verdict([list('allow', [{ kind: 'method', method }])], { head }), [true, 'x/allow']);
  }
  t.same(verdict([list('deny', [frob])], { head: headOf('/', [], 'FROBS') }), [true, '']);
});

void t.test('opaque bytes satisfy no allow rule that asks for HTTP, and every deny rule', async (t) => {
  for (const predicate of [get, admin, { kind: 'header', name: 'x', match: 'present', value: '' } as const]) {
    for (const each of [predicate, { kind: 'not', of: predicate } as const]) {
      t.same(verdict([list('allow', [each])], {}), [false, '']);
      t.same(verdict([list('deny', [each])], {}), [false, 'x/deny']);
    }
  }
  t.same(
    verdict([list('deny', [{ kind: 'all-of', of: [get, { kind: 'port', port: 81 }] }])], {}),
    [true, ''],
    'what is known to be false decides',
  );
  t.same(verdict([list('allow', [{ kind: 'any-of', of: [get, { kind: 'port', port: 80 }] }])], {}), [true, 'x/allow']);
});

void t.test('principals: exact, prefix, and nobody without a certificate', async (t) => {
  const exact: Predicate = { kind: 'principal', match: 'exact', value: peerUri };
  const prefix: Predicate = { kind: 'principal', match: 'prefix', value: 'spiffe://cluster.local/ns/default/' };
  for (const who of [exact, prefix, { kind: 'authenticated' } as const]) {
    t.same(verdict([list('allow', [any], [who])], {}), [true, 'x/allow']);
    t.same(verdict([list('allow', [any], [who])], { peerUri: '' }), [false, '']);
  }
  t.same(verdict([list('allow', [any], [exact])], { peerUri: `${peerUri}2` }), [false, '']);
});

void t.test('several fields of one name: an allow rule needs all of them, a deny rule one', async (t) => {
  const good: Predicate = { kind: 'header', name: 'X-Team', match: 'exact', value: 'good' };
  const both = headOf('/', ['x-team: good', 'x-team: evil']);
  t.same(verdict([list('allow', [good])], { head: both }), [false, ''], 'the good one does not cover for the other');
  t.same(verdict([list('deny', [good])], { head: both }), [false, 'x/deny'], 'the other does not hide it');
  t.same(verdict([list('allow', [{ kind: 'not', of: good }])], { head: both }), [false, '']);
  t.same(verdict([list('allow', [good])], { head: headOf('/', ['x-team: good', 'x-team: good']) }), [true, 'x/allow']);
  t.same(verdict([list('allow', [good])], { head: headOf('/') }), [false, '']);
});

/** Predicates over facts that are unknown for opaque bytes, and others. */
const predicates = fc.letrec<{ it: Predicate }>((tie) => ({
  it: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Predicate>(
      any,
      get,
      admin,
      { kind: 'authenticated' },
      { kind: 'port', port: 80 },
      { kind: 'port', port: 81 },
    ),
    fc.record({
      kind: fc.constantFrom('all-of' as const, 'any-of' as const),
      of: fc.array(tie('it'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not' as const), of: tie('it') }),
  ),
})).it;

void t.test(
  'what is allowed for opaque bytes is allowed for every request, what is denied for some request is denied for them',
  async (t) => {
    const requests = [headOf('/'), headOf('/admin'), headOf('/', [], 'PUT'), headOf('/admin', [], 'PUT')];
    fc.assert(
      fc.property(predicates, (predicate) => {
        const allow = [list('allow', [predicate])];
        const deny = [list('deny', [predicate])];
        const [isAllowed] = verdict(allow, {});
        const [isLeft] = verdict(deny, {});
        return (
          (!isAllowed || requests.every((head) => verdict(allow, { head })[0])) &&
          (!isLeft || requests.every((head) => verdict(deny, { head })[0]))
        );
      }),
      { numRuns: 500 },
    );
    t.pass();
  },
);
