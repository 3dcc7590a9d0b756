import type {
  AuthorizationPolicy,
  EndpointSlice,
  HttpRoute,
  MeshPolicy,
  Namespace,
  ParsedResource,
  Pod,
  Problem,
  ReferenceGrant,
  Resource,
  Service,
  TrafficPolicy,
} from '@tulle/api';

/** All resources of one state by kind, each name once, sorted by namespace and name. */
export interface Collected {
  namespaces: Map<string, Namespace>;
  services: ParsedResource<Service>[];
  pods: ParsedResource<Pod>[];
  slices: ParsedResource<EndpointSlice>[];
  routes: ParsedResource<HttpRoute>[];
  grants: ParsedResource<ReferenceGrant>[];
  authorizationPolicies: ParsedResource<AuthorizationPolicy>[];
  trafficPolicies: ParsedResource<TrafficPolicy>[];
  meshPolicies: ParsedResource<MeshPolicy>[];
}

/**
 * Brings the resources of several folders together.
 *
 * @param layers one for each folder, in the order in which they were named. A Pod in a later one replaces the Pod of the same name
 *   in an earlier one, since there the cluster tells what became of what a person declared. Any other resource may be there once.
 */
export function collect(layers: readonly (readonly ParsedResource[])[]): { collected: Collected; problems: Problem[] } {
  const problems: Problem[] = [];
  const byKey = new Map<string, { parsed: ParsedResource; layer: number }>();
  for (const [layer, resources] of layers.entries()) {
    for (const parsed of resources) {
      const key = identityOf(parsed.resource);
      const earlier = byKey.get(key);
      const replaces = earlier !== undefined && parsed.resource.kind === 'Pod' && earlier.layer < layer;
      if (earlier === undefined || replaces) byKey.set(key, { parsed, layer });
      else problems.push(duplicate(parsed, earlier.parsed));
    }
  }
  const sorted = [...byKey.keys()].sort().map((key) => byKey.get(key)!.parsed);
  const ofKind = <K extends Resource['kind']>(kind: K): ParsedResource<Extract<Resource, { kind: K }>>[] =>
    sorted.filter(({ resource }) => resource.kind === kind) as ParsedResource<Extract<Resource, { kind: K }>>[];
  const collected: Collected = {
    namespaces: new Map(ofKind('Namespace').map(({ resource }) => [resource.metadata.name, resource])),
    services: ofKind('Service'),
    pods: ofKind('Pod'),
    slices: ofKind('EndpointSlice'),
    routes: ofKind('HTTPRoute'),
    grants: ofKind('ReferenceGrant'),
    authorizationPolicies: ofKind('AuthorizationPolicy'),
    trafficPolicies: ofKind('TrafficPolicy'),
    meshPolicies: ofKind('MeshPolicy'),
  };
  return { collected, problems };
}

export function keyOf(resource: Resource): string {
  return `${resource.metadata.namespace}/${resource.metadata.name}`;
}

/** A Namespace and a MeshPolicy are in no namespace, whatever their manifests say. */
function identityOf(resource: Resource): string {
  const namespace = resource.kind === 'Namespace' || resource.kind === 'MeshPolicy' ? '' : resource.metadata.namespace;
  return `${resource.kind} ${namespace}/${resource.metadata.name}`;
}

function duplicate(second: ParsedResource, first: ParsedResource): Problem {
  const { kind, metadata } = second.resource;
  const { line } = first.problemAt(['metadata', 'name'], '', '');
  const message = `${kind} ${metadata.namespace}/${metadata.name} is also in ${first.file}, line ${line}`;
  return second.problemAt(['metadata', 'name'], message, 'Remove one of the two, or give it another name.');
}
