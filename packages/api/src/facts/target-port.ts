import type { Pod } from '../kinds/pod.js';
import type { ServicePort } from '../kinds/service.js';

/**
 * The port of the pod that a Service port leads to.
 * Undefined when it is named and no container has a port of that name and protocol: the pod is then no endpoint of it.
 */
export function targetPortOf(
  port: Pick<ServicePort, 'port' | 'targetPort' | 'protocol'>,
  pod: Pod,
): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  for (const container of pod.spec.containers) {
    for (const candidate of container.ports) {
      if (candidate.name === target && candidate.protocol === port.protocol) return candidate.containerPort;
    }
  }
  return undefined;
}
