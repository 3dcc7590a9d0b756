import type { Server } from 'node:net';
import { PodAddresses } from '../cluster/addresses.js';
import { type DeclaredPod, keyOf } from '../cluster/declared.js';
import { inFolderScript } from '../netns/shell.js';
import { connectable } from '../programs/connectable.js';
import { listeningPorts } from '../programs/listening.js';
import type { PodPlace, Provider } from '../provider.js';
import {
  controlPlanePorts,
  firstNetwork,
  inboundListeners,
  isToldItsPort,
  networks,
  sidecarPorts,
  takenMessage,
  tcpPorts,
} from './address-plan.js';
import { freePort, hold } from './free-port.js';
import { servePlainProxy } from './plain-proxy.js';

export interface LoopbackSurroundings {
  /** All pods on 127.0.0.1. */
  singleLoopback: boolean;
  log: (message: string) => void;
}

/** The port on the first address of a testbed's network that says the network is taken, by being open. */
const lockPort = 15_999;

/**
 * Pods as plain processes on loopback. There is no interception: programs find the mesh by `http_proxy`, which names their
 * sidecar (or, in pods without one, a plain proxy of the keeper that knows the services), and a sidecar listens in front of
 * each container port at an address that the EndpointSlices name.
 */
export async function createLoopbackProvider(around: LoopbackSurroundings): Promise<Provider> {
  const single = around.singleLoopback;
  const network = single ? null : await claimNetwork();
  const address = (host: number): string =>
    network === null ? '127.0.0.1' : `127.${network.octet}.${host >> 8}.${host & 255}`;
  const given = new Set<string>();
  const addresses = new PodAddresses(address);
  const at = async (ip: string, wanted: number): Promise<string> => `${ip}:${await freePort(ip, wanted, given)}`;
  const plainIp = address(1);
  const plainProxy = await servePlainProxy(plainIp, await freePort(plainIp, sidecarPorts.outboundProxy, given));
  const controlPlaneIp = address(2);
  const controlPlane = {
    ads: await at(controlPlaneIp, controlPlanePorts.ads),
    certificates: await at(controlPlaneIp, controlPlanePorts.certificates),
    admin: await at(controlPlaneIp, controlPlanePorts.admin),
  };

  return {
    kind: 'process',
    controlPlane,
    proxyOwner: null,
    proxyPath: (path) => path,
    interceptionRules: () => null,
    controlPlaneCommand: (argv) => [...argv],
    reserve: (pods) => {
      for (const pod of pods) addresses.addressOf(keyOf(pod));
    },
    place,
    serve: async (cluster) => plainProxy.update(cluster.services),
    close: async () => {
      plainProxy.close();
      network?.lock.close();
    },
  };

  async function place(pod: DeclaredPod): Promise<PodPlace> {
    const ip = addresses.addressOf(keyOf(pod));
    const ports = new Map<number, number>();
    for (const port of tcpPorts(pod)) ports.set(port, await applicationPort(pod, ip, port));
    const portOf = (port: number): number => ports.get(port) ?? port;
    const inbound = new Map<number, string>();
    let next = sidecarPorts.inbound;
    if (pod.injected) {
      for (const port of ports.values()) {
        inbound.set(port, await at(ip, next));
        next += 1;
      }
    }
    const outboundProxy = pod.injected ? await at(ip, sidecarPorts.outboundProxy) : null;
    const proxyUrl = `http://${outboundProxy ?? `${plainIp}:${plainProxy.port}`}`;
    const environment = {
      http_proxy: proxyUrl,
      HTTP_PROXY: proxyUrl,
      no_proxy: 'localhost,127.0.0.1',
      NO_PROXY: 'localhost,127.0.0.1',
    };
    return {
      ip,
      sidecar: {
        interception: 'none',
        socketMark: null,
        admin: pod.injected ? await at(ip, sidecarPorts.admin) : '',
        health: pod.injected ? await at(ip, sidecarPorts.health) : '',
        metrics: pod.injected ? await at(ip, sidecarPorts.metrics) : '',
        outboundProxy,
      },
      annotations: pod.injected ? inboundListeners(inbound) : {},
      reachedAt: (port) => reached(inbound.get(portOf(port)) ?? `${ip}:${portOf(port)}`),
      portOf,
      env: (role) => (role === 'proxy' ? {} : environment),
      command: (_role, folder, argv) => inFolder(folder, argv),
      exec: (_role, _folder, argv) => ({ kind: 'plain', argv: [...argv] }),
      listening: async () =>
        process.platform === 'linux' ? listeningPorts('self', ip) : await connectable(ip, [...ports.values()]),
      hostInterface: null,
      close: async () => {
        for (const key of given) if (!single && key.startsWith(`${ip}:`)) given.delete(key);
      },
    };
  }

  /** The declared port where it is free; else, for a program that is told its port by PORT, another one. */
  async function applicationPort(pod: DeclaredPod, ip: string, port: number): Promise<number> {
    const movable = isToldItsPort(pod, port);
    try {
      const found = await freePort(ip, port, given, !movable);
      if (found !== port) around.log(`pod ${keyOf(pod)}: port ${port} is taken on ${ip}, so it listens on ${found}`);
      return found;
    } catch (error) {
      throw new Error(takenMessage(pod, { ip, port }, (error as NodeJS.ErrnoException).code ?? ''));
    }
  }
}

/** The first 127.(64+n)/16 that no other testbed has: its lock port is held open for as long as the testbed lives. */
async function claimNetwork(): Promise<{ octet: number; lock: Server }> {
  let last = '';
  for (let octet = firstNetwork; octet < firstNetwork + networks; octet += 1) {
    try {
      const { server } = await hold(`127.${octet}.0.1`, lockPort);
      return { octet, lock: server };
    } catch (error) {
      last = (error as Error).message;
    }
  }
  throw new Error(
    `no free network from 127.${firstNetwork}.0.0/16 on (${last}); \`down\` a testbed that is not needed`,
  );
}

function reached(text: string): { ip: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { ip: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

function inFolder(folder: string, argv: readonly string[]): string[] {
  return ['sh', '-c', inFolderScript, 'sh', folder, ...argv];
}
