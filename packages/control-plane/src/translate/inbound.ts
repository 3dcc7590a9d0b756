import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { PathSettings } from '@tulle/api';
import { alpn, clusterName, detectedHttp, listenerName, port as portOf, routeName } from '@tulle/xds';
import type { Cluster } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { TrafficDirection } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import type { FilterChainSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js';
import { type Listener, ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import type { RBAC } from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js';
import { RouteSchema, VirtualHostSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import type { ModelPod, ModelPodPort } from '../model/model.js';
import { socketAddress } from './address.js';
import { carriageOf } from './carriage.js';
import { originalDestinationCluster, staticCluster } from './clusters.js';
import { httpConnectionManager, httpInspector, tcpProxy, tlsInspector } from './filters.js';
import { DETECTION_TIMEOUT_MS } from './limits.js';
import { type EnforcementPoint, enforce, refuseAll } from './rbac.js';
import { downstreamTls } from './tls.js';

type FilterChain = MessageInitShape<typeof FilterChainSchema>;

/** What a sidecar does with what comes to its pod. */
export interface Inbound {
  listeners: Listener[];
  clusters: Cluster[];
}

/** What is the same for all pods. */
export interface MeshFacts {
  trustDomain: string;
  paths: PathSettings;
}

/** How filter chain matches call what the TLS inspector finds. */
const transport = { tls: 'tls', plain: 'raw_buffer' } as const;

const inspected = {
  trafficDirection: TrafficDirection.INBOUND,
  listenerFilters: [tlsInspector, httpInspector],
  listenerFiltersTimeout: durationFromMs(DETECTION_TIMEOUT_MS),
  continueOnListenerFiltersTimeout: true,
};

/**
 * With interception: one listener that every connection to the pod reaches, and that asks where it was going.
 *
 * @param pod undefined for a pod that the model does not hold: as nobody knows which policies are for it, everything is refused.
 */
export function interceptedInbound(pod: ModelPod | undefined, mesh: MeshFacts): Inbound {
  const name = listenerName.inbound;
  const ports = pod?.ports ?? [];
  const anyPort = rbacOf(pod, { protocol: 'tcp', port: undefined, trustDomain: mesh.trustDomain });
  const elsewhere = tcpProxy(name, clusterName.inboundPassthrough, anyPort);
  const listener = create(ListenerSchema, {
    ...inspected,
    name,
    address: socketAddress('0.0.0.0', portOf.inbound),
    useOriginalDst: true,
    filterChains: [
      ...ports.flatMap((port) => portChains(port, port.port, pod, mesh)),
      {
        name: 'mesh-other',
        filterChainMatch: { transportProtocol: transport.tls, applicationProtocols: [alpn.http1, alpn.tcp] },
        transportSocket: downstreamTls([alpn.http1, alpn.tcp]),
        filters: elsewhere,
      },
    ],
    // Also the application's own TLS, to whatever port nobody declares: it is passed on as it came.
    defaultFilterChain: { name: 'plain-other', filters: elsewhere },
  });
  const names = [clusterName.inboundPassthrough, ...ports.map(({ port }) => clusterName.inboundPort(port))];
  return { listeners: [listener], clusters: names.map(originalDestinationCluster) };
}

/** Without interception: a listener for each port for which the pod's annotation names an address. */
export function listedInbound(pod: ModelPod | undefined, podIp: string, mesh: MeshFacts): Inbound {
  const inbound: Inbound = { listeners: [], clusters: [] };
  for (const { port, address, listenPort } of pod?.inboundListeners ?? []) {
    const declared = pod?.ports.find((candidate) => candidate.port === port) ?? { port, protocol: 'auto' };
    const name = listenerName.inboundPort(port);
    const cluster = clusterName.inboundPort(port);
    inbound.clusters.push(staticCluster(cluster, podIp, port));
    inbound.listeners.push(
      create(ListenerSchema, {
        ...inspected,
        name,
        address: socketAddress(address, listenPort),
        filterChains: portChains(declared, undefined, pod, mesh),
      }),
    );
  }
  return inbound;
}

/**
 * The chains of one port: from other sidecars as their ALPN says, and from everybody else as the port's protocol says. TLS that is not the mesh's is the
 * application's own: it is passed on as it came, under the policies of opaque connections without an identity.
 * @param destinationPort what connections were going to, where one listener serves all ports.
 */
function portChains(
  { port, protocol }: ModelPodPort,
  destinationPort: number | undefined,
  pod: ModelPod | undefined,
  mesh: MeshFacts,
): FilterChain[] {
  const name = listenerName.inboundPort(port);
  const cluster = clusterName.inboundPort(port);
  const { trustDomain, paths } = mesh;
  const policies = rbacOf(pod, { protocol: 'http', port, trustDomain });
  const http = [httpConnectionManager(name, inboundRoutes(port), policies, paths)];
  const tcp = tcpProxy(name, cluster, rbacOf(pod, { protocol: 'tcp', port, trustDomain }));
  const fromSidecar = (application: typeof alpn.http1 | typeof alpn.tcp) => ({
    filterChainMatch: { destinationPort, transportProtocol: transport.tls, applicationProtocols: [application] },
    transportSocket: downstreamTls([application]),
  });
  const plain = { destinationPort, transportProtocol: transport.plain };
  const chains: FilterChain[] = [
    { name: `mesh-http/${port}`, ...fromSidecar(alpn.http1), filters: http },
    { name: `mesh-tcp/${port}`, ...fromSidecar(alpn.tcp), filters: tcp },
    { name: `own-tls/${port}`, filterChainMatch: { destinationPort, transportProtocol: transport.tls }, filters: tcp },
  ];
  const carriage = carriageOf(protocol);
  if (carriage === 'http') chains.push({ name: `plain-http/${port}`, filterChainMatch: plain, filters: http });
  if (carriage === 'auto') {
    const detected = { ...plain, applicationProtocols: detectedHttp.filter((found) => found !== 'h2c') };
    chains.push({ name: `plain-http/${port}`, filterChainMatch: detected, filters: http });
  }
  if (carriage !== 'http') chains.push({ name: `plain-tcp/${port}`, filterChainMatch: plain, filters: tcp });
  return chains;
}

function rbacOf(pod: ModelPod | undefined, at: EnforcementPoint): RBAC[] {
  return pod === undefined ? refuseAll() : enforce(pod.policies, at);
}

/** Everything to the application; for as long as it takes, since the client's side has the timeouts. */
function inboundRoutes(port: number): RouteConfiguration {
  const name = routeName.inboundPort(port);
  const route = create(RouteSchema, {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: clusterName.inboundPort(port) },
        timeout: durationFromMs(0),
      },
    },
  });
  const virtualHost = create(VirtualHostSchema, { name, domains: ['*'], routes: [route] });
  return create(RouteConfigurationSchema, { name, virtualHosts: [virtualHost] });
}
