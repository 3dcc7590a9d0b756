import type { Problem } from '@tulle/api';
import type { Usage } from './programs/usage.js';
import type { ExecPlan, ProviderKind } from './provider.js';

/**
 * What is said over the keeper's socket: one request a connection, as one line of JSON; then any number of progress lines and
 * one final line.
 */
export type Request =
  | { op: 'status' }
  | { op: 'exec'; pod: string; container: string | null; argv: string[]; cwd: string; env: Record<string, string> }
  | { op: 'logs'; target: string; container: string | null }
  | { op: 'control'; action: ControlAction; target: string }
  | { op: 'usage'; target: string }
  | { op: 'capture-start'; pod: string; file: string }
  | { op: 'capture-stop'; id: string }
  | { op: 'down' };

export type ControlAction = 'stop' | 'start' | 'kill' | 'restart';

export type Reply = { progress: string } | { ok: true; result: unknown } | { ok: false; error: string };

/** Results by operation. */
export interface Results {
  status: TestbedStatus;
  exec: ExecPlan;
  logs: { file: string };
  control: { done: string };
  usage: { proxy: Usage | null; app: Usage | null };
  'capture-start': { id: string };
  'capture-stop': CaptureResult;
  down: null;
}

export interface CaptureResult {
  /** A pcap file (LINKTYPE_ETHERNET). */
  file: string;
  packets: number;
  bytes: number;
  /** Packets that the kernel dropped because they were not fetched in time: 0, or the capture proves nothing. */
  dropped: number;
  /** True when the size limit ended it early. */
  full: boolean;
}

export interface TestbedStatus {
  name: string;
  provider: ProviderKind;
  /** True inside an unprivileged user namespace. */
  userNamespace: boolean;
  config: string[];
  state: string;
  controlPlane: ProgramStatus & {
    ready: boolean;
    ads: string;
    certificates: string;
    admin: string;
    /** RFC 3339: it was started while the configuration was broken, and serves what was the last good one then. Else null. */
    restoredFrom: string | null;
  };
  pods: PodStatusLine[];
  services: ServiceStatusLine[];
  problems: Problem[];
  /** Things that the testbed itself has to say. */
  notices: string[];
}

export interface ProgramStatus {
  state: 'running' | 'stopped' | 'ending' | 'waiting';
  pid: number | null;
  restarts: number;
  /** How it last ended, null when it never did. */
  last: string | null;
}

export interface PodStatusLine {
  namespace: string;
  name: string;
  ip: string;
  serviceAccount: string;
  ready: boolean;
  /** Why it is not ready, null when it is. */
  reason: string | null;
  /** null: no sidecar. */
  sidecar:
    | (ProgramStatus & { ready: boolean; health: string; metrics: string; admin: string; accessLog: string })
    | null;
  containers: (ProgramStatus & { name: string })[];
  restarts: number;
}

export interface ServiceStatusLine {
  namespace: string;
  name: string;
  /** null: headless. */
  clusterIp: string | null;
  ports: { name: string | null; port: number; endpoints: { address: string; ready: boolean; pod: string | null }[] }[];
}

/** What `up` tells its keeper, as the first line of the keeper's standard input. */
export interface KeeperSpec {
  name: string;
  /** Marks every process of this run in its environment (`TULLE_TESTBED_RUN`), so that a later run can find what is left. */
  run: string;
  root: string;
  socket: string;
  config: string[];
  provider: ProviderKind;
  userNamespace: boolean;
  cliPath: string;
  /** False: no control plane and no sidecars, only pods, services and DNS. */
  mesh: boolean;
  logLevel: string;
  /** Null: the control plane's own default. */
  certificateLifeMs: number | null;
  /** Where all pods have to share 127.0.0.1 (systems without the whole of 127/8). */
  singleLoopback: boolean;
}

/** What the keeper prints on its standard output while it comes up, a line each. */
export type KeeperEvent = { event: 'progress'; text: string } | { event: 'ready' } | { event: 'failed'; text: string };

/** The line by which `up` lets its keeper go. Until then the end of standard input means: undo everything. */
export const releaseLine = 'release';

/** Who keeps a testbed, in `keeper.json`. */
export interface KeeperRecord {
  pid: number;
  startedAt: string;
  run: string;
  provider: ProviderKind | null;
  userNamespace: boolean;
  /** Folders that were made for this testbed and go with it. */
  temporary: string[];
}
