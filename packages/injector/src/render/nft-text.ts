import { type Chain, type Match, NAT_PRIORITY, type Rule, TABLE_NAME, type Table } from '../model/table.js';

/**
 * The table in nft's syntax, for `nft -f`, spelled as `nft list table inet tulle` spells it. The first two lines replace
 * a table that is there already: add it lest the deletion fails, delete it; nft sends a file as one transaction.
 */
export function renderNftText(table: Table): string {
  const head = [`table inet ${TABLE_NAME}`, `delete table inet ${TABLE_NAME}`];
  return `${[...head, `table inet ${TABLE_NAME} {`, ...table.chains.map(chainText), '}'].join('\n')}\n`;
}

function chainText(chain: Chain, index: number): string {
  // nft knows the name `dstnat` for the priority, but prints it only for prerouting.
  const priority = chain.name === 'prerouting' ? 'dstnat' : String(NAT_PRIORITY);
  const head = `\tchain ${chain.name} {\n\t\ttype nat hook ${chain.name} priority ${priority}; policy accept;`;
  const lines = [head, ...chain.rules.map((rule) => `\t\t${nftRuleText(rule)}`), '\t}'];
  return (index === 0 ? '' : '\n') + lines.join('\n');
}

/** One rule in nft's syntax, comment included. */
export function nftRuleText(rule: Rule): string {
  const verdict = rule.verdict.kind === 'return' ? 'return' : `redirect to :${rule.verdict.port}`;
  return [...rule.matches.map(matchText), verdict, `comment "${rule.comment}"`].join(' ');
}

function matchText(match: Match): string {
  switch (match.kind) {
    case 'tcp':
      return 'meta l4proto tcp';
    case 'output-interface':
      return `oifname "${match.name}"`;
    case 'input-interface':
      return `iifname "${match.name}"`;
    case 'socket-uid':
      return `meta skuid ${match.uid}`;
    case 'mark':
      return `meta mark 0x${match.mark.toString(16).padStart(8, '0')}`;
    case 'tcp-destination-port':
      return `tcp dport ${match.port}`;
    case 'destination':
      return `${match.cidr.family === 'ipv4' ? 'ip' : 'ip6'} daddr ${match.cidr.text.replace(/(\.\d+)\/32$|\/128$/, '$1')}`;
  }
}
