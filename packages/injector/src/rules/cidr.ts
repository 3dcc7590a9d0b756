import { isIPv4, isIPv6 } from 'node:net';

/** A network: address bytes (4 or 16, host bits zero), prefix length, and its canonical text (RFC 4632, RFC 5952). */
export interface Cidr {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: readonly number[];
  readonly prefix: number;
  readonly text: string;
}

/** Why a text is no network, and what to write instead. */
export interface CidrProblem {
  readonly message: string;
  readonly remedy: string;
}

const FORM = 'write ADDRESS/PREFIX, for example 10.0.0.0/8 or fd00::/8';

/** Reads `10.0.0.0/8`, `fd00::/8`, or a bare address, which stands for itself alone. */
export function parseCidr(text: string): Cidr | CidrProblem {
  const slash = text.indexOf('/');
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const address = parseAddress(addressText);
  if (address === undefined) return { message: `"${text}" is not an IP network`, remedy: FORM };
  const bits = address.length * 8;
  const prefixText = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefixText) || Number(prefixText) > bits) {
    return { message: `"${text}" has no prefix length from 1 to ${bits}`, remedy: FORM };
  }
  const prefix = Number(prefixText);
  if (prefix === 0) {
    return {
      message: `"${text}" excludes every address of its family`,
      remedy: 'to keep a pod out of the mesh label it tulle.dev/inject: disabled',
    };
  }
  if (prefix >= 96 && isMappedIpv4(address)) {
    return {
      message: `"${text}" is an IPv4 network in IPv6 clothing; such connections leave as IPv4 packets`,
      remedy: `write ${address.slice(12).join('.')}/${prefix - 96}`,
    };
  }
  const network = address.map((byte, i) => byte & maskByte(prefix, i));
  const canonical = `${formatAddress(network)}/${prefix}`;
  if (network.some((byte, i) => byte !== address[i])) {
    return { message: `"${text}" has bits set behind its prefix`, remedy: `write ${canonical}` };
  }
  const family = network.length === 4 ? 'ipv4' : 'ipv6';
  return Object.freeze({ family, address: Object.freeze(network), prefix, text: canonical });
}

/** The netmask's byte at `index` for a prefix length in bits. */
export function maskByte(prefix: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefix - index * 8));
  return (0xff00 >> bits) & 0xff;
}

/** Canonical text of 4 or 16 address bytes: dotted decimal, or RFC 5952 section 4. */
export function formatAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  // RFC 5952 section 4.2: the longest run of two or more zero groups shrinks, the first one where two are as long.
  let start = 0;
  let length = 0;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function parseAddress(text: string): number[] | undefined {
  if (isIPv4(text)) return text.split('.').map(Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const dotted = text.lastIndexOf(':') + 1;
  const tail = isIPv4(text.slice(dotted)) ? text.slice(dotted).split('.').map(Number) : [];
  const hexPart = tail.length > 0 ? text.slice(0, dotted).replace(/([^:]):$/, '$1') : text;
  const [head, rest] = hexPart.split('::');
  const before = groupBytes(head);
  if (rest === undefined) return [...before, ...tail];
  const after = [...groupBytes(rest), ...tail];
  return [...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after];
}

function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** RFC 4291 section 2.5.5.2. */
function isMappedIpv4(address: readonly number[]): boolean {
  return (
    address.length === 16 && address.slice(0, 10).every((b) => b === 0) && address[10] === 255 && address[11] === 255
  );
}
