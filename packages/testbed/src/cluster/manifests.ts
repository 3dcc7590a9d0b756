import { type DeclaredPod, keyOf } from './declared.js';
import type { ServicePortEndpoints } from './endpoints.js';

/** What the testbed adds to a Pod that the user declared. */
export interface PodStatus {
  ip: string;
  ready: boolean;
  uid: string;
  /** Added to the user's annotations; `tulle.dev/inbound-listeners` for a sidecar without interception. */
  annotations?: Readonly<Record<string, string>>;
  /** Container ports that differ from the declared ones, where pods have to share one address. */
  portOf?: (containerPort: number) => number;
}

/** The Pod document with status, as the API server would show it. JSON is YAML (YAML 1.2 section 1.3). */
export function podManifest(pod: DeclaredPod, status: PodStatus): object {
  const portOf = status.portOf ?? ((port: number) => port);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: pod.labels,
      annotations: {
        ...pod.annotations,
        'tulle.dev/inject': pod.injected ? 'enabled' : 'disabled',
        ...status.annotations,
      },
    },
    spec: {
      serviceAccountName: pod.serviceAccount,
      containers: pod.containers.map((container) => ({
        name: container.name,
        command: container.argv,
        ports: container.ports.map((port) => ({
          ...(port.name === null ? {} : { name: port.name }),
          containerPort: portOf(port.containerPort),
          protocol: port.protocol,
        })),
      })),
    },
    status: { podIP: status.ip },
  };
}

/**
 * EndpointSlices of one Service (discovery.k8s.io/v1). Endpoints whose numbers differ (a target port by name, or sidecars that
 * listen on ports of their own) cannot share a slice, so there is one slice for each set of port numbers.
 */
export function endpointSliceManifests(ports: readonly ServicePortEndpoints[]): object[] {
  const groups = new Map<
    string,
    { ports: object[]; endpoints: { address: string; ready: boolean; pod: string | null }[] }
  >();
  for (const { port, endpoints } of ports) {
    for (const endpoint of endpoints) {
      const group = `${port.name ?? ''}:${endpoint.port}`;
      let slice = groups.get(group);
      if (slice === undefined) {
        slice = {
          ports: [
            {
              ...(port.name === null ? {} : { name: port.name }),
              port: endpoint.port,
              protocol: port.protocol,
              ...(port.appProtocol === null ? {} : { appProtocol: port.appProtocol }),
            },
          ],
          endpoints: [],
        };
        groups.set(group, slice);
      }
      slice.endpoints.push({ address: endpoint.ip, ready: endpoint.ready, pod: endpoint.pod });
    }
  }
  const service = ports[0]?.service;
  if (service === undefined) return [];
  return [...groups.values()].map((slice, index) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service.name}-${index}`,
      namespace: service.namespace,
      labels: { 'kubernetes.io/service-name': service.name },
    },
    addressType: 'IPv4',
    ports: slice.ports,
    endpoints: slice.endpoints.map((endpoint) => ({
      addresses: [endpoint.address],
      conditions: { ready: endpoint.ready },
      ...(endpoint.pod === null ? {} : { targetRef: podReference(endpoint.pod) }),
    })),
  }));
}

function podReference(key: string): object {
  const [namespace, name] = key.split('/');
  return { kind: 'Pod', namespace, name };
}

/** Several documents in one file, each readable by a person. */
export function manifestFile(documents: readonly object[]): string {
  return documents.map((document) => `---\n${JSON.stringify(document, null, 2)}\n`).join('');
}

/** A name for log lines: `ns/name`, or just the name in the default namespace. */
export function shortName(object: { namespace: string; name: string }): string {
  return object.namespace === 'default' ? object.name : keyOf(object);
}
