import fc from 'fast-check';
import t from 'tap';
import { interceptionTable } from '../../src/model/interception.js';
import { renderIptablesText } from '../../src/render/iptables-text.js';
import { renderNftText } from '../../src/render/nft-text.js';
import { interceptionRules } from '../../src/rules/parse.js';
import * as arbitrary from '../arbitrary.js';
import { asRoot, inUserNamespace, obstacle, Pod, programMissing } from './pod.js';

const way = process.getuid?.() === 0 ? asRoot : inUserNamespace;
const noNamespace = obstacle(way);
const noNft = noNamespace ?? programMissing('nft', 'nftables');
const noIptables = noNamespace ?? programMissing('iptables-restore', 'iptables');
const RUNS = 20;

// Where only one user exists, rules that know the proxy by its user alone are refused.
const rulesJson = arbitrary.rulesJson.map((json) => {
  return way.users ? json : { ...json, proxy: { mark: 1337, ...(json.proxy as object) } };
});

t.test('nft lists what netlink set as our text says it', { skip: noNft ?? false }, async (t) => {
  const pod = await Pod.start(way);
  t.teardown(() => pod.stop());
  await fc.assert(
    fc.asyncProperty(rulesJson, async (json) => {
      await pod.ask('apply', json);
      t.equal(await pod.run('nft', ['list', 'table', 'inet', 'tulle']), listing(json));
    }),
    { numRuns: RUNS },
  );
  await pod.ask('remove');
  t.equal(await pod.run('nft', ['list', 'ruleset']), '', 'nothing is left');
});

t.test(
  'nft accepts our text, over an older table too, and lists it back unchanged',
  { skip: noNft ?? false },
  async (t) => {
    const pod = await Pod.start(way);
    t.teardown(() => pod.stop());
    await fc.assert(
      fc.asyncProperty(rulesJson, async (json) => {
        await pod.run('nft', ['-f', '-'], renderNftText(interceptionTable(interceptionRules(json))));
        t.equal(await pod.run('nft', ['list', 'table', 'inet', 'tulle']), listing(json));
      }),
      { numRuns: RUNS },
    );
  },
);

t.test('iptables-restore and ip6tables-restore accept our text', { skip: noIptables ?? false }, async (t) => {
  const pod = await Pod.start(way);
  t.teardown(() => pod.stop());
  await fc.assert(
    fc.asyncProperty(rulesJson, async (json) => {
      const text = renderIptablesText(interceptionTable(interceptionRules(json)));
      for (const program of ['iptables-restore', 'ip6tables-restore']) {
        await pod.run(program, ['--noflush', '--test'], text);
      }
    }),
    { numRuns: RUNS },
  );
});

t.test('the largest rules reach the kernel', { skip: noNamespace ?? false }, async (t) => {
  const pod = await Pod.start(way);
  t.teardown(() => pod.stop());
  const list = (start: number) => Array.from({ length: 64 }, (_, i) => start + i);
  await pod.ask('apply', {
    proxy: { mark: 1337 },
    exclude: {
      inboundPorts: list(1000),
      outboundPorts: list(2000),
      outboundCidrs: list(1).map((i) => `2001:db8:${i.toString(16)}::/49`),
      uids: list(1),
    },
  });
});

/** Our text without the two lines before the table that make room for it. */
function listing(json: unknown): string {
  return renderNftText(interceptionTable(interceptionRules(json)))
    .split('\n')
    .slice(2)
    .join('\n');
}
