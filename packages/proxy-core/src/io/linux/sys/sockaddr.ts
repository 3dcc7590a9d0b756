/**
 * struct sockaddr_in and sockaddr_in6 (netinet/in.h), the same bytes on x86-64 and arm64; and IP literals, RFC 4291 section 2.2 and RFC 5952. Pure.
 *
 *     sockaddr_in   family:u16 host-order | port:u16 network-order | address:4 | zero:8                      16 bytes
 *     sockaddr_in6  family:u16            | port:u16               | flow:4    | address:16 | scope:4         28 bytes
 */
import type { SocketAddress } from '../../../address.js';

export const AF_INET = 2;
export const AF_INET6 = 10;
/** Room for either form. */
export const sockaddrBytes = 28;

/** Encodes an address for bind and connect. Throws a RangeError when `host` is no IP literal. */
export function encodeSockaddr(address: SocketAddress): Uint8Array {
  const { host, port } = address;
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new RangeError(`${port} is no port`);
  const v6 = host.includes(':');
  const bytes = new Uint8Array(v6 ? 28 : 16);
  bytes[0] = v6 ? AF_INET6 : AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  if (v6) writeIpv6(host, bytes, 8);
  else writeIpv4(host, bytes, 4);
  return bytes;
}

/** Decodes what the kernel wrote. An IPv4 peer of a dual-stack socket (`::ffff:10.0.0.1`) is given as IPv4. */
export function decodeSockaddr(bytes: Uint8Array): SocketAddress {
  const port = (bytes[2] << 8) | bytes[3];
  if (bytes[0] === AF_INET) return { host: formatIpv4(bytes, 4), port };
  if (bytes[0] === AF_INET6) return { host: formatIpv6(bytes, 8), port };
  return { host: '0.0.0.0', port: 0 };
}

let lastQuad = 0;
let lastText = '0.0.0.0';

/** Connections come from the same few hosts: the last text is kept, so that all from one host share it. */
function formatIpv4(bytes: Uint8Array, at: number): string {
  const quad = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  if (quad !== lastQuad) {
    lastQuad = quad;
    lastText = `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  }
  return lastText;
}

function writeIpv4(text: string, into: Uint8Array, at: number): void {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  for (let i = 0; i < 4; i++) {
    const value = match === null ? 256 : Number(match[i + 1]);
    if (value > 255) throw new RangeError(`${JSON.stringify(text)} is no IP address`);
    into[at + i] = value;
  }
}

function formatIpv6(bytes: Uint8Array, at: number): string {
  if (isMapped(bytes, at)) return formatIpv4(bytes, at + 12);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i] << 8) | bytes[at + i + 1]);
  const [start, length] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** ::ffff:0:0/96, RFC 4291 section 2.5.5.2. */
function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 255 && bytes[at + 11] === 255;
}

function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best = 0;
  let bestLength = 0;
  for (let i = 0; i < groups.length; i++) {
    let j = i;
    while (j < groups.length && groups[j] === 0) j++;
    if (j - i > bestLength) {
      best = i;
      bestLength = j - i;
    }
  }
  return [best, bestLength];
}

function writeIpv6(text: string, into: Uint8Array, at: number): void {
  const bad = (): RangeError => new RangeError(`${JSON.stringify(text)} is no IP address`);
  const halves = text.split('::');
  if (halves.length > 2) throw bad();
  const head = readGroups(halves[0], halves.length === 1, bad);
  const tail = halves.length === 2 ? readGroups(halves[1], true, bad) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) throw bad();
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  for (let i = 0; i < 8; i++) {
    into[at + 2 * i] = groups[i] >> 8;
    into[at + 2 * i + 1] = groups[i] & 255;
  }
}

/** `quad`: the last group may be an IPv4 address, which ends the whole. */
function readGroups(text: string, quad: boolean, bad: () => RangeError): number[] {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (let i = 0; i < parts.length; i++) {
    if (quad && i === parts.length - 1 && parts[i].includes('.')) {
      const bytes = new Uint8Array(4);
      writeIpv4(parts[i], bytes, 0);
      groups.push((bytes[0] << 8) | bytes[1], (bytes[2] << 8) | bytes[3]);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(parts[i])) {
      groups.push(Number.parseInt(parts[i], 16));
    } else {
      throw bad();
    }
  }
  return groups;
}
