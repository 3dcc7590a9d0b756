import { formatProblem, type Problem } from '@tulle/api';
import type { ModelPod, ModelRoute, ModelService } from '../model/model.js';
import type { StreamReport } from '../serve/ads-stream.js';
import type { SourceState } from '../source/source.js';

/** The configuration as `/debug/config` shows it. */
export interface ConfigView {
  /** 0 while there is no good configuration. */
  generation: number;
  problems: readonly Problem[];
  /** RFC 3339: since a start with broken files, what was the last good configuration then is served from disk. Else null. */
  restoredFrom: string | null;
  services: ServiceView[];
  pods: PodView[];
  routes: readonly ModelRoute[];
}

interface ServiceView {
  namespace: string;
  name: string;
  clusterIp: string | null;
  ports: { name: string | null; port: number; protocol: string }[];
  /** `servicePort` is the port of the Service that this endpoint answers for. */
  endpoints: { servicePort: number; address: string; port: number; pod: string | null }[];
}

interface PodView {
  namespace: string;
  name: string;
  serviceAccount: string;
  podIp: string | null;
  injected: boolean;
  policies: string[];
}

export interface SidecarView {
  node: string;
  /** SPIFFE ID. */
  identity: string;
  /** RFC 3339. */
  connectedAt: string;
  /** Of the configuration that it was last told from, as in `ConfigView`; 0 before the first. */
  generation: number;
  /** By `CDS`, `EDS`, `SDS`, `LDS`, `RDS`. */
  types: Record<string, object>;
}

export function configView({ model, problems, restoredFrom = undefined }: SourceState): ConfigView {
  return {
    generation: model?.generation ?? 0,
    problems,
    restoredFrom: restoredFrom ?? null,
    services: model?.services.map(serviceView) ?? [],
    pods: model?.pods.map(podView) ?? [],
    routes: model?.routes ?? [],
  };
}

function serviceView(service: ModelService): ServiceView {
  return {
    namespace: service.namespace,
    name: service.name,
    clusterIp: service.clusterIp ?? null,
    ports: service.ports.map(({ name, port, protocol }) => ({ name: name ?? null, port, protocol })),
    endpoints: service.ports.flatMap(({ port: servicePort, endpoints }) =>
      endpoints.map(({ address, port, pod }) => {
        return { servicePort, address, port, pod: pod === undefined ? null : `${pod.namespace}/${pod.name}` };
      }),
    ),
  };
}

function podView(pod: ModelPod): PodView {
  const { namespace, name, serviceAccount, injected } = pod;
  const policies = pod.policies.map((policy) => `${policy.metadata.namespace}/${policy.metadata.name}`);
  return { namespace, name, serviceAccount, podIp: pod.podIp ?? null, injected, policies };
}

export function sidecarView(report: StreamReport): SidecarView {
  const types = Object.entries(report.types).map(([type, state]) => [type.toUpperCase(), state]);
  return {
    node: report.node,
    identity: report.identity,
    connectedAt: new Date(report.connectedAt).toISOString(),
    generation: report.generation ?? 0,
    types: Object.fromEntries(types) as Record<string, object>,
  };
}

/** What `/ready` answers. */
export function readyView(state: SourceState): { ready: boolean; text: string } {
  if (state.model !== undefined) return { ready: true, text: 'ready\n' };
  const lines = state.problems.map((problem) => `${formatProblem(problem)}\n`);
  const why = lines.length === 0 ? 'the configuration is being read' : 'there is no good configuration yet';
  return { ready: false, text: `not ready: ${why}\n${lines.join('')}` };
}
