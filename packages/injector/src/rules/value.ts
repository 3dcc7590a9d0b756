import type { Cidr } from './cidr.js';

/**
 * How the proxy's own sockets are told from the application's. At least one of the two is set; where both are set,
 * either suffices.
 */
export interface ProxyTraffic {
  /** User id the proxy runs as, as numbered in the user namespace that owns the network namespace. */
  readonly uid?: number;
  /** Socket mark (SO_MARK) on every socket the proxy opens: for user namespaces in which only one uid exists. */
  readonly mark?: number;
}

/** Ports on which the sidecar itself answers, beside the two that interception redirects to. */
export interface SidecarPorts {
  readonly admin: number;
  readonly metrics: number;
  readonly health: number;
}

/** What interception leaves alone. Ports and uids are sorted and without repetition. */
export interface Exclusions {
  /** Destination ports of arriving connections that go straight to the application. */
  readonly inboundPorts: readonly number[];
  /** Destination ports of leaving connections that go straight to the network. */
  readonly outboundPorts: readonly number[];
  /** Destination networks of leaving connections that go straight to the network. */
  readonly outboundCidrs: readonly Cidr[];
  /** Users, beside the proxy's, whose connections go straight to the network. */
  readonly uids: readonly number[];
}

/** Everything that decides which of a pod's TCP connections its sidecar takes over. Valid and frozen once parsed. */
export interface InterceptionRules {
  readonly outboundPort: number;
  readonly inboundPort: number;
  readonly proxy: ProxyTraffic;
  readonly sidecarPorts: SidecarPorts;
  readonly exclude: Exclusions;
}

export const DEFAULT_OUTBOUND_PORT = 15001;
export const DEFAULT_INBOUND_PORT = 15006;
export const DEFAULT_SIDECAR_PORTS: SidecarPorts = Object.freeze({ admin: 15000, metrics: 15020, health: 15021 });
