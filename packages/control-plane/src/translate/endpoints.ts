import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import { endpointMetadata } from '@tulle/xds';
import { HealthStatus } from '@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js';
import type { LbEndpointSchema } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ModelEndpoint } from '../model/model.js';
import { socketAddress } from './address.js';

/** The endpoints of a cluster, with who each of them is. A cluster without any still gets its assignment, an empty one. */
export function loadAssignment(clusterName: string, endpoints: readonly ModelEndpoint[]): ClusterLoadAssignment {
  const lbEndpoints = endpoints.map(lbEndpoint);
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: lbEndpoints.length > 0 ? [{ lbEndpoints }] : [],
  });
}

function lbEndpoint({ address, port, pod }: ModelEndpoint): MessageInitShape<typeof LbEndpointSchema> {
  const hostIdentifier = { case: 'endpoint' as const, value: { address: socketAddress(address, port) } };
  if (pod === undefined) return { hostIdentifier, healthStatus: HealthStatus.HEALTHY };
  const workload = {
    [endpointMetadata.workload]: `${pod.namespace}/${pod.name}`,
    [endpointMetadata.serviceAccount]: `${pod.namespace}/${pod.serviceAccount}`,
  };
  const filterMetadata: Record<string, JsonObject> = { [endpointMetadata.tulle]: workload };
  if (pod.injected) filterMetadata[endpointMetadata.socketMatch] = { [endpointMetadata.mtls]: 'true' };
  return { hostIdentifier, healthStatus: HealthStatus.HEALTHY, metadata: { filterMetadata } };
}
