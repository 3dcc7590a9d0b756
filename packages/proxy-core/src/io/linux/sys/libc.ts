/**
 * The system calls, as their manual pages (section 2) declare them; pointers and sizes as numbers (see library.ts). A wrong signature here crashes the process.
 * Each gives -1 for a failure, which `lastErrno` then names. The constants are those of x86-64 and arm64, which agree on all of them.
 */
import { native } from './library.js';

export const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const O_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_MARK = 36;
export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const TCP_NODELAY = 1;
export const TCP_INFO = 11;
export const IPV6_V6ONLY = 26;
/** linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h. */
export const SO_ORIGINAL_DST = 80;
export const IP6T_SO_ORIGINAL_DST = 80;

export const MSG_PEEK = 0x2;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const SHUT_WR = 1;

export const socket: (domain: number, type: number, protocol: number) => number = native('int socket(int, int, int)');
export const bind: (fd: number, address: number, length: number) => number = native(
  'int bind(int, intptr_t, uint32_t)',
);
export const listen: (fd: number, backlog: number) => number = native('int listen(int, int)');
export const accept4: (fd: number, address: number, length: number, flags: number) => number = native(
  'int accept4(int, intptr_t, intptr_t, int)',
);
export const connect: (fd: number, address: number, length: number) => number = native(
  'int connect(int, intptr_t, uint32_t)',
);
export const getsockopt: (fd: number, level: number, name: number, value: number, length: number) => number = native(
  'int getsockopt(int, int, int, intptr_t, intptr_t)',
);
export const setsockopt: (fd: number, level: number, name: number, value: number, length: number) => number = native(
  'int setsockopt(int, int, int, intptr_t, uint32_t)',
);
export const getsockname: (fd: number, address: number, length: number) => number = native(
  'int getsockname(int, intptr_t, intptr_t)',
);
export const recv: (fd: number, bytes: number, length: number, flags: number) => number = native(
  'intptr_t recv(int, intptr_t, size_t, int)',
);
export const send: (fd: number, bytes: number, length: number, flags: number) => number = native(
  'intptr_t send(int, intptr_t, size_t, int)',
);
export const sendmsg: (fd: number, message: number, flags: number) => number = native(
  'intptr_t sendmsg(int, intptr_t, int)',
);
export const shutdown: (fd: number, how: number) => number = native('int shutdown(int, int)');
export const close: (fd: number) => number = native('int close(int)');
export const epoll_create1: (flags: number) => number = native('int epoll_create1(int)');
export const epoll_ctl: (epfd: number, op: number, fd: number, event: number) => number = native(
  'int epoll_ctl(int, int, int, intptr_t)',
);
export const epoll_wait: (epfd: number, events: number, max: number, timeoutMs: number) => number = native(
  'int epoll_wait(int, intptr_t, int, int)',
);
export const eventfd: (initial: number, flags: number) => number = native('int eventfd(uint32_t, int)');
export const read: (fd: number, bytes: number, length: number) => number = native(
  'intptr_t read(int, intptr_t, size_t)',
);
export const write: (fd: number, bytes: number, length: number) => number = native(
  'intptr_t write(int, intptr_t, size_t)',
);
