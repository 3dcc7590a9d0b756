import type { Chain, Match, Rule, Table } from '../model/table.js';

const CHAIN_NAMES = { output: 'TULLE_OUTPUT', prerouting: 'TULLE_PREROUTING' } as const;
const HOOKS = { output: 'OUTPUT', prerouting: 'PREROUTING' } as const;

/**
 * The table for a kernel without nf_tables. One text for both families: rules for one of them carry -4 or -6, and the
 * other's program skips those (iptables-restore(8)). Feed it to `iptables-restore --noflush` and to `ip6tables-restore
 * --noflush`; without --noflush the other NAT rules of the namespace (Docker's DNS, for one) would go.
 * Our chains are emptied and filled in one step, so repeating it is safe. The jumps into them cannot be looked for in
 * this syntax: a repetition adds a second jump, which finds the same rules and changes nothing.
 */
export function renderIptablesText(table: Table): string {
  const chains = table.chains.map((chain) => `:${CHAIN_NAMES[chain.name]} - [0:0]`);
  const jumps = table.chains.map((chain) => `-A ${HOOKS[chain.name]} -p tcp -j ${CHAIN_NAMES[chain.name]}`);
  const how = '# iptables-restore --noflush < FILE; ip6tables-restore --noflush < FILE';
  return `${[how, '*nat', ...chains, ...jumps, ...table.chains.flatMap(chainRules), 'COMMIT'].join('\n')}\n`;
}

function chainRules(chain: Chain): string[] {
  return chain.rules.map((rule) => `-A ${CHAIN_NAMES[chain.name]} ${ruleText(rule)}`);
}

function ruleText(rule: Rule): string {
  const { verdict } = rule;
  const target = verdict.kind === 'return' ? '-j RETURN' : `-j REDIRECT --to-ports ${verdict.port}`;
  return [...rule.matches.map(matchText), target].join(' ');
}

function matchText(match: Match): string {
  switch (match.kind) {
    case 'tcp':
      return '-p tcp';
    case 'output-interface':
      return `-o ${match.name}`;
    case 'input-interface':
      return `-i ${match.name}`;
    case 'socket-uid':
      return `-m owner --uid-owner ${match.uid}`;
    case 'mark':
      return `-m mark --mark 0x${match.mark.toString(16)}`;
    case 'tcp-destination-port':
      return `-p tcp --dport ${match.port}`;
    case 'destination':
      return `${match.cidr.family === 'ipv4' ? '-4' : '-6'} -d ${match.cidr.text}`;
  }
}
