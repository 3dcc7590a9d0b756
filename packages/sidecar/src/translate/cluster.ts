import type { JsonObject } from '@bufbuild/protobuf';
import type { CircuitBreakerConfig } from '@tulle/proxy-core';
import {
  type Cluster,
  Cluster_DiscoveryType as DiscoveryType,
  type Cluster_TransportSocketMatch as SocketMatch,
} from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { type AssignedEndpoint, type Assignment, assignment } from './endpoints.js';
import { type Balancing, balancing, breaker } from './load-balancing.js';
import { Refusal } from './refusal.js';
import { type TlsSettings, upstreamTls } from './tls.js';
import { positiveMilliseconds, requireAds } from './values.js';

/** A cluster as it is understood; its endpoints may be a resource of their own. */
export interface ClusterPart {
  readonly name: string;
  readonly balancing: Balancing;
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
    balancing: balancing(cluster, endpoints.kind === 'original'),
    connectTimeoutMs:
      connectTimeout === undefined ? UNSET_CONNECT_TIMEOUT_MS : positiveMilliseconds(connectTimeout, 'connect_timeout'),
    circuitBreaker: breaker(cluster.circuitBreakers),
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
