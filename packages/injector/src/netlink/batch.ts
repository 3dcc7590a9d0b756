import { type Chain, NAT_PRIORITY, type Rule, TABLE_NAME, type Table } from '../model/table.js';
import { nftRuleText } from '../render/nft-text.js';
import { type Attribute, bytes, integer, type NetfilterMessage, nested, text } from './encode.js';
import { ruleExpressions } from './expressions.js';

// linux/netfilter/nfnetlink.h, nf_tables.h and netlink.h.
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
const SUBSYSTEM_NFTABLES = 10;
const NEW_TABLE = 0;
const DELETE_TABLE = 2;
const NEW_CHAIN = 3;
const NEW_RULE = 6;
const REQUEST = 0x1;
const ACKNOWLEDGE = 0x4;
const CREATE = 0x400;
const APPEND = 0x800;
const UNSPECIFIED = 0;
const FAMILY_INET = 1;
const HOOKS = { prerouting: 0, output: 3 } as const;
const POLICY_ACCEPT = 1;

/**
 * Puts `table` in place of whatever table of its name there is, in one transaction: packets meet the old rules or the new
 * ones, never neither. The table is added before it is deleted, for deleting one that is absent is an error.
 */
export function replaceTable(table: Table): NetfilterMessage[] {
  return transaction([
    addTable(),
    deleteTable(),
    addTable(),
    ...table.chains.map(addChain),
    ...table.chains.flatMap((chain) => chain.rules.map((rule) => addRule(chain, rule))),
  ]);
}

/** Deletes the table if it is there. */
export function removeTable(): NetfilterMessage[] {
  return transaction([addTable(), deleteTable()]);
}

/**
 * Only the last message asks for an acknowledgement: refusals come unasked, and hundreds of acknowledgements could
 * overflow the socket's receive buffer (ENOBUFS). The kernel sends it after the commit, behind all refusals.
 */
function transaction(messages: readonly NetfilterMessage[]): NetfilterMessage[] {
  const last = messages[messages.length - 1];
  const bound = (type: number, about: string): NetfilterMessage => {
    return { type, flags: REQUEST, family: UNSPECIFIED, resourceId: SUBSYSTEM_NFTABLES, attributes: [], about };
  };
  return [
    bound(BATCH_BEGIN, 'the transaction'),
    ...messages.slice(0, -1),
    { ...last, flags: last.flags | ACKNOWLEDGE },
    bound(BATCH_END, 'the end of the transaction'),
  ];
}

/** NFTA_TABLE_NAME 1 */
function addTable(): NetfilterMessage {
  return message(NEW_TABLE, CREATE, `add table inet ${TABLE_NAME}`, [text(1, TABLE_NAME)]);
}

function deleteTable(): NetfilterMessage {
  return message(DELETE_TABLE, 0, `delete table inet ${TABLE_NAME}`, [text(1, TABLE_NAME)]);
}

/** NFTA_CHAIN_TABLE 1, _NAME 3, _HOOK 4 { NFTA_HOOK_HOOKNUM 1, _PRIORITY 2 }, _POLICY 5, _TYPE 7 */
function addChain(chain: Chain): NetfilterMessage {
  const hook = nested(4, integer(1, HOOKS[chain.name]), integer(2, NAT_PRIORITY));
  const name = [text(1, TABLE_NAME), text(3, chain.name)];
  const about = `add nat chain ${chain.name}`;
  return message(NEW_CHAIN, CREATE, about, [...name, hook, integer(5, POLICY_ACCEPT), text(7, 'nat')]);
}

/** NFTA_RULE_TABLE 1, _CHAIN 2, _EXPRESSIONS 4, _USERDATA 7 */
function addRule(chain: Chain, rule: Rule): NetfilterMessage {
  return message(NEW_RULE, CREATE | APPEND, `add rule to ${chain.name}: ${nftRuleText(rule)}`, [
    text(1, TABLE_NAME),
    text(2, chain.name),
    nested(4, ...ruleExpressions(rule)),
    bytes(7, commentData(rule.comment)),
  ]);
}

/** libnftnl's user data: type (NFTNL_UDATA_RULE_COMMENT, 0), length, text with its NUL. The kernel only keeps it. */
function commentData(comment: string): Uint8Array {
  const value = Buffer.from(`${comment}\0`, 'latin1');
  return Buffer.concat([Buffer.from([0, value.length]), value]);
}

function message(type: number, flags: number, about: string, attributes: readonly Attribute[]): NetfilterMessage {
  return {
    type: (SUBSYSTEM_NFTABLES << 8) | type,
    flags: REQUEST | flags,
    family: FAMILY_INET,
    resourceId: 0,
    attributes,
    about,
  };
}
