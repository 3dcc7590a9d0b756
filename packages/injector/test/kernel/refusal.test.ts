import t from 'tap';
import type { Rule } from '../../src/model/table.js';
import { asRoot, inUserNamespace, obstacle, Pod, programMissing, type Way } from './pod.js';

const way = process.getuid?.() === 0 ? asRoot : inUserNamespace;

const good: Rule = { matches: [{ kind: 'tcp' }], verdict: { kind: 'return' }, comment: 'good' };
const cidr = { family: 'ipv6', address: [], prefix: 0, text: 'nothing' } as const;
const bad: Rule = { ...good, matches: [{ kind: 'destination', cidr }], comment: 'bad' };

t.test(
  'a rule that the kernel refuses is named, and the rules before stay',
  { skip: obstacle(way) ?? false },
  async (t) => {
    const pod = await Pod.start(way);
    t.teardown(() => pod.stop());
    await pod.ask('apply', { proxy: { mark: 1337 } });
    const good: Rule = { matches: [{ kind: 'tcp' }], verdict: { kind: 'return' }, comment: 'good' };
    const cidr = { family: 'ipv6', address: [], prefix: 0, text: 'nothing' } as const;
    const bad: Rule = { ...good, matches: [{ kind: 'destination', cidr }], comment: 'bad' };
    await t.rejects(pod.ask('applyTable', { chains: [{ name: 'output', rules: [good, bad, good] }] }), {
      name: 'InterceptionError',
      code: 'kernel-refused',
      message: /^add rule to output: ip6 daddr nothing return comment "bad": EINVAL/,
    });
    if (programMissing('nft', 'nftables') !== undefined) return;
    t.match(await pod.run('nft', ['list', 'table', 'inet', 'tulle']), /redirect to :15001/);
  },
);

t.test(
  'no descriptor stays open, whether the kernel takes the rules or not',
  { skip: obstacle(way) ?? false },
  async (t) => {
    const pod = await Pod.start(way);
    t.teardown(() => pod.stop());
    await pod.ask('remove');
    const before = await pod.ask<number>('descriptors');
    await pod.ask('apply', { proxy: { mark: 1337 } });
    await pod.ask('remove');
    await t.rejects(pod.ask('applyTable', { chains: [{ name: 'output', rules: [bad] }] }), { code: 'kernel-refused' });
    t.equal(await pod.ask('descriptors'), before);
  },
);

// Root of a user namespace has no say in a network namespace that is not of its own making.
const powerless: Way = { name: 'without privilege', unshare: ['-Ur'], users: false };

t.test(
  'without privilege over the namespace the error says which',
  { skip: obstacle(powerless) ?? false },
  async (t) => {
    const pod = await Pod.start(powerless);
    t.teardown(() => pod.stop());
    const refusal = { code: 'no-privilege', message: /^the transaction: EPERM; run it with CAP_NET_ADMIN/ };
    await t.rejects(pod.ask('apply', { proxy: { mark: 1337 } }), refusal);
    await t.rejects(pod.ask('remove'), refusal);
  },
);
