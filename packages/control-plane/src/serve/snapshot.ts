import { createHash } from 'node:crypto';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { packAny, type XdsType } from '@tulle/xds';
import { ClusterSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { NodeResources } from '../translate/resources.js';

/** The resources of one type for one node, encoded. */
export interface TypeSnapshot {
  /** Of the content: the same content has the same version, also after a restart of the control plane. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, Any>;
}

/** All that one node may be sent, at one moment. */
export type Snapshot = Readonly<Record<XdsType, TypeSnapshot>>;

/** Messages are shared between the nodes of a model: each is encoded once, and forgotten with its model. */
const encoded = new WeakMap<object, Any>();

/**
 * Encodes what a node is told.
 * @param previous the node's snapshot before this one: resources whose bytes are the same are taken from it, so that two
 * snapshots can be compared by reference.
 */
export function encodeSnapshot(resources: NodeResources, previous: Snapshot | undefined): Snapshot {
  return {
    cds: encodeType(ClusterSchema, resources.clusters, (cluster) => cluster.name, previous?.cds),
    eds: encodeType(ClusterLoadAssignmentSchema, resources.endpoints, (set) => set.clusterName, previous?.eds),
    sds: encodeType(SecretSchema, resources.secrets, (secret) => secret.name, previous?.sds),
    lds: encodeType(ListenerSchema, resources.listeners, (listener) => listener.name, previous?.lds),
    rds: encodeType(RouteConfigurationSchema, resources.routes, (route) => route.name, previous?.rds),
  };
}

function encodeType<S extends DescMessage>(
  schema: S,
  messages: readonly MessageShape<S>[],
  nameOf: (message: MessageShape<S>) => string,
  previous: TypeSnapshot | undefined,
): TypeSnapshot {
  const resources = new Map<string, Any>();
  for (const message of messages) {
    const name = nameOf(message);
    const any = encodeOnce(schema, message);
    const before = previous?.resources.get(name);
    resources.set(name, before !== undefined && sameBytes(before.value, any.value) ? before : any);
  }
  if (previous !== undefined && sameResources(previous.resources, resources)) return previous;
  return { version: versionOf(resources), resources };
}

function encodeOnce<S extends DescMessage>(schema: S, message: MessageShape<S>): Any {
  let any = encoded.get(message);
  if (any === undefined) {
    any = packAny(schema, message);
    encoded.set(message, any);
  }
  return any;
}

/** True when both hold the same names with the very same resources. */
export function sameResources(a: ReadonlyMap<string, Any>, b: ReadonlyMap<string, Any>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, any] of a) if (b.get(name) !== any) return false;
  return true;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}

/** 64 bits of a hash suffice: versions are compared for people, not for security. */
function versionOf(resources: ReadonlyMap<string, Any>): string {
  const hash = createHash('sha256');
  for (const [name, any] of resources) {
    hash.update(`${Buffer.byteLength(name)} ${any.value.length} ${name}`).update(any.value);
  }
  return hash.digest('hex').slice(0, 16);
}
