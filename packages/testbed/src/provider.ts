import type { DeclaredPod } from './cluster/declared.js';
import type { ServicePortEndpoints } from './cluster/endpoints.js';
import type { PodPaths } from './state/state-dir.js';

export type ProviderKind = 'netns' | 'process';

/** Which program of a pod: decides the user it runs as and where its traffic goes. */
export type PodRole = 'application' | 'proxy';

/** Addresses on which a sidecar answers, as its bootstrap has them. */
export interface SidecarAddresses {
  interception: 'redirect' | 'none';
  socketMark: number | null;
  admin: string;
  health: string;
  metrics: string;
  outboundProxy: string | null;
}

/** How the command line, which is outside, runs a program inside a pod. */
export type ExecPlan =
  | { kind: 'enter'; argv: string[]; env: Record<string, string> }
  | { kind: 'plain'; cwd: string; argv: string[]; env: Record<string, string> };

/** Where a pod lives. */
export interface PodPlace {
  ip: string;
  sidecar: SidecarAddresses;
  /** Added to the Pod that the control plane reads. */
  annotations: Readonly<Record<string, string>>;
  /** Where others reach a container port, and which port the container really uses. */
  reachedAt(containerPort: number): { ip: string; port: number };
  portOf(containerPort: number): number;
  /** Variables that a program here needs to find the mesh; the declared ones win. */
  env(role: PodRole): Record<string, string>;
  /** Command line, for the keeper, that runs `argv` here from `folder`. */
  command(role: PodRole, folder: string, argv: readonly string[]): string[];
  /** What the command line has to run, in the testbed's namespaces where it has any. */
  exec(role: PodRole, folder: string, argv: readonly string[]): { kind: 'enter' | 'plain'; argv: string[] };
  /** TCP ports on which something listens here. */
  listening(): Promise<Set<number>>;
  /** The link of the pod as the node sees it, null where it has none of its own. */
  hostInterface: string | null;
  close(): Promise<void>;
}

/** One way to have pods on this machine. */
export interface Provider {
  kind: ProviderKind;
  /** Control plane addresses, `ip:port`. */
  controlPlane: { ads: string; certificates: string; admin: string };
  /** Whose files the proxy's are, null when there is one user only. */
  proxyOwner: { uid: number; gid: number } | null;
  /** The path by which the proxy's user reaches a file of the state folder, the node program or the command line. */
  proxyPath(path: string): string;
  /** The redirect rules for a pod's sidecar as the injector reads them, null without interception. */
  interceptionRules(pod: DeclaredPod): object | null;
  /** Command line, for the keeper, that runs the control plane. */
  controlPlaneCommand(argv: readonly string[]): string[];
  /** Fixes the addresses of pods in this order, before they are placed at the same time. */
  reserve(pods: readonly DeclaredPod[]): void;
  place(pod: DeclaredPod, paths: PodPaths): Promise<PodPlace>;
  /** Called when services or endpoints have changed. */
  serve(cluster: ServedCluster): Promise<void>;
  close(): Promise<void>;
}

/** Services with endpoints and pods with addresses: what DNS and the service proxy work from. */
export interface ServedCluster {
  services: readonly ServedService[];
  pods: readonly { namespace: string; name: string; ip: string }[];
}

export interface ServedService {
  namespace: string;
  name: string;
  clusterIp: string | null;
  ports: readonly ServicePortEndpoints[];
}
