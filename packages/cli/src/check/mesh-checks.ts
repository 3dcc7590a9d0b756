import type { PodStatusLine, TestbedStatus } from '@tulle/testbed';
import { type Check, type Finding, failed, ok, warning } from './check.js';

/** Is everything well in a testbed that is up. */

/** GET of a JSON document from a sidecar's admin address; undefined when there is none. */
export type AskSidecar = (pod: PodStatusLine, path: string) => Promise<unknown>;

/** A certificate that ends sooner is not being renewed: sidecars renew long before. */
const minCertificateMs: number = 5 * 60 * 1000;

export function meshChecks(status: TestbedStatus, askSidecar: AskSidecar, nowMs: () => number): Check[] {
  const group = `testbed ${status.name}`;
  const named = status.name === 'default' ? '' : ` --name ${status.name}`;
  const check = (id: string, run: () => Finding | Promise<Finding>): Check => ({ id, group, run: async () => run() });
  return [
    check('control-plane', () => checkControlPlane(status, named)),
    check('pods', () => checkPods(status, named)),
    check('sidecars', () => checkSidecars(status, named)),
    check('certificates', () => checkCertificates(status, askSidecar, nowMs())),
    check('configuration', () => checkConfiguration(status)),
    check('endpoints', () => checkEndpoints(status)),
  ];
}

export function checkControlPlane(status: TestbedStatus, named: string): Finding {
  const { ready, state } = status.controlPlane;
  if (ready) return ok('the control plane is ready');
  if (state === 'running') {
    return failed('the control plane runs but is not ready', `tulle testbed logs control-plane${named} says why`);
  }
  return failed(
    `the control plane is ${state}: sidecars go on with what they have`,
    `tulle testbed start control-plane${named}`,
  );
}

export function checkPods(status: TestbedStatus, named: string): Finding {
  const unready = status.pods.filter((pod) => !pod.ready);
  if (unready.length === 0) return ok(`${status.pods.length} pods are ready`);
  const list = unready.map((pod) => `${pod.namespace}/${pod.name} (${pod.reason ?? 'no reason given'})`);
  return failed(
    `pods that are not ready: ${list.join(', ')}`,
    `tulle testbed logs ${unready[0].namespace}/${unready[0].name}${named} shows what the first says`,
  );
}

export function checkSidecars(status: TestbedStatus, named: string): Finding {
  const injected = status.pods.filter((pod) => pod.sidecar !== null);
  const unready = injected.filter((pod) => !pod.sidecar?.ready);
  if (unready.length === 0) return ok(`${injected.length} sidecars are ready`);
  const [first] = unready;
  return failed(
    `sidecars that are not ready: ${unready.map((pod) => `${pod.namespace}/${pod.name}`).join(', ')}`,
    `tulle testbed logs ${first.namespace}/${first.name} -c proxy${named} says why; tulle testbed restart ${first.namespace}/${first.name}/proxy${named}`,
  );
}

/** @param askSidecar gives /certs: `[{subject, notAfter}]`, or one such object. */
export async function checkCertificates(
  status: TestbedStatus,
  askSidecar: AskSidecar,
  nowMs: number,
): Promise<Finding> {
  const silent: string[] = [];
  const ending: string[] = [];
  let soonestMs = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const pod of status.pods) {
    const { namespace, name, sidecar } = pod;
    if (sidecar === null) continue;
    const ends = notAfterMs(await askSidecar(pod, '/certs').catch(() => undefined));
    if (ends === undefined) silent.push(`${namespace}/${name}`);
    else if (ends - nowMs < minCertificateMs) ending.push(`${namespace}/${name}`);
    else count += 1;
    if (ends !== undefined) soonestMs = Math.min(soonestMs, ends);
  }
  if (ending.length > 0) {
    return failed(
      `certificates that have ended or end within five minutes: ${ending.join(', ')}`,
      'they are renewed by the control plane: is it ready, and is the clock right?',
    );
  }
  if (silent.length > 0) {
    return warning(`no certificate seen from: ${silent.join(', ')}`, 'is the sidecar ready? see the check before');
  }
  if (count === 0) return ok('no sidecar, no certificate to look at');
  return ok(`${count} certificates are valid, the first to end in ${Math.round((soonestMs - nowMs) / 60_000)} minutes`);
}

function notAfterMs(answer: unknown): number | undefined {
  const entries = Array.isArray(answer) ? answer : [answer];
  const times = entries.map((entry) => Date.parse(String((entry as { notAfter?: unknown } | undefined)?.notAfter)));
  const valid = times.filter((time) => !Number.isNaN(time));
  return valid.length === 0 ? undefined : Math.min(...valid);
}

export function checkConfiguration(status: TestbedStatus): Finding {
  const { problems } = status;
  if (problems.length === 0) return ok(`the configuration in ${status.config.join(', ')} has no problem`);
  const [first] = problems;
  return failed(
    `${problems.length} problems in the configuration, the first at ${first.file}:${first.line}:${first.column}: ${first.message}`,
    `${first.remedy}; until then the last good state goes on`,
  );
}

export function checkEndpoints(status: TestbedStatus): Finding {
  const empty = status.services.filter(({ ports }) =>
    ports.some(({ endpoints }) => !endpoints.some(({ ready }) => ready)),
  );
  if (empty.length === 0) return ok(`${status.services.length} services have endpoints`);
  return warning(
    `services with a port that no ready pod serves: ${empty.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')}`,
    'requests to it get 503 no-healthy-endpoint: compare its selector and targetPort with the pods',
  );
}
