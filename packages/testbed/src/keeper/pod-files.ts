import { chown, mkdir } from 'node:fs/promises';
import type { DeclaredPod } from '../cluster/declared.js';
import type { TokenSigner } from '../cluster/tokens.js';
import { tokenLifetimeSeconds, tokenRenewalShare } from '../limits.js';
import type { PodPlace, Provider } from '../provider.js';
import { writeAtomically } from '../state/atomic-write.js';
import type { PodPaths } from '../state/state-dir.js';

/** Makes a pod's folders. Others may pass through (mode 0711) to what is theirs, but not list; the proxy's is the proxy's alone. */
export async function makePodFolders(paths: PodPaths, owner: Provider['proxyOwner']): Promise<void> {
  await mkdir(paths.root, { recursive: true, mode: 0o711 });
  await mkdir(paths.proxyState, { recursive: true, mode: 0o700 });
  if (owner === null) return;
  await chown(paths.proxy, owner.uid, owner.gid);
  await chown(paths.proxyState, owner.uid, owner.gid);
}

/** The sidecar's bootstrap, as the webhook would project it. */
export function bootstrapOf(
  pod: DeclaredPod,
  place: PodPlace,
  paths: PodPaths,
  provider: Pick<Provider, 'controlPlane' | 'proxyPath'>,
  rootCert: string,
): object {
  return {
    node: { pod: pod.name, namespace: pod.namespace, serviceAccount: pod.serviceAccount, podIp: place.ip },
    trustDomain: 'cluster.local',
    controlPlane: {
      ads: provider.controlPlane.ads,
      certificates: provider.controlPlane.certificates,
      serverName: 'control-plane.tulle-system.svc',
      rootCaFile: provider.proxyPath(rootCert),
    },
    tokenFile: provider.proxyPath(paths.token),
    stateDir: provider.proxyPath(paths.proxyState),
    interception: place.sidecar.interception,
    socketMark: place.sidecar.socketMark,
    engine: 'auto',
    concurrency: 1,
    accessLog: provider.proxyPath(paths.accessLog),
    admin: place.sidecar.admin,
    health: place.sidecar.health,
    metrics: place.sidecar.metrics,
    outboundProxy: place.sidecar.outboundProxy,
  };
}

/**
 * Keeps a pod's projected token fresh: writes one now and again when 80 % of its life is over, as the kubelet does.
 * Returns how to end it. A failed renewal is told to `failed` and tried again in a minute: the old token still holds.
 */
export async function keepToken(
  pod: DeclaredPod,
  podUid: string,
  paths: PodPaths,
  owner: Provider['proxyOwner'],
  signer: TokenSigner,
  notice: (text: string | null) => void,
): Promise<() => void> {
  const write = async (): Promise<void> => {
    const subject = { namespace: pod.namespace, serviceAccount: pod.serviceAccount, pod: pod.name, podUid };
    const token = await signer.sign(subject, Math.floor(Date.now() / 1000));
    await writeAtomically(paths.token, token, { mode: 0o600, owner: owner ?? undefined });
  };
  let timer: NodeJS.Timeout;
  const again = (seconds: number): void => {
    timer = setTimeout(() => {
      write().then(
        () => {
          notice(null);
          again(tokenLifetimeSeconds * tokenRenewalShare);
        },
        (error: Error) => {
          notice(`${pod.namespace}/${pod.name}: token not renewed: ${error.message}`);
          again(60);
        },
      );
    }, seconds * 1000);
  };
  await write();
  again(tokenLifetimeSeconds * tokenRenewalShare);
  return () => clearTimeout(timer);
}
