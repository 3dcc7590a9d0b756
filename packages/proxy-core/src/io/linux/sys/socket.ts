/** TCP sockets: what the engine does with a file descriptor, each call with its errno. All sockets are non-blocking and close on exec. */
import type { SocketAddress } from '../../../address.js';
import { counts } from './counts.js';
import { errno } from './errno.js';
import * as libc from './libc.js';
import { lastErrno } from './library.js';
import { scratch } from './memory.js';
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr, sockaddrBytes } from './sockaddr.js';

/** A call that failed where the caller has nothing to clean up. */
export class SystemCallError extends Error {
  readonly call: string;
  readonly errno: number;
  constructor(call: string, number: number) {
    super(`${call}: errno ${number}`);
    this.name = 'SystemCallError';
    this.call = call;
    this.errno = number;
  }
}

const option = scratch(256);
const optionLength = scratch(4);
const name = scratch(32);
const nameLength = scratch(4);

/** Opens a socket for an address's family. Throws a SystemCallError. */
function openSocket(address: SocketAddress): number {
  const family = address.host.includes(':') ? AF_INET6 : AF_INET;
  const fd = libc.socket(family, libc.SOCK_STREAM | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError('socket', lastErrno());
  counts.fds++;
  return fd;
}

function setInt(fd: number, level: number, optionName: number, value: number, call: string): void {
  option.view.setInt32(0, value, true);
  if (libc.setsockopt(fd, level, optionName, option.address, 4) < 0) throw new SystemCallError(call, lastErrno());
}

/** Closes a descriptor; EINTR included, Linux has closed it then (close(2)). */
export function closeFd(fd: number): void {
  counts.fds--;
  if (libc.close(fd) < 0 && lastErrno() === errno.EBADF) throw new Error(`our bug: descriptor ${fd} was closed twice`);
}

/** A bound, listening socket and its address. Throws a SystemCallError with nothing left open. */
export function openListener(
  address: SocketAddress,
  backlog: number,
  reusePort: boolean,
): { fd: number; address: SocketAddress } {
  const fd = openSocket(address);
  try {
    setInt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1, 'setsockopt SO_REUSEADDR');
    if (reusePort) setInt(fd, libc.SOL_SOCKET, libc.SO_REUSEPORT, 1, 'setsockopt SO_REUSEPORT');
    // `::` takes IPv4 too, whatever net.ipv6.bindv6only says.
    if (address.host.includes(':')) setInt(fd, libc.IPPROTO_IPV6, libc.IPV6_V6ONLY, 0, 'setsockopt IPV6_V6ONLY');
    const sockaddr = encodeSockaddr(address);
    name.bytes.set(sockaddr);
    if (libc.bind(fd, name.address, sockaddr.length) < 0) throw new SystemCallError('bind', lastErrno());
    if (libc.listen(fd, backlog) < 0) throw new SystemCallError('listen', lastErrno());
    return { fd, address: boundAddress(fd) };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** As `localAddress`, for a socket whose address nobody could use if it were not known. */
function boundAddress(fd: number): SocketAddress {
  nameLength.view.setUint32(0, sockaddrBytes, true);
  if (libc.getsockname(fd, name.address, nameLength.address) < 0) throw new SystemCallError('getsockname', lastErrno());
  return decodeSockaddr(name.bytes);
}

/** The remote address of the connection that `acceptOn` returned last. */
export function acceptedAddress(): SocketAddress {
  return decodeSockaddr(name.bytes);
}

/** The next connection of a listener, or -errno. */
export function acceptOn(listener: number): number {
  nameLength.view.setUint32(0, sockaddrBytes, true);
  const fd = libc.accept4(listener, name.address, nameLength.address, libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC);
  if (fd < 0) return -lastErrno();
  counts.fds++;
  return fd;
}

/** Starts to connect: the descriptor, connected or in progress. `mark`: SO_MARK, 0 for none. Throws a SystemCallError with nothing left open. */
export function startConnect(address: SocketAddress, mark: number): number {
  const sockaddr = encodeSockaddr(address);
  const fd = openSocket(address);
  try {
    setInt(fd, libc.IPPROTO_TCP, libc.TCP_NODELAY, 1, 'setsockopt TCP_NODELAY');
    if (mark !== 0) setInt(fd, libc.SOL_SOCKET, libc.SO_MARK, mark, 'setsockopt SO_MARK');
    name.bytes.set(sockaddr);
    if (libc.connect(fd, name.address, sockaddr.length) < 0) {
      const number = lastErrno();
      // EINTR: the connection goes on being made, connect(2).
      if (number !== errno.EINPROGRESS && number !== errno.EINTR) throw new SystemCallError('connect', number);
    }
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Whether this process may set the mark: 0, or the errno of setsockopt. */
export function probeMark(mark: number): number {
  const fd = openSocket({ host: '127.0.0.1', port: 0 });
  try {
    setInt(fd, libc.SOL_SOCKET, libc.SO_MARK, mark, 'setsockopt SO_MARK');
    return 0;
  } catch (error) {
    if (error instanceof SystemCallError) return error.errno;
    throw error;
  } finally {
    closeFd(fd);
  }
}

export function setNoDelay(fd: number): void {
  option.view.setInt32(0, 1, true);
  // Fails only for a connection that is gone already, which the next read tells.
  libc.setsockopt(fd, libc.IPPROTO_TCP, libc.TCP_NODELAY, option.address, 4);
}

/** From now on `closeFd` sends an RST and drops what the kernel holds: SO_LINGER with time 0, socket(7). */
export function resetOnClose(fd: number): void {
  option.view.setInt32(0, 1, true);
  option.view.setInt32(4, 0, true);
  libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_LINGER, option.address, 8);
}

/** SO_ERROR: the errno that waits on the socket, 0 for none. Reading clears it. */
export function takeSocketError(fd: number): number {
  optionLength.view.setUint32(0, 4, true);
  if (libc.getsockopt(fd, libc.SOL_SOCKET, libc.SO_ERROR, option.address, optionLength.address) < 0) return lastErrno();
  return option.view.getInt32(0, true);
}

/** Where an intercepted connection was going; undefined when netfilter did not redirect it. */
export function originalDestination(fd: number): SocketAddress | undefined {
  return (
    originalOf(fd, libc.IPPROTO_IP, libc.SO_ORIGINAL_DST) ??
    originalOf(fd, libc.IPPROTO_IPV6, libc.IP6T_SO_ORIGINAL_DST)
  );
}

function originalOf(fd: number, level: number, optionName: number): SocketAddress | undefined {
  optionLength.view.setUint32(0, sockaddrBytes, true);
  const result = libc.getsockopt(fd, level, optionName, option.address, optionLength.address);
  return result < 0 ? undefined : decodeSockaddr(option.bytes);
}

/** The socket's own address; 0.0.0.0:0 when it has none any more. */
export function localAddress(fd: number): SocketAddress {
  nameLength.view.setUint32(0, sockaddrBytes, true);
  if (libc.getsockname(fd, name.address, nameLength.address) < 0) return { host: '0.0.0.0', port: 0 };
  return decodeSockaddr(name.bytes);
}

/** Offset of tcpi_bytes_acked in struct tcp_info (linux/tcp.h; since Linux 4.1). */
const bytesAckedAt = 120;

/** TCP_INFO: bytes that the peer's kernel has acknowledged, the SYN counted as one where this side sent it. -1: not known. */
export function bytesAcked(fd: number): number {
  optionLength.view.setUint32(0, option.bytes.length, true);
  if (libc.getsockopt(fd, libc.IPPROTO_TCP, libc.TCP_INFO, option.address, optionLength.address) < 0) return -1;
  if (optionLength.view.getUint32(0, true) < bytesAckedAt + 8) return -1;
  return Number(option.view.getBigUint64(bytesAckedAt, true));
}

/** FIN after everything written so far. */
export function shutdownWrite(fd: number): void {
  // ENOTCONN: the peer's reset came first, which the next read tells.
  libc.shutdown(fd, libc.SHUT_WR);
}
