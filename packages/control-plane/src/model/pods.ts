import {
  type AuthorizationPolicy,
  isInjected,
  matchesLabels,
  type ParsedResource,
  type Pod,
  type Problem,
  readPodAnnotations,
  type Service,
  type ServiceProtocol,
  serviceProtocol,
  targetPortOf,
} from '@tulle/api';
import type { PodInBuilding } from './building.js';
import { type Collected, keyOf } from './collect.js';

/** The pods of a model while it is built, and which of them the selector of each Service selects. */
export interface PodGraph {
  pods: PodInBuilding[];
  byKey: Map<string, PodInBuilding>;
  /** By key of the Service. */
  selected: Map<string, PodInBuilding[]>;
  problems: Problem[];
}

export function buildPods(collected: Collected): PodGraph {
  const graph: PodGraph = { pods: [], byKey: new Map(), selected: new Map(), problems: [] };
  const sources = new Map<PodInBuilding, Pod>();
  for (const parsed of collected.pods) {
    const pod = buildPod(parsed, collected, graph.problems);
    graph.pods.push(pod);
    graph.byKey.set(keyOf(parsed.resource), pod);
    sources.set(pod, parsed.resource);
  }
  const byNamespace = new Map<string, PodInBuilding[]>();
  for (const pod of graph.pods) {
    const peers = byNamespace.get(pod.namespace);
    if (peers === undefined) byNamespace.set(pod.namespace, [pod]);
    else peers.push(pod);
  }
  const declared = new Map<PodInBuilding, Map<number, Set<ServiceProtocol>>>();
  for (const { resource: service } of collected.services) {
    const pods = (byNamespace.get(service.metadata.namespace) ?? []).filter((pod) => selects(service, pod));
    graph.selected.set(keyOf(service), pods);
    for (const pod of pods) declarePorts(service, sources.get(pod)!, mapOf(declared, pod));
  }
  for (const pod of graph.pods) pod.ports = portsOf(sources.get(pod)!, declared.get(pod) ?? new Map());
  return graph;
}

function buildPod(parsed: ParsedResource<Pod>, collected: Collected, problems: Problem[]): PodInBuilding {
  const { metadata, spec, status } = parsed.resource;
  const { annotations, problems: found } = readPodAnnotations(parsed.resource);
  for (const { annotation, message, remedy } of found) {
    problems.push(parsed.problemAt(['metadata', 'annotations', annotation], message, remedy));
  }
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    serviceAccount: spec.serviceAccountName,
    podIp: status.podIP,
    labels: metadata.labels,
    injected: isInjected(parsed.resource, collected.namespaces.get(metadata.namespace)),
    ports: [],
    inboundListeners: annotations.inboundListeners,
    policies: collected.authorizationPolicies
      .map(({ resource }) => resource)
      .filter((policy) => concerns(policy, metadata.namespace, metadata.labels)),
  };
}

function concerns(policy: AuthorizationPolicy, namespace: string, labels: Record<string, string>): boolean {
  return (
    policy.metadata.namespace === namespace &&
    (policy.spec.selector === undefined || matchesLabels(policy.spec.selector.matchLabels, labels))
  );
}

/** A Service without a selector selects nothing: its EndpointSlices are written by hand. */
function selects(service: Service, pod: PodInBuilding): boolean {
  const { selector } = service.spec;
  return selector !== undefined && Object.keys(selector).length > 0 && matchesLabels(selector, pod.labels);
}

function declarePorts(service: Service, pod: Pod, protocols: Map<number, Set<ServiceProtocol>>): void {
  for (const port of service.spec.ports) {
    const target = port.protocol === 'TCP' ? targetPortOf(port, pod) : undefined;
    if (target === undefined) continue;
    const declared = protocols.get(target) ?? new Set();
    protocols.set(target, declared.add(serviceProtocol(port)));
  }
}

function portsOf(pod: Pod, declared: Map<number, Set<ServiceProtocol>>): PodInBuilding['ports'] {
  const numbers = new Set(declared.keys());
  for (const container of pod.spec.containers) {
    for (const port of container.ports) if (port.protocol === 'TCP') numbers.add(port.containerPort);
  }
  return [...numbers]
    .sort((a, b) => a - b)
    .map((port) => {
      const protocols = [...(declared.get(port) ?? [])];
      return { port, protocol: protocols.length === 1 ? protocols[0] : 'auto' };
    });
}

function mapOf<K, A, B>(maps: Map<K, Map<A, B>>, key: K): Map<A, B> {
  const existing = maps.get(key);
  if (existing !== undefined) return existing;
  const made = new Map<A, B>();
  maps.set(key, made);
  return made;
}
