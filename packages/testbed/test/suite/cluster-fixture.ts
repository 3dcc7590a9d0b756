import type { DeclaredPod, DeclaredService } from '../../src/cluster/declared.js';
import type { PlacedPod } from '../../src/cluster/endpoints.js';

/** A pod of one container that declares `ports`, injected or not. */
export function pod(facts: {
  namespace?: string;
  name: string;
  labels?: Record<string, string>;
  ports?: { name?: string; containerPort: number }[];
  env?: DeclaredPod['containers'][number]['env'];
  injected?: boolean;
}): DeclaredPod {
  return {
    namespace: facts.namespace ?? 'default',
    name: facts.name,
    labels: facts.labels ?? {},
    annotations: {},
    serviceAccount: 'default',
    containers: [
      {
        name: 'main',
        argv: ['true'],
        env: facts.env ?? [],
        ports: (facts.ports ?? []).map(({ name, containerPort }) => ({
          name: name ?? null,
          containerPort,
          protocol: 'TCP' as const,
        })),
        workingDir: null,
      },
    ],
    injected: facts.injected ?? false,
    exclude: { inboundPorts: [], outboundPorts: [], outboundCidrs: [] },
    folder: '/config',
  };
}

export function placedPod(declared: DeclaredPod, ip: string, ready: boolean = true): PlacedPod {
  return { pod: declared, ip, ready };
}

export function service(facts: {
  namespace?: string;
  name?: string;
  clusterIp?: string | null;
  selector: Record<string, string> | null;
  ports: { name?: string; port: number; targetPort?: number | string }[];
}): DeclaredService {
  return {
    namespace: facts.namespace ?? 'default',
    name: facts.name ?? 'server',
    clusterIp: facts.clusterIp === undefined ? '10.96.1.1' : facts.clusterIp,
    selector: facts.selector,
    ports: facts.ports.map(({ name, port, targetPort }) => ({
      name: name ?? null,
      port,
      targetPort: targetPort ?? port,
      protocol: 'TCP',
      appProtocol: null,
    })),
  };
}
