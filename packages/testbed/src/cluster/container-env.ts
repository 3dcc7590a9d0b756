import type { DeclaredContainer, DeclaredPod } from './declared.js';

/**
 * The environment of a container: what the program needs to run at all on this machine (PATH with this very node first, HOME, LANG, TZ),
 * HOSTNAME, then the declared variables. Nothing else of the caller's environment gets in, as in a real pod.
 * A `valueFrom.fieldRef` takes its value from the pod (downward API).
 */
export function containerEnv(
  pod: DeclaredPod,
  container: DeclaredContainer,
  podIp: string,
  base: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = { ...base, HOSTNAME: pod.name };
  for (const variable of container.env) {
    env[variable.name] =
      typeof variable.value === 'string' ? variable.value : fieldValue(pod, podIp, variable.value.fieldPath);
  }
  return env;
}

function fieldValue(pod: DeclaredPod, podIp: string, fieldPath: string): string {
  switch (fieldPath) {
    case 'status.podIP':
      return podIp;
    case 'metadata.name':
      return pod.name;
    case 'metadata.namespace':
      return pod.namespace;
    case 'spec.serviceAccountName':
      return pod.serviceAccount;
    default:
      throw new Error(
        `pod ${pod.namespace}/${pod.name}: fieldRef ${JSON.stringify(fieldPath)} is not known here; ` +
          'use status.podIP, metadata.name, metadata.namespace or spec.serviceAccountName',
      );
  }
}

/** The variables of the machine that a program in a pod keeps. */
export function machineEnv(env: NodeJS.ProcessEnv, nodeFolder: string): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['HOME', 'LANG', 'LC_ALL', 'TZ', 'TERM', 'TMPDIR']) {
    const value = env[name];
    if (value !== undefined) kept[name] = value;
  }
  kept.PATH = [nodeFolder, env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'].join(':');
  return kept;
}

/** The caller's environment without the proxies of the world outside, which no pod can reach. */
export function withoutProxies(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !/^(https?|ftp|all|no)_proxy$/i.test(name)) kept[name] = value;
  }
  return kept;
}
