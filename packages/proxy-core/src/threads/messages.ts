/** What the main thread and a data thread say to each other. Plain data; a request has an id that its reply repeats. */
import type { SocketAddress } from '../address.js';
import type { ProxyConfig } from '../config/config.js';
import type { SeriesDefinition } from '../observe/registry.js';

export type Command =
  | { readonly kind: 'apply'; readonly id: number; readonly config: ProxyConfig }
  | {
      readonly kind: 'drain';
      readonly id: number /** undefined: the limit's. */;
      readonly timeoutMs: number | undefined;
    }
  | { readonly kind: 'clusters'; readonly id: number }
  | { readonly kind: 'close'; readonly id: number };

export type Reply =
  | { readonly kind: 'ready'; readonly memory: SharedArrayBuffer; readonly linesTaken: SharedArrayBuffer }
  | { readonly kind: 'done'; readonly id: number; readonly result: ThreadResult }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: 'series'; readonly definition: SeriesDefinition }
  | { readonly kind: 'lines'; readonly text: string }
  | { readonly kind: 'warning'; readonly message: string };

export interface ThreadResult {
  readonly addresses: readonly BoundAddress[];
  /** Connections cut off at the end of a drain. */
  readonly cut: number;
  readonly clusters: readonly ClusterState[];
}

/** A listener and where it is bound. */
export interface BoundAddress {
  readonly name: string;
  readonly address: SocketAddress;
}

/** A cluster as an admin page shows it. */
export interface ClusterState {
  readonly name: string;
  readonly connections: number;
  readonly pending: number;
  readonly requests: number;
  /** Too few endpoints are in service: ejection counts for nothing. */
  readonly panicking: boolean;
  readonly endpoints: readonly {
    readonly address: SocketAddress;
    readonly tls: boolean;
    readonly weight: number;
    readonly active: number;
    readonly latencyMs: number;
    readonly avoided: boolean;
    /** Taken out by outlier detection. */
    readonly ejected: boolean;
  }[];
}
