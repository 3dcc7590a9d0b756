import type { Problem } from '@tulle/api';
import type { Program } from '../programs/program.js';
import type { PodStatusLine, ProgramStatus, ServiceStatusLine, TestbedStatus } from '../protocol.js';
import type { RunningPod } from './running-pod.js';
import type { Testbed } from './testbed.js';

/** The testbed as it is now. Asks the control plane for its view of the configuration; without an answer that part is the testbed's own. */
export async function statusOf(testbed: Testbed): Promise<TestbedStatus> {
  const { controlPlane, provider, spec } = testbed;
  const [ready, seen, notices] = await Promise.all([
    controlPlane?.ready() ?? false,
    controlPlane?.configuration() ?? null,
    testbed.notices(),
  ]);
  return {
    name: spec.name,
    provider: provider.kind,
    userNamespace: spec.userNamespace,
    config: spec.config,
    state: testbed.paths.root,
    controlPlane: {
      ...(controlPlane === null ? absent : programStatus(controlPlane.program)),
      ready,
      restoredFrom: seen?.restoredFrom ?? null,
      ...provider.controlPlane,
    },
    pods: testbed.podList().map(podLine),
    services: serviceLines(testbed),
    problems: merge(testbed.problems, seen?.problems ?? []),
    notices,
  };
}

const absent: ProgramStatus = { state: 'stopped', pid: null, restarts: 0, last: null };

export function programStatus(program: Program): ProgramStatus {
  const { state } = program;
  return {
    state: state.kind,
    pid: program.pid,
    restarts: program.restarts,
    last: 'last' in state ? state.last : null,
  };
}

function podLine(running: RunningPod): PodStatusLine {
  const { pod, place, sidecar } = running;
  const containers = [...running.containers].map(([name, program]) => ({ name, ...programStatus(program) }));
  const outside = (address: string) => address.replace('0.0.0.0', place.ip);
  return {
    namespace: pod.namespace,
    name: pod.name,
    ip: place.ip,
    serviceAccount: pod.serviceAccount,
    ready: running.ready,
    reason: running.reason,
    sidecar:
      sidecar === null
        ? null
        : {
            ...programStatus(sidecar),
            ready: running.sidecarReady,
            health: outside(place.sidecar.health),
            metrics: outside(place.sidecar.metrics),
            admin: outside(place.sidecar.admin),
            accessLog: running.paths.accessLog,
          },
    containers,
    restarts: containers.reduce((sum, container) => sum + container.restarts, sidecar?.restarts ?? 0),
  };
}

function serviceLines(testbed: Testbed): ServiceStatusLine[] {
  return testbed.endpoints().map(({ service, ports }) => ({
    namespace: service.namespace,
    name: service.name,
    clusterIp: service.clusterIp,
    ports: ports.map(({ port, endpoints }) => ({
      name: port.name,
      port: port.port,
      endpoints: endpoints.map(({ ip, port: number, ready, pod }) => ({ address: `${ip}:${number}`, ready, pod })),
    })),
  }));
}

/** Both read the same folder, so most problems are known twice. */
function merge(own: readonly Problem[], seen: readonly Problem[]): Problem[] {
  const byPlace = new Map<string, Problem>();
  for (const problem of [...own, ...seen]) {
    byPlace.set(`${problem.file}:${problem.line}:${problem.column}:${problem.message}`, problem);
  }
  return [...byPlace.values()];
}
