import type { Chain, Match, Rule, Table, Verdict } from '../src/model/table.js';
import { formatAddress } from '../src/rules/cidr.js';

/** A message as read back: header fields and the attributes' bytes by type. */
export interface DecodedMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly family: number;
  readonly resourceId: number;
  readonly attributes: Attributes;
}

/** Attributes in order, since a list repeats one type. `nested` is the flag of the header. */
export type Attributes = readonly { type: number; nested: boolean; value: Buffer }[];

export function decodeMessages(bytes: Uint8Array): DecodedMessage[] {
  const buffer = Buffer.from(bytes);
  const messages: DecodedMessage[] = [];
  for (let offset = 0; offset < buffer.length; ) {
    const length = buffer.readUInt32LE(offset);
    messages.push({
      type: buffer.readUInt16LE(offset + 4),
      flags: buffer.readUInt16LE(offset + 6),
      sequence: buffer.readUInt32LE(offset + 8),
      family: buffer[offset + 16],
      resourceId: buffer.readUInt16BE(offset + 18),
      attributes: decodeAttributes(buffer.subarray(offset + 20, offset + length)),
    });
    offset += (length + 3) & ~3;
  }
  return messages;
}

export function decodeAttributes(buffer: Buffer): Attributes {
  const attributes: { type: number; nested: boolean; value: Buffer }[] = [];
  for (let offset = 0; offset < buffer.length; ) {
    const length = buffer.readUInt16LE(offset);
    const type = buffer.readUInt16LE(offset + 2);
    attributes.push({
      type: type & 0x3fff,
      nested: type >= 0x8000,
      value: buffer.subarray(offset + 4, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return attributes;
}

/** The table that a transaction builds, read from the messages alone, as the kernel would understand them. */
export function decodeTable(messages: readonly DecodedMessage[]): Table {
  const chains: { name: Chain['name']; rules: Rule[] }[] = [];
  for (const { type, attributes } of messages) {
    if (type === 0xa03) {
      const hook = decodeAttributes(get(attributes, 4));
      const name = string(get(attributes, 3)) as Chain['name'];
      if (number(get(hook, 1)) !== { output: 3, prerouting: 0 }[name]) throw new Error(`wrong hook for ${name}`);
      if (number(get(hook, 2)) !== -100 || string(get(attributes, 7)) !== 'nat') throw new Error('not a nat chain');
      chains.push({ name, rules: [] });
    }
    if (type === 0xa06) {
      const chain = chains.find(({ name }) => name === string(get(attributes, 2)));
      if (chain === undefined) throw new Error('a rule before its chain');
      chain.rules.push(decodeRule(attributes));
    }
  }
  return { chains };
}

function decodeRule(attributes: Attributes): Rule {
  const expressions = decodeAttributes(get(attributes, 4)).map(({ value }) => {
    const inner = decodeAttributes(value);
    return { name: string(get(inner, 1)), data: decodeAttributes(get(inner, 2)) };
  });
  const matches: Match[] = [];
  let verdict: Verdict | undefined;
  let loaded = '';
  let mask: Buffer | undefined;
  let port = 0;
  for (const { name, data } of expressions) {
    if (name === 'meta') loaded = `meta ${number(get(data, 1 + 1))}`;
    else if (name === 'payload') loaded = `payload ${[2, 3, 4].map((type) => number(get(data, type))).join(' ')}`;
    else if (name === 'bitwise') mask = get(decodeAttributes(get(data, 4)), 1);
    else if (name === 'cmp') {
      if (number(get(data, 2)) !== 0) throw new Error('not an equality');
      addMatch(matches, loaded, get(decodeAttributes(get(data, 3)), 1), mask);
    } else if (name === 'immediate') {
      const value = decodeAttributes(get(data, 2));
      if (number(get(data, 1)) === 1) port = get(value, 1).readUInt16BE();
      else if (number(get(decodeAttributes(get(value, 2)), 1)) === -5) verdict = { kind: 'return' };
    } else if (name === 'redir') verdict = { kind: 'redirect', port };
    else throw new Error(`unknown expression ${name}`);
  }
  if (verdict === undefined) throw new Error('a rule without verdict');
  const userData = get(attributes, 7);
  return { matches, verdict, comment: string(userData.subarray(2, 2 + userData[1])) };
}

/** Folds the protocol or family that nft_tables needs spelled out into the match that implies it. */
function addMatch(matches: Match[], loaded: string, value: Buffer, mask: Buffer | undefined): void {
  const before = matches[matches.length - 1];
  if (loaded === 'meta 16') matches.push({ kind: 'tcp' });
  else if (loaded === 'meta 7') matches.push({ kind: 'output-interface', name: string(value) });
  else if (loaded === 'meta 6') matches.push({ kind: 'input-interface', name: string(value) });
  else if (loaded === 'meta 10') matches.push({ kind: 'socket-uid', uid: value.readUInt32LE() });
  else if (loaded === 'meta 3') matches.push({ kind: 'mark', mark: value.readUInt32LE() });
  else if (loaded === 'meta 15') return;
  else if (loaded === 'payload 2 2 2' && before?.kind === 'tcp') {
    matches[matches.length - 1] = { kind: 'tcp-destination-port', port: value.readUInt16BE() };
  } else if (loaded === 'payload 1 16 4' || loaded === 'payload 1 24 16') {
    const ones = mask === undefined ? '1'.repeat(value.length * 8) : [...mask].map(bits).join('');
    const prefix = ones.indexOf('0') < 0 ? ones.length : ones.indexOf('0');
    const family = value.length === 4 ? 'ipv4' : 'ipv6';
    const text = `${formatAddress([...value])}/${prefix}`;
    matches.push({ kind: 'destination', cidr: { family, address: [...value], prefix, text } });
  } else throw new Error(`unknown condition ${loaded}`);
}

function get(attributes: Attributes, type: number): Buffer {
  const found = attributes.find((attribute) => attribute.type === type);
  if (found === undefined) throw new Error(`no attribute ${type}`);
  return found.value;
}

function number(value: Buffer): number {
  return value.readInt32BE();
}

function string(value: Buffer): string {
  return value.toString('latin1').replace(/\0.*$/s, '');
}

function bits(byte: number): string {
  return byte.toString(2).padStart(8, '0');
}
