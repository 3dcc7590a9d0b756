/**
 * errno to `IoError`: the only place that knows both. What each call does about each errno is the table in docs/errno.md, which a test plays.
 */
import { formatAddress, type SocketAddress } from '../../address.js';
import type { IoError } from '../io.js';
import { errno, errnoName, isExhaustion } from './sys/errno.js';

/** A call on a connection that is open or about to be: whatever has no code of its own broke it. */
export function connectionError(call: string, number: number, remote: SocketAddress): IoError {
  const code = number === errno.ETIMEDOUT ? 'timeout' : isExhaustion(number) ? 'exhausted' : 'reset';
  return { code, message: describe(call, number, remote) };
}

/** A connection that did not come about. Unless the peer was reached and broke it off, nothing was sent. */
export function connectError(call: string, number: number, remote: SocketAddress): IoError {
  const { code } = connectionError(call, number, remote);
  // EAGAIN: no local port or route entry is left, connect(2).
  if (number === errno.EAGAIN) return { code: 'exhausted', message: describe(call, number, remote) };
  const wasReached = number === errno.ECONNRESET || number === errno.EPIPE;
  return { code: code === 'reset' && !wasReached ? 'refused' : code, message: describe(call, number, remote) };
}

/** Accepting rests: whatever the reason, it is for want of something. */
export function acceptError(call: string, number: number, address: SocketAddress): IoError {
  return { code: 'exhausted', message: describe(call, number, address) };
}

const listenRemedies = new Map<number, string>([
  [errno.EADDRINUSE, 'another program listens there; stop it or choose another port'],
  [errno.EACCES, 'ports below 1024 need CAP_NET_BIND_SERVICE; grant it or choose a higher port'],
  [errno.EADDRNOTAVAIL, 'no interface of this machine has that address'],
]);

/** A listener that could not be made. */
export function listenError(call: string, number: number, address: SocketAddress): IoError {
  const remedy = listenRemedies.get(number);
  const message = `${describe(call, number, address)}${remedy === undefined ? '' : `: ${remedy}`}`;
  return { code: isExhaustion(number) ? 'exhausted' : 'address', message, errno: errnoName(number) };
}

function describe(call: string, number: number, address: SocketAddress): string {
  return `${call} ${errnoName(number)} ${formatAddress(address)}`;
}
