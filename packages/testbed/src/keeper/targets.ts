import { shortName } from '../cluster/manifests.js';
import type { PodPart, RunningPod } from './running-pod.js';

export type Target = { kind: 'control-plane' } | { kind: 'pod'; pod: RunningPod; part: PodPart };

/**
 * What a person means by `control-plane`, `POD`, `POD/proxy`, `POD/app`, `POD/CONTAINER`, each with an optional `NAMESPACE/`
 * before it. A pod outside the default namespace may be named alone when no other has its name. Throws with the names that exist.
 */
export function findTarget(text: string, pods: ReadonlyMap<string, RunningPod>): Target {
  if (text === 'control-plane') return { kind: 'control-plane' };
  const whole = findPodOrNull(text, pods);
  if (whole !== null) return { kind: 'pod', pod: whole, part: { kind: 'all' } };
  const slash = text.lastIndexOf('/');
  if (slash > 0) {
    const pod = findPodOrNull(text.slice(0, slash), pods);
    if (pod !== null) return { kind: 'pod', pod, part: findPart(pod, text.slice(slash + 1)) };
  }
  throw new Error(`${JSON.stringify(text)} is neither control-plane nor a pod; pods: ${names(pods)}`);
}

/** The pod of that name. Throws with the names that exist. */
export function findPod(text: string, pods: ReadonlyMap<string, RunningPod>): RunningPod {
  const pod = findPodOrNull(text, pods);
  if (pod === null) throw new Error(`no pod ${JSON.stringify(text)}; pods: ${names(pods)}`);
  return pod;
}

export function findPart(pod: RunningPod, text: string): PodPart {
  if (text === 'app') return { kind: 'app' };
  if (pod.containers.has(text)) return { kind: 'container', name: text };
  if (text === 'proxy') {
    if (pod.sidecar === null) throw new Error(`pod ${shortName(pod.pod)} has no sidecar`);
    return { kind: 'proxy' };
  }
  throw new Error(
    `pod ${shortName(pod.pod)} has no container ${JSON.stringify(text)}; it has: ${[...pod.containers.keys(), 'app', ...(pod.sidecar === null ? [] : ['proxy'])].join(', ')}`,
  );
}

function findPodOrNull(text: string, pods: ReadonlyMap<string, RunningPod>): RunningPod | null {
  if (text.includes('/')) return pods.get(text) ?? null;
  const own = pods.get(`default/${text}`);
  if (own !== undefined) return own;
  const same = [...pods.values()].filter((running) => running.pod.name === text);
  if (same.length > 1) {
    throw new Error(
      `there is more than one pod ${text}: write ${same.map((p) => `${p.pod.namespace}/${text}`).join(' or ')}`,
    );
  }
  return same[0] ?? null;
}

function names(pods: ReadonlyMap<string, RunningPod>): string {
  return [...pods.values()].map((running) => shortName(running.pod)).join(', ') || 'none';
}
