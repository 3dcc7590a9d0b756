import { type EndpointSlice, type ParsedResource, SERVICE_NAME_LABEL, type SliceEndpoint } from '@tulle/api';
import type { ModelEndpoint, ModelPod } from './model.js';
import type { PodGraph } from './pods.js';

/** EndpointSlices by `<namespace>/<name>` of the Service that they are for. Those for no Service are left out. */
export function slicesByService(slices: readonly ParsedResource<EndpointSlice>[]): Map<string, EndpointSlice[]> {
  const byService = new Map<string, EndpointSlice[]>();
  for (const { resource } of slices) {
    const service = resource.metadata.labels[SERVICE_NAME_LABEL];
    if (service === undefined) continue;
    const key = `${resource.metadata.namespace}/${service}`;
    const others = byService.get(key);
    if (others === undefined) byService.set(key, [resource]);
    else others.push(resource);
  }
  return byService;
}

/**
 * The endpoints of one port of a Service, by address and port.
 *
 * An endpoint that names a pod which is not known (yet) is left out: whether it has an identity could not be told, and to take it
 * for one without would send plain text to a mesh pod.
 * @param evenUnready the Service publishes endpoints that are not ready.
 */
export function endpointsOf(
  slices: readonly EndpointSlice[],
  portName: string,
  graph: PodGraph,
  evenUnready: boolean,
): ModelEndpoint[] {
  const found = new Map<string, ModelEndpoint>();
  for (const slice of slices) {
    const port = slice.ports.find((candidate) => candidate.name === portName && candidate.protocol === 'TCP')?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints) {
      // KEP-1672: an unknown condition counts as ready.
      if (endpoint.conditions.ready === false && !evenUnready) continue;
      const pod = podOf(endpoint, slice, graph);
      if (pod === 'unknown') continue;
      const resolved = dialled(endpoint.addresses[0], port, pod);
      found.set(`${resolved.address} ${resolved.port}`, resolved);
    }
  }
  return [...found.keys()].sort().map((key) => found.get(key)!);
}

function podOf(endpoint: SliceEndpoint, slice: EndpointSlice, graph: PodGraph): ModelPod | 'unknown' | undefined {
  const ref = endpoint.targetRef;
  if (ref?.kind !== 'Pod' || ref.name === undefined) return undefined;
  return graph.byKey.get(`${ref.namespace ?? slice.metadata.namespace}/${ref.name}`) ?? 'unknown';
}

/** Without interception nothing brings a connection to the pod's own address to its sidecar: dial the sidecar instead. */
function dialled(address: string, port: number, pod: ModelPod | undefined): ModelEndpoint {
  const listener = pod?.injected ? pod.inboundListeners.find((candidate) => candidate.port === port) : undefined;
  if (listener === undefined) return { address, port, pod };
  return { address: listener.address, port: listener.listenPort, pod };
}
