import type { NodeFacts, WorkloadIdentity } from '@tulle/xds';
import type { Model } from '../model/model.js';
import type { NodeIdentity } from '../translate/resources.js';

/**
 * Decides whether the holder of an SVID may have the configuration of the node that it claims to be: it is that pod's service
 * account. The error says what does not fit, and is for the sidecar's log.
 */
export function authorizeNode(
  model: Pick<Model, 'findPod'>,
  svid: WorkloadIdentity,
  facts: NodeFacts,
): { node: NodeIdentity } | { error: string } {
  const { pod: name, namespace, serviceAccount, podIp } = facts;
  if (svid.namespace !== namespace || svid.serviceAccount !== serviceAccount) {
    const [own, claimed] = [`${svid.namespace}/${svid.serviceAccount}`, `${namespace}/${serviceAccount}`];
    return { error: `the certificate is of service account ${own}, the node says ${claimed}` };
  }
  const pod = model.findPod(namespace, name);
  if (pod === undefined) return { error: `there is no pod ${namespace}/${name} in the configuration` };
  if (pod.serviceAccount !== serviceAccount) {
    return {
      error: `pod ${namespace}/${name} has service account ${pod.serviceAccount}, the certificate is of ${serviceAccount}`,
    };
  }
  if (pod.podIp !== undefined && pod.podIp !== podIp) {
    return { error: `pod ${namespace}/${name} has address ${pod.podIp}, the node says ${podIp}` };
  }
  const interception = facts.interception === 'REDIRECT' ? 'redirect' : 'none';
  return { node: { pod: name, namespace, serviceAccount, podIp, interception } };
}
