import fc from 'fast-check';
import t, { type Test } from 'tap';
import { interceptionTable } from '../src/model/interception.js';
import { MAX_COMMENT_BYTES, type Match, type Table } from '../src/model/table.js';
import { interceptionRules } from '../src/rules/parse.js';
import { rulesJson } from './arbitrary.js';

t.test('each chain ends with its one redirect, and every exclusion stands before it', async (t) => {
  fc.assert(
    fc.property(rulesJson, (json) => {
      const rules = interceptionRules(json);
      const table = interceptionTable(rules);
      const { exclude, proxy, sidecarPorts } = rules;
      const port = (port: number): Match => ({ kind: 'tcp-destination-port', port });
      const leaving: Match[] = [
        ...(proxy.uid === undefined ? [] : [{ kind: 'socket-uid' as const, uid: proxy.uid }]),
        ...(proxy.mark === undefined ? [] : [{ kind: 'mark' as const, mark: proxy.mark }]),
        { kind: 'output-interface', name: 'lo' },
        ...exclude.uids.map((uid) => ({ kind: 'socket-uid' as const, uid })),
        ...exclude.outboundPorts.map(port),
        ...exclude.outboundCidrs.map((cidr) => ({ kind: 'destination' as const, cidr })),
      ];
      const arriving: Match[] = [
        { kind: 'input-interface', name: 'lo' },
        ...[rules.inboundPort, sidecarPorts.admin, sidecarPorts.metrics, sidecarPorts.health].map(port),
        ...exclude.inboundPorts.map(port),
      ];
      checkChain(t, table, 'output', leaving, rules.outboundPort);
      checkChain(t, table, 'prerouting', arriving, rules.inboundPort);
    }),
  );
});

t.test('the proxy is recognised before anything else', async (t) => {
  const { chains } = interceptionTable(interceptionRules({ proxy: { uid: 7, mark: 8 }, exclude: { uids: [1] } }));
  t.same(
    chains[0].rules.slice(0, 3).map(({ matches }) => matches[0].kind),
    ['socket-uid', 'mark', 'output-interface'],
  );
});

t.test('comments fit where nft keeps them', async (t) => {
  const { chains } = interceptionTable(
    interceptionRules({
      proxy: { uid: 7, mark: 8 },
      exclude: { uids: [1], inboundPorts: [1], outboundPorts: [1], outboundCidrs: ['10.0.0.0/8'] },
    }),
  );
  for (const { comment } of chains.flatMap(({ rules }) => rules)) {
    t.match(comment, /^[a-z, ]+$/);
    t.ok(comment.length < MAX_COMMENT_BYTES);
  }
});

function checkChain(t: Test, table: Table, name: string, leave: readonly Match[], port: number): void {
  const rules = table.chains.find((chain) => chain.name === name)?.rules ?? [];
  t.same(rules[rules.length - 1].matches, [{ kind: 'tcp' }]);
  t.same(rules[rules.length - 1].verdict, { kind: 'redirect', port });
  const before = rules.slice(0, -1);
  t.ok(before.every(({ verdict, matches }) => verdict.kind === 'return' && matches.length === 1));
  const left = before.map(({ matches }) => JSON.stringify(matches[0]));
  t.same(new Set(left), new Set(leave.map((match) => JSON.stringify(match))));
  t.equal(new Set(left).size, left.length, 'no rule twice');
}
