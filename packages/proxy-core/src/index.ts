/** @tulle/proxy-core: the Tulle proxy as a library. Importing it starts nothing. */

export type { SocketAddress } from './address.js';
export { formatAddress, parseAddress } from './address.js';
export { ConfigError, checkConfig } from './config/check.js';
export type * from './config/config.js';
export type { EngineName } from './engine.js';
export { type Reason, reasons } from './failure.js';
export { type ForwardOptions, forward, type PemFiles } from './forwarding.js';
export { defaultLimits, type Limits } from './limits.js';
export { createProxy, type Proxy, type ProxyOptions } from './proxy.js';
export type { BoundAddress, ClusterState } from './threads/messages.js';
