import { type DeclaredEndpoints, type DeclaredPod, type DeclaredService, keyOf } from './declared.js';

/** A pod as the endpoint controller sees it. */
export interface PlacedPod {
  pod: DeclaredPod;
  ip: string;
  ready: boolean;
  /** Where a container port is really reached, for pods whose sidecar listens elsewhere (no interception). */
  reachedAt?: (containerPort: number) => { ip: string; port: number } | null;
}

export interface Endpoint {
  ip: string;
  port: number;
  ready: boolean;
  /** `ns/name` of the pod, null for one that the user wrote by hand. */
  pod: string | null;
}

/** Endpoints of one port of one Service. */
export interface ServicePortEndpoints {
  service: DeclaredService;
  port: DeclaredService['ports'][number];
  endpoints: readonly Endpoint[];
}

/** True when the selector matches: every key with that value. An empty selector selects nothing, as in Kubernetes. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

/** Endpoints of a Service without a selector, from the slices that the user wrote; a port is found by its name. */
export function endpointsByHand(
  service: DeclaredService,
  written: readonly DeclaredEndpoints[],
): ServicePortEndpoints[] {
  const slices = written.filter((slice) => slice.namespace === service.namespace && slice.service === service.name);
  return service.ports.map((port) => ({
    service,
    port,
    endpoints: slices.flatMap((slice) =>
      slice.ports
        .filter((candidate) => candidate.name === port.name)
        .flatMap((found) => slice.addresses.map((ip) => ({ ip, port: found.port, ready: true, pod: null }))),
    ),
  }));
}

/**
 * The endpoints of each port of a Service, as the endpoint controller finds them: pods of its namespace that the selector
 * matches; a target port given by name is looked up in each pod's containers, and a pod without that name has no endpoint there.
 */
export function endpointsOf(service: DeclaredService, pods: readonly PlacedPod[]): ServicePortEndpoints[] {
  const selector = service.selector;
  const chosen =
    selector === null
      ? []
      : pods.filter((p) => p.pod.namespace === service.namespace && selects(selector, p.pod.labels));
  return service.ports.map((port) => ({
    service,
    port,
    endpoints: chosen.flatMap((placed) => {
      const target = targetPortIn(placed.pod, port.targetPort, port.protocol);
      if (target === null) return [];
      const reached = placed.reachedAt?.(target) ?? { ip: placed.ip, port: target };
      return [{ ip: reached.ip, port: reached.port, ready: placed.ready, pod: keyOf(placed.pod) }];
    }),
  }));
}

function targetPortIn(pod: DeclaredPod, target: number | string, protocol: 'TCP' | 'UDP'): number | null {
  if (typeof target === 'number') return target;
  for (const container of pod.containers) {
    for (const port of container.ports) {
      if (port.name === target && port.protocol === protocol) return port.containerPort;
    }
  }
  return null;
}
