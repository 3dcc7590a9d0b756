import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { alpn, clusterName, endpointMetadata, socketMatchName, spiffeId } from '@tulle/xds';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ModelPort, TrafficSettings } from '../model/model.js';
import { socketAddress } from './address.js';
import { overAds } from './ads.js';
import { CONNECT_TIMEOUT_MS } from './limits.js';
import { circuitBreakers, loadBalancing, noCircuitBreaker } from './load-balancing.js';
import { rawBuffer, upstreamTls } from './tls.js';

/** Where a Service port's endpoints are dialled, under one ALPN. The endpoints come by EDS, under the same name. */
export interface OutboundClusterFacts {
  name: string;
  namespace: string;
  /** `<namespace>/<service account>`. */
  serviceAccounts: readonly string[];
  protocol: (typeof alpn)[keyof typeof alpn];
  traffic: TrafficSettings;
}

export function outboundCluster(facts: OutboundClusterFacts, trustDomain: string): Cluster {
  const { name, traffic } = facts;
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: overAds, serviceName: name },
    connectTimeout: durationFromMs(traffic.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    ...loadBalancing(traffic),
    circuitBreakers: circuitBreakers(traffic),
    // Envoy takes the first whose labels the endpoint has: what is no mesh pod has none of the first one's.
    transportSocketMatches: [
      {
        name: socketMatchName.mesh,
        match: { [endpointMetadata.mtls]: 'true' },
        transportSocket: upstreamTls(peersOf(facts, trustDomain), facts.protocol),
      },
      { name: socketMatchName.plain, match: {}, transportSocket: rawBuffer },
    ],
  });
}

/**
 * An empty list would let any certificate of the mesh pass. So where no mesh pod is known there is one id that nobody can have,
 * for it names no service account.
 */
function peersOf({ serviceAccounts, namespace }: OutboundClusterFacts, trustDomain: string): string[] {
  if (serviceAccounts.length === 0) return [spiffeId({ trustDomain, namespace, serviceAccount: '' })];
  return serviceAccounts.map((account) => {
    const [accountNamespace, serviceAccount] = account.split('/');
    return spiffeId({ trustDomain, namespace: accountNamespace, serviceAccount });
  });
}

/** One cluster for HTTP and, where the protocol is to be found out, one more for what is not; one for opaque bytes. */
export function clustersOfPort(port: ModelPort, trustDomain: string): Cluster[] {
  const { namespace, service, serviceAccounts, traffic } = port;
  return clusterNamesOf(port).map(({ name, protocol }) =>
    outboundCluster(
      { name: name(namespace, service, port.port), namespace, serviceAccounts, protocol, traffic },
      trustDomain,
    ),
  );
}

function clusterNamesOf(port: ModelPort) {
  const http = { name: clusterName.outbound, protocol: alpn.http1 };
  if (port.protocol === 'http') return [http];
  if (port.protocol === 'auto') return [http, { name: clusterName.outboundTcp, protocol: alpn.tcp }];
  return [{ name: clusterName.outbound, protocol: alpn.tcp }];
}

/** Sends a connection to where it was going before it was redirected. */
export function originalDestinationCluster(name: string): Cluster {
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: durationFromMs(CONNECT_TIMEOUT_MS),
    circuitBreakers: noCircuitBreaker(),
  });
}

/** Sends a connection to one fixed address. */
export function staticCluster(name: string, address: string, port: number): Cluster {
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(CONNECT_TIMEOUT_MS),
    circuitBreakers: noCircuitBreaker(),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: socketAddress(address, port) } } }] },
      ],
    },
  });
}
