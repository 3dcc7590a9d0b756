import { createHash } from 'node:crypto';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { maxSocketPathBytes } from '../limits.js';

/** Where a testbed keeps its files. Everything is below `root`, but the socket when its path would be too long. */
export interface StatePaths {
  name: string;
  root: string;
  /** Who keeps this testbed: `KeeperRecord` as JSON. */
  record: string;
  socket: string;
  keeperLog: string;
  /** YAML that the testbed writes for the control plane: Pods with addresses, EndpointSlices. */
  cluster: string;
  tokenJwks: string;
  controlPlaneState: string;
  controlPlaneLog: string;
  rootCert: string;
  /** Programs of the process provider, a line each. */
  programs: string;
  pods: string;
}

const namePattern = /^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/;

/**
 * Paths of the testbed `name`: `$TULLE_HOME/testbeds/<name>`, else `$XDG_STATE_HOME/tulle/testbeds/<name>`, else
 * `~/.local/state/tulle/testbeds/<name>` (XDG base directory specification).
 * Throws when the name is no DNS label of at most 32 characters: it becomes part of file names.
 */
export function statePaths(name: string, env: NodeJS.ProcessEnv = process.env): StatePaths {
  if (!namePattern.test(name)) {
    throw new Error(`--name ${JSON.stringify(name)}: use 1 to 32 lower-case letters, digits and "-", not at the ends`);
  }
  const root = join(tulleHome(env), 'testbeds', name);
  return {
    name,
    root,
    record: join(root, 'keeper.json'),
    socket: socketPath(root),
    keeperLog: join(root, 'keeper.log'),
    cluster: join(root, 'cluster'),
    tokenJwks: join(root, 'jwks.json'),
    controlPlaneState: join(root, 'control-plane'),
    controlPlaneLog: join(root, 'control-plane.log'),
    rootCert: join(root, 'root-cert.pem'),
    programs: join(root, 'programs.jsonl'),
    pods: join(root, 'pods'),
  };
}

function tulleHome(env: NodeJS.ProcessEnv): string {
  if (env.TULLE_HOME) return resolve(env.TULLE_HOME);
  if (env.XDG_STATE_HOME) return join(resolve(env.XDG_STATE_HOME), 'tulle');
  return join(homedir(), '.local', 'state', 'tulle');
}

function socketPath(root: string): string {
  const inside = join(root, 'keeper.sock');
  if (Buffer.byteLength(inside) <= maxSocketPathBytes) return inside;
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 16);
  return join(tmpdir(), `tulle-${userInfo().uid}-${digest}.sock`);
}

/** Files of one pod below `paths.pods`. */
export interface PodPaths {
  root: string;
  /** Owned by the proxy's user, closed to all others: token, bootstrap, key, last good configuration. */
  proxy: string;
  proxyState: string;
  token: string;
  bootstrap: string;
  rules: string;
  accessLog: string;
  proxyLog: string;
  etc: string;
}

/** Paths of a pod. `_` cannot appear in a Kubernetes name, so it separates safely. */
export function podPaths(paths: StatePaths, namespace: string, pod: string): PodPaths {
  const root = join(paths.pods, `${namespace}_${pod}`);
  const proxy = join(root, 'proxy');
  return {
    root,
    proxy,
    proxyState: join(proxy, 'state'),
    token: join(proxy, 'token'),
    bootstrap: join(proxy, 'bootstrap.json'),
    rules: join(root, 'interception.json'),
    accessLog: join(proxy, 'access.log'),
    proxyLog: join(root, 'proxy.log'),
    etc: join(root, 'etc'),
  };
}

/** Log file of an application container. */
export function containerLog(pod: PodPaths, container: string): string {
  return join(pod.root, `app-${container}.log`);
}
