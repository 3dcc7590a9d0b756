import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { RouteTableConfig } from '@tulle/proxy-core';
import { typeUrl, type XdsType } from '@tulle/xds';
import { ClusterSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { type ClusterPart, clusterPart } from './cluster.js';
import { type Assignment, assignment } from './endpoints.js';
import { type ListenerPart, listenerPart } from './listener.js';
import { Refusal } from './refusal.js';
import { noRetries, routeTable } from './routes.js';
import { type TrustedRoots, trustedRoots } from './secret.js';
import { refuseUnknown } from './strict.js';

/** What people call a resource: `Cluster "a"`. */
export function titleOf(type: XdsType, name: string): string {
  return `${readers[type].label} "${name}"`;
}

/** What a resource of each type is understood as. */
export interface Parts {
  cds: ClusterPart;
  eds: Assignment;
  sds: TrustedRoots;
  lds: ListenerPart;
  rds: RouteTableConfig;
}

export type Understood<T extends XdsType> =
  | { readonly name: string; readonly part: Parts[T] }
  /** Empty name: not even that could be read. */
  | { readonly name: string; readonly refusal: string };

/**
 * Reads a resource strictly. What cannot be used is said in one line that names the resource and the field.
 * @param check throws a Refusal for a part that is read and cannot be used all the same.
 */
export function understand<T extends XdsType>(
  type: T,
  any: Any,
  check: (type: T, part: Parts[T]) => void,
): Understood<T> {
  const { read } = readers[type];
  let name = '';
  try {
    if (any.typeUrl !== typeUrl[type]) throw new Refusal('type_url', `must be ${typeUrl[type]}`);
    const opened = read(any.value);
    name = opened.name;
    if (name === '') throw new Refusal('name', 'is missing');
    const part = opened.part() as Parts[T];
    check(type, part);
    return { name, part };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { name, refusal: `${titleOf(type, name)}: ${error.message}` };
  }
}

interface Reader {
  readonly label: string;
  read(bytes: Uint8Array): { name: string; part: () => unknown };
}

const readers: Readonly<Record<XdsType, Reader>> = {
  cds: reader('Cluster', ClusterSchema, ({ name }) => name, clusterPart),
  eds: reader(
    'ClusterLoadAssignment',
    ClusterLoadAssignmentSchema,
    ({ clusterName }) => clusterName,
    (message) => assignment(message, ''),
  ),
  sds: reader('Secret', SecretSchema, ({ name }) => name, trustedRoots),
  lds: reader('Listener', ListenerSchema, ({ name }) => name, listenerPart),
  rds: reader(
    'RouteConfiguration',
    RouteConfigurationSchema,
    ({ name }) => name,
    (message) => routeTable(message, noRetries, ''),
  ),
};

function reader<S extends DescMessage>(
  label: string,
  schema: S,
  nameOf: (message: MessageShape<S>) => string,
  translate: (message: MessageShape<S>) => unknown,
): Reader {
  return {
    label,
    read(bytes) {
      const message = decode(schema, bytes);
      const part = (): unknown => {
        refuseUnknown(schema, message, '');
        return translate(message);
      };
      return { name: nameOf(message), part };
    },
  };
}

function decode<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    throw new Refusal('value', `the bytes are not a ${schema.typeName}`);
  }
}
