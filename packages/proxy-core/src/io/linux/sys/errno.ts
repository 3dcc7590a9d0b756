/** Error numbers of the Linux kernel: asm-generic/errno-base.h and errno.h, the same on x86-64 and arm64. */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EPIPE: 32,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTO: 71,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ENONET: 64,
  ENOSPC: 28,
  ENOSYS: 38,
} as const;

/** Of descriptors, memory, ports or watches: what may be there again later. */
export function isExhaustion(number: number): boolean {
  return exhaustion.has(number);
}

const exhaustion: ReadonlySet<number> = new Set([
  errno.EMFILE,
  errno.ENFILE,
  errno.ENOBUFS,
  errno.ENOMEM,
  errno.ENOSPC,
]);

const names = new Map<number, string>(Object.entries(errno).map(([name, number]) => [number, name]));

/** `ECONNRESET`, or `errno 4711` for one that has no name here. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}
