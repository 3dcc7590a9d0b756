/** @tulle/proxy-core: the Tulle proxy as a library. Importing it starts nothing. */

export type { SocketAddress } from './address.js';
export { formatAddress, parseAddress } from './address.js';
export type { AccessLogEntry } from './config/access-log-entry.js';
export { ConfigError, checkConfig } from './config/check.js';
export type * from './config/config.js';
export type { Complaint } from './config/shape.js';
export type { EngineName } from './engine.js';
export { type Reason, type ReasonRow, type Retry, reasons, type Side } from './failure.js';
export type { FilterHeaders, FilterModule, FilterRequest, FilterResponse } from './filter/filter.js';
export { type ForwardOptions, forward, type PemFiles, type PemTexts } from './forwarding.js';
export { defaultLimits, type Limits } from './limits.js';
export { defaultPathOptions, type PathOptions, pathOptionValues } from './message/path-options.js';
export { createProxy, type ProxyOptions } from './proxy.js';
export { ProxyError } from './proxy-error.js';
export type { CloseOptions, Proxy } from './running-proxy.js';
export type { BoundAddress, ClusterState } from './threads/messages.js';
