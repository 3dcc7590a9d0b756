import { controlPlaneIp, nodeIp, PodAddresses } from '../cluster/addresses.js';
import { type DeclaredPod, keyOf } from '../cluster/declared.js';
import { type DnsServer, serveDns } from '../dns/server.js';
import { type DnsZone, dnsZone } from '../dns/zone.js';
import { listeningPorts } from '../programs/listening.js';
import type { PodPlace, PodRole, Provider } from '../provider.js';
import { ServiceProxy } from '../service-proxy/service-proxy.js';
import { type PodPaths, podPaths, type StatePaths } from '../state/state-dir.js';
import { enterPod, type PodUser, proxyMark, proxyUid } from './enter.js';
import { addServiceAddress, createNodeNetwork, createSandbox, type PodSandbox } from './network.js';
import { mountProxyView, type ProxyView } from './proxy-view.js';

/** What the provider has to know of its surroundings. */
export interface NetnsSurroundings {
  paths: StatePaths;
  /** Environment for `ip`, `mount` and the like. */
  env: NodeJS.ProcessEnv;
  /** True inside a user namespace that has one user: the proxy is told by its mark instead. */
  userNamespace: boolean;
  cliPath: string;
  log: (message: string) => void;
}

/** Pods as network namespaces. Runs inside the testbed's own namespaces, whose end is the end of everything it makes. */
export async function createNetnsProvider(around: NetnsSurroundings): Promise<Provider> {
  await createNodeNetwork(around.env);
  const needed = { node: process.execPath, tulle: around.cliPath, state: around.paths.root };
  const view: ProxyView = around.userNamespace
    ? { pathOf: (path) => path, readAll: false }
    : await mountProxyView(needed, around.env);
  const proxyUser: PodUser = around.userNamespace ? { kind: 'application' } : { kind: 'proxy', readAll: view.readAll };
  const addresses = new PodAddresses();
  const serviceProxy = new ServiceProxy();
  const served = new Set<string>();
  let zone: DnsZone = dnsZone([], []);
  const dns: DnsServer = await serveDns(nodeIp, 53, () => zone);

  // The control plane has a pod of its own, so that its traffic crosses a link like everybody's.
  const controlPlane: PodSandbox = await createSandbox(around.env, {
    namespace: 'tulle-system',
    name: 'control-plane',
    ip: controlPlaneIp,
    etc: podPaths(around.paths, 'tulle-system', 'control-plane').etc,
  });

  const user = (role: PodRole): PodUser => (role === 'proxy' ? proxyUser : { kind: 'application' });

  return {
    kind: 'netns',
    controlPlane: {
      ads: `${controlPlaneIp}:15012`,
      certificates: `${controlPlaneIp}:15013`,
      admin: `${controlPlaneIp}:15014`,
    },
    proxyOwner: around.userNamespace ? null : { uid: proxyUid, gid: proxyUid },
    proxyPath: (path) => view.pathOf(path),
    interceptionRules: (pod) => interceptionRules(pod, around.userNamespace),
    controlPlaneCommand: (argv) => enterPod(controlPlane.pausePid, around.paths.root, { kind: 'application' }, argv),
    reserve: (pods) => {
      for (const pod of pods) addresses.addressOf(keyOf(pod));
    },
    place,
    serve: async (cluster) => {
      zone = dnsZone(cluster.services, cluster.pods);
      for (const { clusterIp } of cluster.services) {
        if (clusterIp === null || served.has(clusterIp)) continue;
        await addServiceAddress(around.env, clusterIp);
        served.add(clusterIp);
      }
      for (const failure of await serviceProxy.update(cluster.services)) around.log(failure);
    },
    close: async () => {
      serviceProxy.close();
      dns.close();
      await controlPlane.close();
    },
  };

  async function place(pod: DeclaredPod, paths: PodPaths): Promise<PodPlace> {
    const ip = addresses.addressOf(keyOf(pod));
    const sandbox = await createSandbox(around.env, { namespace: pod.namespace, name: pod.name, ip, etc: paths.etc });
    return {
      ip,
      sidecar: {
        interception: 'redirect',
        socketMark: around.userNamespace ? proxyMark : null,
        admin: '127.0.0.1:15000',
        health: '0.0.0.0:15021',
        metrics: '0.0.0.0:15020',
        outboundProxy: null,
      },
      annotations: {},
      reachedAt: (port) => ({ ip, port }),
      portOf: (port) => port,
      env: () => ({}),
      command: (role, folder, argv) => enterPod(sandbox.pausePid, folder, user(role), argv),
      exec: (role, folder, argv) => ({ kind: 'enter', argv: enterPod(sandbox.pausePid, folder, user(role), argv) }),
      listening: async () => listeningPorts(sandbox.pausePid, ip),
      hostInterface: sandbox.hostInterface,
      close: () => sandbox.close(),
    };
  }
}

/** The rules' JSON. gRPC's sockets cannot be marked, so where the mark tells the proxy the control plane is left out by address. */
export function interceptionRules(pod: DeclaredPod, userNamespace: boolean): object {
  const outboundCidrs = [...pod.exclude.outboundCidrs, ...(userNamespace ? [`${controlPlaneIp}/32`] : [])];
  return {
    proxy: userNamespace ? { mark: proxyMark } : { uid: proxyUid },
    exclude: { ...pod.exclude, outboundCidrs },
  };
}
