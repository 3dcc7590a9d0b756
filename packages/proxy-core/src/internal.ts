/**
 * What the project's own test packages need beyond the public exports: the `Io` door, its engines and the pieces that they are made of.
 * Unstable: no promise is made to anybody outside this repository, and anything here may change in any release.
 */

export { formatAddress, parseAddress, type SocketAddress } from './address.js';
export {
  type Acceptor,
  type Clock,
  type Connection,
  type ConnectionHandler,
  type ConnectOptions,
  type Io,
  type IoError,
  IoFailure,
  type ListenOptions,
  type ListenSocket,
  type PeerCertificate,
  type Sniffer,
  type TlsContext,
  type TlsContextOptions,
} from './io/io.js';
export { createPortableIo } from './io/portable/portable-io.js';
export { defaultLimits, type Limits } from './limits.js';
export { Head } from './message/head.js';
export { createTimerWheel, type DrivenTimerWheel, slotMs } from './time/hashed-wheel.js';
export { Timer, type TimerOwner, type TimerWheel } from './time/wheel.js';
