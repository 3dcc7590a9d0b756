import type { Cluster } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { Listener } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import type { RouteConfiguration } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import type { Secret } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { TrustBundle } from '../ca/trust.js';
import type { Model } from '../model/model.js';
import { trustSecret } from './secrets.js';

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
 * Cheap for the second and every further node of a model: what all nodes share is made once and kept with the model.
 */
export function translateFor(_model: Model, _node: NodeIdentity, trust: TrustBundle): NodeResources {
  return { clusters: [], endpoints: [], listeners: [], routes: [], secrets: [trustSecret(trust)] };
}
