import type { Namespace } from '../kinds/namespace.js';
import type { Pod } from '../kinds/pod.js';

/** `enabled` or `disabled`: on a pod as an annotation or a label, on a namespace as a label. */
export const INJECT_KEY = 'tulle.dev/inject';

/**
 * Whether a pod gets a sidecar: what the pod itself says (its label before its annotation), else what its namespace says,
 * else no. A pod in the network of its host never does: a redirect there would be one for the whole host.
 */
export function isInjected(pod: Pod, namespace: Namespace | undefined): boolean {
  if (pod.spec.hostNetwork) return false;
  const own = pod.metadata.labels[INJECT_KEY] ?? pod.metadata.annotations[INJECT_KEY];
  return (own ?? namespace?.metadata.labels[INJECT_KEY]) === 'enabled';
}
