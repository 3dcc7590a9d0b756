import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { PathSettings } from '@tulle/api';
import { alpn, clusterName, detectedHttp, listenerName, port as portOf } from '@tulle/xds';
import type { Cluster } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { TrafficDirection } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import type { ClusterLoadAssignment } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { type Listener, ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import type { Model, ModelEndpoint, ModelPort } from '../model/model.js';
import { socketAddress } from './address.js';
import { carriageOf } from './carriage.js';
import { outboundCluster } from './clusters.js';
import { loadAssignment } from './endpoints.js';
import { httpConnectionManager, httpInspector, tcpProxy } from './filters.js';
import { DETECTION_TIMEOUT_MS } from './limits.js';

/** An address that applications dial, and what it stands for. */
export interface Dialled {
  /** Of its listener and its route configuration. */
  name: string;
  address: string;
  portNumber: number;
  port: ModelPort;
  /** Where HTTP goes when no route says otherwise, and where opaque bytes go. */
  httpCluster: string;
  tcpCluster: string;
  /** Of a headless Service: the one endpoint that is dialled. */
  endpoint: ModelEndpoint | undefined;
}

/** All addresses of a model, each once. Of a headless Service these are its endpoints; the first Service by name owns one. */
export function dialledAddresses(model: Model): Dialled[] {
  const byName = new Map<string, Dialled>();
  for (const service of model.services) {
    for (const port of service.ports) {
      const found =
        service.clusterIp === undefined
          ? port.endpoints.map((it) => headless(port, it))
          : [stable(port, service.clusterIp)];
      for (const dialled of found) if (!byName.has(dialled.name)) byName.set(dialled.name, dialled);
    }
  }
  return [...byName.values()];
}

function stable(port: ModelPort, address: string): Dialled {
  const { namespace, service } = port;
  const auto = carriageOf(port.protocol) === 'auto';
  return {
    name: listenerName.outboundAddress(address, port.port),
    address,
    portNumber: port.port,
    port,
    httpCluster: clusterName.outbound(namespace, service, port.port),
    tcpCluster: (auto ? clusterName.outboundTcp : clusterName.outbound)(namespace, service, port.port),
    endpoint: undefined,
  };
}

function headless(port: ModelPort, endpoint: ModelEndpoint): Dialled {
  const name = listenerName.outboundAddress(endpoint.address, endpoint.port);
  const auto = carriageOf(port.protocol) === 'auto';
  const { address, port: portNumber } = endpoint;
  return { name, address, portNumber, port, httpCluster: name, tcpCluster: auto ? `${name}/tcp` : name, endpoint };
}

/** Clusters and endpoints that only the address of a headless Service needs: those that hold a single endpoint. */
export function headlessClusters(
  { port, endpoint, httpCluster, tcpCluster }: Dialled,
  trustDomain: string,
): { clusters: Cluster[]; endpoints: ClusterLoadAssignment[] } {
  if (endpoint === undefined) return { clusters: [], endpoints: [] };
  const { pod } = endpoint;
  const facts = {
    namespace: port.namespace,
    serviceAccounts: pod?.injected ? [`${pod.namespace}/${pod.serviceAccount}`] : [],
    traffic: port.traffic,
  };
  const carriage = carriageOf(port.protocol);
  const clusters: Cluster[] = [];
  if (carriage !== 'tcp')
    clusters.push(outboundCluster({ ...facts, name: httpCluster, protocol: alpn.http1 }, trustDomain));
  if (carriage !== 'http')
    clusters.push(outboundCluster({ ...facts, name: tcpCluster, protocol: alpn.tcp }, trustDomain));
  return { clusters, endpoints: clusters.map(({ name }) => loadAssignment(name, [endpoint])) };
}

/** Where redirected connections arrive, to be handed on by their address; what nobody knows passes as it is. */
export function catchAllListener(): Listener {
  return create(ListenerSchema, {
    name: listenerName.outbound,
    address: socketAddress('0.0.0.0', portOf.outbound),
    useOriginalDst: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    defaultFilterChain: { filters: tcpProxy(listenerName.outbound, clusterName.passthrough) },
  });
}

/** What becomes of connections to one address. */
export function addressListener(
  { name, address, portNumber, port, tcpCluster }: Dialled,
  paths: PathSettings,
): Listener {
  const http = { name: 'http', filters: [httpConnectionManager(name, name, [], paths)] };
  const tcp = { name: 'tcp', filters: tcpProxy(name, tcpCluster, [], port.traffic) };
  const listener = {
    name,
    address: socketAddress(address, portNumber),
    bindToPort: false,
    trafficDirection: TrafficDirection.OUTBOUND,
  };
  const carriage = carriageOf(port.protocol);
  if (carriage !== 'auto') {
    return create(ListenerSchema, { ...listener, filterChains: [carriage === 'http' ? http : tcp] });
  }
  return create(ListenerSchema, {
    ...listener,
    listenerFilters: [httpInspector],
    listenerFiltersTimeout: durationFromMs(DETECTION_TIMEOUT_MS),
    continueOnListenerFiltersTimeout: true,
    filterChains: [{ ...http, filterChainMatch: { applicationProtocols: [...detectedHttp] } }, tcp],
  });
}

/** The HTTP proxy of a pod without interception. Which address it has there, the sidecar knows. */
export function proxyListener(paths: PathSettings): Listener {
  const name = listenerName.outboundProxy;
  return create(ListenerSchema, {
    name,
    address: socketAddress('127.0.0.1', portOf.outboundProxy),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [{ name: 'http', filters: [httpConnectionManager(name, name, [], paths)] }],
  });
}
