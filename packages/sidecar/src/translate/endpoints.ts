import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { SocketAddress } from '@tulle/proxy-core';
import { endpointMetadata } from '@tulle/xds';
import { HealthStatus } from '@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js';
import type { LbEndpoint } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type { ClusterLoadAssignment } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { Refusal } from './refusal.js';
import { join } from './strict.js';
import { socketAddress } from './values.js';

export interface Assignment {
  readonly name: string;
  readonly endpoints: readonly AssignedEndpoint[];
}

export interface AssignedEndpoint {
  readonly address: SocketAddress;
  readonly weight: number;
  /** What a cluster's transport socket matches look at. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who is there, if that is known. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
  /** `ns/pod`, for logs. */
  readonly workload: string | undefined;
}

/** Endpoints that are not healthy are left out. @throws Refusal */
export function assignment({ clusterName, endpoints }: ClusterLoadAssignment, path: string): Assignment {
  const found: AssignedEndpoint[] = [];
  for (const [l, locality] of endpoints.entries()) {
    for (const [e, endpoint] of locality.lbEndpoints.entries()) {
      const at = `${join(path, 'endpoints')}[${l}].lb_endpoints[${e}]`;
      if (isUsable(endpoint.healthStatus)) found.push(assignedEndpoint(endpoint, at));
    }
  }
  return { name: clusterName, endpoints: found };
}

function isUsable(health: HealthStatus): boolean {
  return health === HealthStatus.UNKNOWN || health === HealthStatus.HEALTHY || health === HealthStatus.DEGRADED;
}

function assignedEndpoint(endpoint: LbEndpoint, path: string): AssignedEndpoint {
  const { hostIdentifier, metadata, loadBalancingWeight = 1 } = endpoint;
  if (hostIdentifier.case !== 'endpoint') throw new Refusal(`${path}.endpoint`, 'is missing');
  if (loadBalancingWeight === 0) throw new Refusal(`${path}.load_balancing_weight`, 'must be more than 0');
  const facts = metadata?.filterMetadata ?? {};
  const own: JsonObject = facts[endpointMetadata.tulle] ?? {};
  const workload = own[endpointMetadata.workload];
  const at = `${path}.metadata.filter_metadata["${endpointMetadata.tulle}"]`;
  return {
    address: socketAddress(hostIdentifier.value.address, `${path}.endpoint.address`),
    weight: Math.min(loadBalancingWeight, 0x7fff_ffff),
    labels: texts(facts[endpointMetadata.socketMatch] ?? {}),
    serviceAccount: serviceAccountOf(own[endpointMetadata.serviceAccount], `${at}.${endpointMetadata.serviceAccount}`),
    workload: typeof workload === 'string' ? workload : undefined,
  };
}

function texts(labels: JsonObject): Record<string, string> {
  const found: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(labels)) if (typeof value === 'string') found[key] = value;
  return found;
}

function serviceAccountOf(value: JsonValue | undefined, path: string): AssignedEndpoint['serviceAccount'] {
  if (value === undefined) return undefined;
  const parts = typeof value === 'string' ? value.split('/') : [];
  if (parts.length !== 2 || parts.includes('')) throw new Refusal(path, 'must be "<namespace>/<service account>"');
  return { namespace: parts[0], name: parts[1] };
}
