import { inFolderScript } from './shell.js';

/** The proxy's user where there are many (contract of the redirect rules: its traffic is left alone). */
export const proxyUid = 1337;
/** The mark on the proxy's sockets where only one user exists. */
export const proxyMark = 1337;

/** Who a program in a pod runs as. */
export type PodUser =
  | { kind: 'application' }
  /** `readAll`: its files lie where only root may go (a checkout below /root), so it is given the right to read, not more. */
  | { kind: 'proxy'; readAll: boolean };

/** Command line that runs `argv` from `folder` inside the pod whose pause process is `pausePid` (in the caller's pid namespace). */
export function enterPod(pausePid: number, folder: string, user: PodUser, argv: readonly string[]): string[] {
  return [
    'nsenter',
    '--target',
    String(pausePid),
    '--mount',
    '--net',
    '--uts',
    // A new mount namespace begins at the machine's root; where we run in a chroot, so must the program.
    '--root',
    '--wd',
    '--',
    ...asUser(user),
    'sh',
    '-c',
    inFolderScript,
    'sh',
    folder,
    ...argv,
  ];
}

function asUser(user: PodUser): string[] {
  if (user.kind === 'application') return [];
  const id = String(proxyUid);
  const capabilities = user.readAll ? '+dac_read_search' : null;
  return [
    'setpriv',
    '--reuid',
    id,
    '--regid',
    id,
    '--clear-groups',
    ...(capabilities === null ? [] : ['--inh-caps', capabilities, '--ambient-caps', capabilities]),
    '--',
  ];
}

/**
 * Command line that runs `inner` in the testbed's own namespaces from outside: `initPid` is process 1 of the testbed as the
 * caller sees it. The inner program is told to end when the outer one does, since it lives in another pid namespace.
 */
export function enterTestbed(initPid: number, userNamespace: boolean, inner: readonly string[]): string[] {
  return [
    'nsenter',
    '--target',
    String(initPid),
    ...(userNamespace ? ['--user', '--preserve-credentials'] : []),
    '--mount',
    '--net',
    '--pid',
    '--root',
    '--wd',
    '--',
    'setpriv',
    '--pdeathsig',
    'TERM',
    '--',
    ...inner,
  ];
}

/** Arguments of `unshare` for the keeper: its own network, mounts and processes; as nobody special also its own users. */
export function unshareKeeper(userNamespace: boolean): string[] {
  return [
    'unshare',
    ...(userNamespace ? ['--user', '--map-root-user'] : []),
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
}
