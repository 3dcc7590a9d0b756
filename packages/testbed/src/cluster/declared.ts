/**
 * The part of the user's configuration that the testbed plays API server, kubelet, endpoint controller and kube-proxy for.
 */

export interface DeclaredContainer {
  name: string;
  /** Program and arguments: `command` followed by `args`. Never empty. */
  argv: readonly string[];
  env: readonly { name: string; value: string | { fieldPath: string } }[];
  ports: readonly DeclaredPort[];
  /** Absolute, or relative to the configuration folder; null: the configuration folder itself. */
  workingDir: string | null;
}

export interface DeclaredPort {
  name: string | null;
  containerPort: number;
  protocol: 'TCP' | 'UDP';
}

export interface DeclaredPod {
  namespace: string;
  name: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  serviceAccount: string;
  containers: readonly DeclaredContainer[];
  /** True when a sidecar goes beside it: the pod's own word, else its namespace's. */
  injected: boolean;
  /** What its annotations keep out of interception. */
  exclude: Exclusions;
  /** The configuration folder it was read from, from which relative paths of its containers start. */
  folder: string;
}

/** As the redirect rules have it (`exclude`). */
export interface Exclusions {
  inboundPorts: readonly number[];
  outboundPorts: readonly number[];
  outboundCidrs: readonly string[];
}

export interface DeclaredService {
  namespace: string;
  name: string;
  /** null: headless. */
  clusterIp: string | null;
  /** null: no selector, the user writes its EndpointSlices. */
  selector: Readonly<Record<string, string>> | null;
  ports: readonly DeclaredServicePort[];
}

export interface DeclaredServicePort {
  name: string | null;
  port: number;
  targetPort: number | string;
  protocol: 'TCP' | 'UDP';
  appProtocol: string | null;
}

/** Endpoints the user wrote by hand for a Service without a selector: those that are ready. */
export interface DeclaredEndpoints {
  namespace: string;
  service: string;
  ports: readonly { name: string | null; port: number }[];
  addresses: readonly string[];
}

/** One reading of the configuration. */
export interface DeclaredCluster {
  namespaces: readonly string[];
  pods: readonly DeclaredPod[];
  services: readonly DeclaredService[];
  endpoints: readonly DeclaredEndpoints[];
}

/** `ns/name`, the key of everything that has a namespace. */
export function keyOf(object: { namespace: string; name: string }): string {
  return `${object.namespace}/${object.name}`;
}
