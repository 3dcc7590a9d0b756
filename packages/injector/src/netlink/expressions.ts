import type { Match, Rule, Verdict } from '../model/table.js';
import { maskByte } from '../rules/cidr.js';
import { type Attribute, bytes, integer, nested, text } from './encode.js';

// Numbers from linux/netfilter/nf_tables.h. Every condition loads register 1 and compares it, as nft's compiler does.
const REGISTER_VERDICT = 0;
const REGISTER_1 = 1;
const META_MARK = 3;
const META_IIFNAME = 6;
const META_OIFNAME = 7;
const META_SKUID = 10;
const META_NFPROTO = 15;
const META_L4PROTO = 16;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const EQUAL = 0;
const RETURN = -5;
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;
const IPPROTO_TCP = 6;
const INTERFACE_NAME_BYTES = 16;

/** NFTA_RULE_EXPRESSIONS' content: the rule's conditions, then its verdict. */
export function ruleExpressions(rule: Rule): Attribute[] {
  return [...rule.matches.flatMap(matchExpressions), ...verdictExpressions(rule.verdict)];
}

function matchExpressions(match: Match): Attribute[] {
  switch (match.kind) {
    case 'tcp':
      return [meta(META_L4PROTO), equal([IPPROTO_TCP])];
    case 'output-interface':
      return [meta(META_OIFNAME), equal(interfaceName(match.name))];
    case 'input-interface':
      return [meta(META_IIFNAME), equal(interfaceName(match.name))];
    case 'socket-uid':
      return [meta(META_SKUID), equal(hostInteger(match.uid))];
    case 'mark':
      return [meta(META_MARK), equal(hostInteger(match.mark))];
    case 'tcp-destination-port':
      return [meta(META_L4PROTO), equal([IPPROTO_TCP]), payload(TRANSPORT_HEADER, 2, 2), equal(portBytes(match.port))];
    case 'destination': {
      const { family, address, prefix } = match.cidr;
      const [protocol, offset] = family === 'ipv4' ? [NFPROTO_IPV4, 16] : [NFPROTO_IPV6, 24];
      const load = [meta(META_NFPROTO), equal([protocol]), payload(NETWORK_HEADER, offset, address.length)];
      const whole = prefix === address.length * 8;
      return [...load, ...(whole ? [] : [mask(address.map((_, i) => maskByte(prefix, i)))]), equal(address)];
    }
  }
}

function verdictExpressions(verdict: Verdict): Attribute[] {
  // nft_immediate: NFTA_IMMEDIATE_DREG 1, NFTA_IMMEDIATE_DATA 2 { NFTA_DATA_VERDICT 2 { NFTA_VERDICT_CODE 1 } }
  if (verdict.kind === 'return') {
    const code = nested(2, nested(2, integer(1, RETURN)));
    return [expression('immediate', integer(1, REGISTER_VERDICT), code)];
  }
  // nft_redir: NFTA_REDIR_REG_PROTO_MIN 1; the port comes from a register, in network order.
  const port = nested(2, bytes(1, portBytes(verdict.port)));
  return [expression('immediate', integer(1, REGISTER_1), port), expression('redir', integer(1, REGISTER_1))];
}

/** NFTA_LIST_ELEM 1 { NFTA_EXPR_NAME 1, NFTA_EXPR_DATA 2 } */
function expression(name: string, ...attributes: readonly Attribute[]): Attribute {
  return nested(1, text(1, name), nested(2, ...attributes));
}

/** NFTA_META_DREG 1, NFTA_META_KEY 2 */
function meta(key: number): Attribute {
  return expression('meta', integer(2, key), integer(1, REGISTER_1));
}

/** NFTA_PAYLOAD_DREG 1, _BASE 2, _OFFSET 3, _LEN 4 */
function payload(base: number, offset: number, length: number): Attribute {
  return expression('payload', integer(1, REGISTER_1), integer(2, base), integer(3, offset), integer(4, length));
}

/** NFTA_BITWISE_SREG 1, _DREG 2, _LEN 3, _MASK 4, _XOR 5 */
function mask(value: readonly number[]): Attribute {
  const zero = value.map(() => 0);
  const registers = [integer(1, REGISTER_1), integer(2, REGISTER_1), integer(3, value.length)];
  return expression('bitwise', ...registers, nested(4, bytes(1, value)), nested(5, bytes(1, zero)));
}

/** NFTA_CMP_SREG 1, _OP 2, _DATA 3 { NFTA_DATA_VALUE 1 } */
function equal(value: readonly number[] | Uint8Array): Attribute {
  return expression('cmp', integer(1, REGISTER_1), integer(2, EQUAL), nested(3, bytes(1, value)));
}

function portBytes(port: number): number[] {
  return [port >> 8, port & 0xff];
}

/** The kernel compares marks and uids as integers of the host. */
function hostInteger(value: number): Uint8Array {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function interfaceName(name: string): Uint8Array {
  const buffer = Buffer.alloc(INTERFACE_NAME_BYTES);
  buffer.write(name, 'latin1');
  return buffer;
}
