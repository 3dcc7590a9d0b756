/** SO_ORIGINAL_DST (linux/netfilter_ipv4.h): where a redirected connection was going, as connection tracking remembers it. */
import { createRequire } from 'node:module';
import type { SocketAddress } from '../../address.js';

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** The same number in both families. */
const SO_ORIGINAL_DST = 80;

type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number;

/** undefined: not looked for yet; null: this machine has no way to ask. */
let getsockopt: GetSockOpt | null | undefined;

/** The original destination of an accepted socket; undefined when it was not redirected, or when koffi or Linux is missing. */
export function originalDestination(fd: number, ipv6: boolean): SocketAddress | undefined {
  getsockopt ??= load();
  if (getsockopt === null || fd < 0) return undefined;
  // struct sockaddr_in (16 bytes) or sockaddr_in6 (28).
  const address = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeInt32LE(address.length);
  if (getsockopt(fd, ipv6 ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, address, length) !== 0) return undefined;
  return {
    host: ipv6 ? ipv6Text(address.subarray(8, 24)) : address.subarray(4, 8).join('.'),
    port: address.readUInt16BE(2),
  };
}

function load(): GetSockOpt | null {
  if (process.platform !== 'linux') return null;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    return koffi.load(null).func('int getsockopt(int, int, int, void *, void *)') as unknown as GetSockOpt;
  } catch {
    return null;
  }
}

function ipv6Text(bytes: Buffer): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16));
  // The WHATWG URL parser writes the shortest form (RFC 5952).
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
