import {
  assignClusterIps,
  type Container,
  isInjected,
  type Namespace,
  type ParsedResource,
  type Pod,
  type Problem,
  readPodAnnotations,
  SERVICE_NAME_LABEL,
  type Service,
} from '@tulle/api';
import type { DeclaredCluster, DeclaredContainer, DeclaredPod, DeclaredService } from './declared.js';

interface Found {
  parsed: ParsedResource;
  folder: string;
}

const knownFields = ['status.podIP', 'metadata.name', 'metadata.namespace', 'spec.serviceAccountName'];

/** Turns manifests into what the testbed runs; what it cannot run is a problem at its place. Pure. */
export function declaredCluster(found: readonly Found[]): { cluster: DeclaredCluster; problems: Problem[] } {
  const problems: Problem[] = [];
  const seen = new Map<string, ParsedResource>();
  const namespaces = new Map<string, Namespace>();
  const pods: { pod: Pod; parsed: ParsedResource; folder: string }[] = [];
  const services: Service[] = [];
  const cluster: { -readonly [key in keyof DeclaredCluster]: DeclaredCluster[key][number][] } = {
    namespaces: [],
    pods: [],
    services: [],
    endpoints: [],
  };
  for (const { parsed, folder } of found) {
    const { resource } = parsed;
    const key = `${resource.kind} ${resource.metadata.namespace}/${resource.metadata.name}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      const message = `${key} is declared twice, first in ${earlier.file}`;
      problems.push(parsed.problemAt(['metadata', 'name'], message, 'Remove one of the two.'));
      continue;
    }
    seen.set(key, parsed);
    if (resource.kind === 'Namespace') namespaces.set(resource.metadata.name, resource);
    else if (resource.kind === 'Pod') pods.push({ pod: resource, parsed, folder });
    else if (resource.kind === 'Service') services.push(resource);
    else if (resource.kind === 'EndpointSlice') {
      cluster.endpoints.push({
        namespace: resource.metadata.namespace,
        service: resource.metadata.labels[SERVICE_NAME_LABEL] ?? '',
        ports: resource.ports.flatMap((p) => (p.port === undefined ? [] : [{ name: p.name || null, port: p.port }])),
        addresses: resource.endpoints.filter((e) => e.conditions.ready !== false).flatMap((e) => e.addresses),
      });
    }
  }
  for (const { pod, parsed, folder } of pods) {
    const problem = cannotRun(pod, parsed);
    if (problem !== null) problems.push(problem);
    else cluster.pods.push(declaredPod(pod, namespaces.get(pod.metadata.namespace), folder, parsed, problems));
  }
  cluster.services.push(...assignClusterIps(services).map(declaredService));
  const names = new Set(['default', ...namespaces.keys(), ...pods.map(({ pod }) => pod.metadata.namespace)]);
  cluster.namespaces.push(...names);
  return { cluster, problems };
}

function cannotRun(pod: Pod, parsed: ParsedResource): Problem | null {
  for (const [index, container] of pod.spec.containers.entries()) {
    const path = ['spec', 'containers', index];
    if (container.command.length === 0) {
      const message = `container ${container.name} has no command, and the testbed runs programs of this machine, not images`;
      return parsed.problemAt(path, message, 'Add command: ["node", "server.js"] or the like.');
    }
    for (const [at, variable] of container.env.entries()) {
      const field = variable.valueFrom?.fieldRef?.fieldPath;
      if (field === undefined || knownFields.includes(field)) continue;
      const message = `fieldPath ${field} is not known here`;
      return parsed.problemAt([...path, 'env', at, 'valueFrom'], message, `Use one of ${knownFields.join(', ')}.`);
    }
  }
  return null;
}

function declaredPod(
  pod: Pod,
  namespace: Namespace | undefined,
  folder: string,
  parsed: ParsedResource,
  problems: Problem[],
): DeclaredPod {
  const read = readPodAnnotations(pod);
  for (const { annotation, message, remedy } of read.problems) {
    problems.push(parsed.problemAt(['metadata', 'annotations', annotation], message, remedy));
  }
  return {
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    labels: pod.metadata.labels,
    annotations: pod.metadata.annotations,
    serviceAccount: pod.spec.serviceAccountName,
    containers: pod.spec.containers.map(declaredContainer),
    injected: isInjected(pod, namespace),
    exclude: {
      inboundPorts: read.annotations.excludeInboundPorts,
      outboundPorts: read.annotations.excludeOutboundPorts,
      outboundCidrs: read.annotations.excludeOutboundCidrs,
    },
    folder,
  };
}

function declaredContainer(container: Container): DeclaredContainer {
  return {
    name: container.name,
    argv: [...container.command, ...container.args],
    env: container.env.map((variable) => {
      const field = variable.valueFrom?.fieldRef?.fieldPath;
      return { name: variable.name, value: field === undefined ? (variable.value ?? '') : { fieldPath: field } };
    }),
    ports: container.ports.flatMap((port) =>
      port.protocol === 'SCTP'
        ? []
        : [{ name: port.name ?? null, containerPort: port.containerPort, protocol: port.protocol }],
    ),
    workingDir: container.workingDir ?? null,
  };
}

function declaredService(service: Service): DeclaredService {
  const { clusterIP, selector, ports } = service.spec;
  return {
    namespace: service.metadata.namespace,
    name: service.metadata.name,
    clusterIp: clusterIP === undefined || clusterIP === 'None' ? null : clusterIP,
    selector: selector ?? null,
    ports: ports.flatMap((port) =>
      port.protocol === 'SCTP'
        ? []
        : [
            {
              name: port.name ?? null,
              port: port.port,
              targetPort: port.targetPort ?? port.port,
              protocol: port.protocol,
              appProtocol: port.appProtocol ?? null,
            },
          ],
    ),
  };
}
