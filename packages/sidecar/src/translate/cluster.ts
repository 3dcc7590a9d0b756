import type { JsonObject } from '@bufbuild/protobuf';
import type { CircuitBreakerConfig, ClusterConfig } from '@tulle/proxy-core';
import type { CircuitBreakers } from '@tulle/xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js';
import {
  type Cluster,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
  type Cluster_TransportSocketMatch as SocketMatch,
} from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { type AssignedEndpoint, type Assignment, assignment } from './endpoints.js';
import { Refusal } from './refusal.js';
import { type TlsSettings, upstreamTls } from './tls.js';
import { positiveMilliseconds, requireAds } from './values.js';

/** A cluster as it is understood; its endpoints may be a resource of their own. */
export interface ClusterPart {
  readonly name: string;
  readonly balancer: ClusterConfig['balancer'];
  readonly connectTimeoutMs: number;
  readonly circuitBreaker: CircuitBreakerConfig | undefined;
  readonly endpoints:
    | { readonly kind: 'original' }
    | { readonly kind: 'static'; readonly assignment: Assignment }
    | { readonly kind: 'eds'; readonly name: string };
  readonly sockets: readonly SocketChoice[];
  /** The TLS settings that some of the sockets have; one cluster has one. */
  readonly tls: TlsSettings | undefined;
}

/** Endpoints that have all these labels are reached like this. */
interface SocketChoice {
  readonly labels: readonly (readonly [key: string, value: string])[];
  readonly isTls: boolean;
}

/** What Cluster.connect_timeout means when it is not set. */
const UNSET_CONNECT_TIMEOUT_MS = 5000;

/** @throws Refusal */
export function clusterPart(cluster: Cluster): ClusterPart {
  const { name, connectTimeout } = cluster;
  const endpoints = endpointsOf(cluster);
  const sockets: SocketChoice[] = [];
  let tls: TlsSettings | undefined;
  for (const [index, match] of cluster.transportSocketMatches.entries()) {
    const path = `transport_socket_matches[${index}]`;
    const settings = upstreamTls(match.transportSocket, `${path}.transport_socket`);
    if (settings !== undefined && tls !== undefined) throw new Refusal(path, 'is a second one with TLS');
    tls = tls ?? settings;
    sockets.push({ labels: labelsOf(match, `${path}.match`), isTls: settings !== undefined });
  }
  return {
    name,
    balancer: balancerOf(cluster.lbPolicy, endpoints.kind),
    connectTimeoutMs:
      connectTimeout === undefined ? UNSET_CONNECT_TIMEOUT_MS : positiveMilliseconds(connectTimeout, 'connect_timeout'),
    circuitBreaker: breakerOf(cluster.circuitBreakers),
    endpoints,
    sockets,
    tls,
  };
}

/** Envoy takes the first match all of whose labels the endpoint has; without any the connection is plain. */
export function usesTls({ sockets }: Pick<ClusterPart, 'sockets'>, { labels }: AssignedEndpoint): boolean {
  const choice = sockets.find((socket) => socket.labels.every(([key, value]) => labels[key] === value));
  return choice?.isTls ?? false;
}

function labelsOf({ match }: SocketMatch, path: string): [string, string][] {
  return Object.entries((match ?? {}) as JsonObject).map(([key, value]) => {
    if (typeof value !== 'string') throw new Refusal(`${path}["${key}"]`, 'must be a text');
    return [key, value];
  });
}

function endpointsOf(cluster: Cluster): ClusterPart['endpoints'] {
  const { clusterDiscoveryType: discovery, edsClusterConfig: eds, loadAssignment } = cluster;
  // `type` is an oneof with a default: a cluster that says nothing is STATIC.
  const type = discovery.case === 'type' ? discovery.value : DiscoveryType.STATIC;
  if (eds !== undefined && type !== DiscoveryType.EDS) throw new Refusal('eds_cluster_config', 'needs type EDS');
  if (loadAssignment !== undefined && type !== DiscoveryType.STATIC) {
    throw new Refusal('load_assignment', 'needs type STATIC');
  }
  switch (type) {
    case DiscoveryType.ORIGINAL_DST:
      return { kind: 'original' };
    case DiscoveryType.STATIC:
      if (loadAssignment === undefined) throw new Refusal('load_assignment', 'is missing');
      return { kind: 'static', assignment: assignment(loadAssignment, 'load_assignment') };
    case DiscoveryType.EDS:
      requireAds(eds?.edsConfig, 'eds_cluster_config.eds_config');
      return { kind: 'eds', name: eds!.serviceName || cluster.name };
    default:
      throw new Refusal('type', `${DiscoveryType[type] ?? type} is not understood`);
  }
}

function balancerOf(policy: LbPolicy, kind: ClusterPart['endpoints']['kind']): ClusterConfig['balancer'] {
  switch (policy) {
    case LbPolicy.ROUND_ROBIN:
      return 'round-robin';
    case LbPolicy.LEAST_REQUEST:
      // Envoy's least request is the less loaded of two random ones.
      return 'p2c';
    case LbPolicy.CLUSTER_PROVIDED:
      if (kind === 'original') return 'p2c';
      throw new Refusal('lb_policy', 'CLUSTER_PROVIDED needs type ORIGINAL_DST');
    default:
      throw new Refusal('lb_policy', `${LbPolicy[policy] ?? policy} is not understood`);
  }
}

function breakerOf(breakers: CircuitBreakers | undefined): CircuitBreakerConfig | undefined {
  const thresholds = breakers?.thresholds ?? [];
  if (thresholds.length > 1) throw new Refusal('circuit_breakers.thresholds', 'has more than one');
  const [limits] = thresholds;
  if (limits === undefined) return undefined;
  const { maxConnections, maxPendingRequests, maxRequests } = limits;
  return {
    ...(maxConnections === undefined ? {} : { maxConnections: atLeastOne(maxConnections, 'max_connections') }),
    ...(maxPendingRequests === undefined ? {} : { maxPendingRequests: bounded(maxPendingRequests) }),
    ...(maxRequests === undefined ? {} : { maxRequests: atLeastOne(maxRequests, 'max_requests') }),
  };
}

function atLeastOne(value: number, field: string): number {
  if (value === 0) throw new Refusal(`circuit_breakers.thresholds[0].${field}`, 'must be more than 0');
  return bounded(value);
}

/** Envoy's own "no limit" is 2^32 - 1. */
function bounded(value: number): number {
  return Math.min(value, 0x7fff_ffff);
}
