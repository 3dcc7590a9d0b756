import { formatProblem } from '@tulle/api';
import { shortName } from '../cluster/manifests.js';
import type { ProgramStatus, TestbedStatus } from '../protocol.js';
import { ask, command } from './ask.js';
import { type Streams, table } from './output.js';

export interface TestbedStatusOptions extends Streams {
  name?: string;
  /** Default `text`. */
  output?: 'text' | 'json';
}

/** `tulle testbed status`. 0 when everything is ready, 1 when something is not or no testbed is up. */
export async function testbedStatus(options: TestbedStatusOptions = {}): Promise<number> {
  const stdout = options.stdout ?? process.stdout;
  return await command(options.stderr ?? process.stderr, async () => {
    const status = await ask(options.name, { op: 'status' });
    stdout.write(options.output === 'json' ? `${JSON.stringify(status, null, 2)}\n` : statusText(status));
    return allReady(status) ? 0 : 1;
  });
}

/** For programs: the status itself. Throws an Error for the user when no testbed is up. */
export async function readTestbedStatus(name?: string): Promise<TestbedStatus> {
  return await ask(name, { op: 'status' });
}

function allReady(status: TestbedStatus): boolean {
  const meshReady = status.controlPlane.ready || status.pods.every((pod) => pod.sidecar === null);
  return meshReady && status.problems.length === 0 && status.pods.every((pod) => pod.ready);
}

/** The status for people. Pure. */
export function statusText(status: TestbedStatus): string {
  const where = status.userNamespace ? ' (in a user namespace, without root)' : '';
  const pods = status.pods.map((pod) => [
    shortName(pod),
    pod.ip,
    pod.ready ? 'yes' : 'no',
    pod.sidecar === null
      ? 'none'
      : pod.sidecar.ready
        ? 'ready'
        : pod.sidecar.state === 'running'
          ? 'not ready'
          : 'stopped',
    String(pod.restarts),
    [pod.sidecar, ...pod.containers].map(pidText).join(','),
    pod.reason ?? '',
  ]);
  const services = status.services.flatMap((service) =>
    service.ports.map((port) => [
      shortName(service),
      service.clusterIp ?? 'headless',
      port.name === null ? String(port.port) : `${port.port} (${port.name})`,
      port.endpoints.map((e) => (e.ready ? e.address : `${e.address} not ready`)).join(', ') || 'none',
    ]),
  );
  const { controlPlane } = status;
  return [
    `testbed ${status.name}, provider ${status.provider}${where}\n`,
    `configuration ${status.config.join(', ')}\n`,
    `state ${status.state}\n`,
    `control plane ${controlPlane.ready ? 'ready' : controlPlane.state === 'running' ? 'not ready' : 'stopped'} at ${controlPlane.ads}, pid ${pidText(controlPlane)}\n`,
    ...(controlPlane.restoredFrom === null
      ? []
      : [
          `it serves the last good configuration, of ${controlPlane.restoredFrom}, until the problems below are mended\n`,
        ]),
    '\n',
    table([['POD', 'IP', 'READY', 'SIDECAR', 'RESTARTS', 'PIDS', 'NOTE'], ...pods]),
    '\n',
    table([['SERVICE', 'CLUSTER IP', 'PORT', 'ENDPOINTS'], ...services]),
    ...section('problems of the configuration', status.problems.map(formatProblem)),
    ...section('notices', status.notices),
  ].join('');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`\n${title}:\n`, ...lines.map((line) => `  ${line}\n`)];
}

function pidText(program: ProgramStatus | null): string {
  return program === null ? '-' : String(program.pid ?? '-');
}
