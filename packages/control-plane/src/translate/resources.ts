import type { Cluster } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { Listener } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import type { RouteConfiguration } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import type { Secret } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { TrustBundle } from '../ca/trust.js';
import type { Model } from '../model/model.js';
import { type Inbound, interceptedInbound, listedInbound } from './inbound.js';
import { byName, SharedResources } from './shared.js';

/** Whom a translation is for. The caller has checked these facts against the certificate of the connection. */
export interface NodeIdentity {
  pod: string;
  namespace: string;
  serviceAccount: string;
  podIp: string;
  interception: 'redirect' | 'none';
}

/**
 * All that a sidecar is told. Each list is sorted by resource name and holds a name once.
 *
 * Messages are shared between the nodes of one model, by reference: treat them as frozen, and encode each object once.
 */
export interface NodeResources {
  clusters: Cluster[];
  endpoints: ClusterLoadAssignment[];
  listeners: Listener[];
  routes: RouteConfiguration[];
  secrets: Secret[];
}

/**
 * What a sidecar must know of a model, as Envoy's own types. Pure, and the same for the same arguments.
 *
 * Cheap for the second and every further node of a model: what all nodes share is made once and kept as long as the model is.
 */
export function translateFor(model: Model, node: NodeIdentity, trust: TrustBundle): NodeResources {
  const shared = sharedOf(model, trust);
  const inbound = inboundOf(model, node, shared);
  const { endpoints, secrets } = shared;
  if (node.interception === 'none') {
    return {
      clusters: byName([...inbound.clusters, ...shared.clusters]),
      endpoints: [...endpoints],
      listeners: byName([...inbound.listeners, shared.proxyListener]),
      routes: [shared.proxyRoutesFor(node.namespace)],
      secrets: [...secrets],
    };
  }
  return {
    clusters: byName([...inbound.clusters, ...shared.clusters, shared.passthrough]),
    endpoints: [...endpoints],
    listeners: byName([...inbound.listeners, ...shared.listeners]),
    routes: [...shared.routesFor(node.namespace)],
    secrets: [...secrets],
  };
}

/** Models are immutable, so what was derived from one stays true; it goes when the model goes. */
const sharedByModel = new WeakMap<Model, SharedResources>();

function sharedOf(model: Model, trust: TrustBundle): SharedResources {
  const known = sharedByModel.get(model);
  if (known !== undefined && isSameTrust(known.trust, trust)) return known;
  const shared = new SharedResources(model, trust);
  sharedByModel.set(model, shared);
  return shared;
}

function isSameTrust(a: TrustBundle, b: TrustBundle): boolean {
  return a.trustDomain === b.trustDomain && a.rootsPem === b.rootsPem;
}

function inboundOf(model: Model, node: NodeIdentity, shared: SharedResources): Inbound {
  const key = `${node.interception} ${node.namespace}/${node.pod} ${node.podIp}`;
  const known = shared.inbound.get(key);
  if (known !== undefined) return known;
  const pod = model.findPod(node.namespace, node.pod);
  const mesh = { trustDomain: shared.trust.trustDomain, paths: model.paths };
  const inbound = node.interception === 'none' ? listedInbound(pod, node.podIp, mesh) : interceptedInbound(pod, mesh);
  shared.inbound.set(key, inbound);
  return inbound;
}
