/** errno to `IoError`: the only place that knows both. */
import { formatAddress, type SocketAddress } from '../../address.js';
import type { IoError } from '../io.js';
import { errno, errnoName } from './sys/errno.js';

const codes = new Map<number, IoError['code']>([
  [errno.ECONNREFUSED, 'refused'],
  [errno.EHOSTUNREACH, 'refused'],
  [errno.ENETUNREACH, 'refused'],
  [errno.EHOSTDOWN, 'refused'],
  [errno.ENETDOWN, 'refused'],
  [errno.EADDRNOTAVAIL, 'refused'],
  [errno.EACCES, 'refused'],
  [errno.EPERM, 'refused'],
  [errno.EAFNOSUPPORT, 'refused'],
  [errno.EINVAL, 'refused'],
  [errno.ETIMEDOUT, 'timeout'],
  [errno.EMFILE, 'exhausted'],
  [errno.ENFILE, 'exhausted'],
  [errno.ENOBUFS, 'exhausted'],
  [errno.ENOMEM, 'exhausted'],
]);

/** A call on a connection that failed. Whatever has no code of its own broke the connection: `reset`. */
export function connectionError(call: string, number: number, remote: SocketAddress): IoError {
  return { code: codes.get(number) ?? 'reset', message: `${call} ${errnoName(number)} ${formatAddress(remote)}` };
}

const listenRemedies = new Map<number, string>([
  [errno.EADDRINUSE, 'another program listens there; stop it or choose another port'],
  [errno.EACCES, 'ports below 1024 need CAP_NET_BIND_SERVICE; grant it or choose a higher port'],
  [errno.EADDRNOTAVAIL, 'no interface of this machine has that address'],
]);

/** A listener that could not be made. */
export function listenError(call: string, number: number, address: SocketAddress): IoError {
  const remedy = listenRemedies.get(number);
  const exhausted = codes.get(number) === 'exhausted';
  const message = `${call} ${errnoName(number)} ${formatAddress(address)}${remedy === undefined ? '' : `: ${remedy}`}`;
  return { code: exhausted ? 'exhausted' : 'address', message, errno: errnoName(number) };
}
