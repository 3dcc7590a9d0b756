import t from 'tap';
import { noHash } from '../../src/message/hash.js';
import { compileHashPolicy, requestHash } from '../../src/route/hash-policy.js';
import { headOf } from './head-of.js';

const client = { host: '10.1.2.3', port: 1_234 };
const user = { kind: 'header', name: 'X-User' } as const;
const tenant = { kind: 'header', name: 'x-tenant' } as const;
const source = { kind: 'source-address' } as const;

function hash(
  policy: Parameters<typeof compileHashPolicy>[0],
  fields: string[],
  remote: { host: string; port: number } = client,
): number {
  return requestHash(compileHashPolicy(policy), headOf('/', fields), remote);
}

void t.test('the value of a header field is the key, whatever the case of its name', async (t) => {
  const ann = hash([user], ['x-user: ann']);
  t.equal(hash([user], ['X-USER: ann', 'x-other: 1']), ann);
  t.not(hash([user], ['x-user: bob']), ann);
  t.not(hash([user], ['x-user: ann', 'x-user: bob']), ann, 'all fields of the name count');
  t.ok(Number.isInteger(ann) && ann >= 0 && ann < 2 ** 32);
});

void t.test('the client is known by its address alone', async (t) => {
  t.equal(hash([source], []), hash([source], [], { ...client, port: 9 }));
  t.not(hash([source], []), hash([source], [], { host: '10.1.2.4', port: 1_234 }));
});

void t.test('several keys count together, up to a terminal one that is there', async (t) => {
  const both = hash([tenant, user], ['x-tenant: t', 'x-user: ann']);
  t.not(both, hash([tenant, user], ['x-tenant: t', 'x-user: bob']));
  t.not(both, hash([tenant, user], ['x-tenant: s', 'x-user: ann']));
  t.not(both, hash([user, tenant], ['x-tenant: t', 'x-user: ann']), 'in their order');
  t.equal(hash([tenant, user], ['x-user: ann']), hash([user], ['x-user: ann']), 'what is missing does not count');
  const last = [{ ...tenant, terminal: true }, source];
  t.equal(hash(last, ['x-tenant: t']), hash([tenant], ['x-tenant: t']));
  t.equal(hash(last, []), hash([source], []));
});

void t.test('a request that has nothing of it has no key', async (t) => {
  t.equal(hash([user], ['x-tenant: t']), noHash);
  t.equal(hash([], []), noHash);
});
