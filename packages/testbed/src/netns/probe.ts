import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from '../programs/run.js';
import { unshareKeeper } from './enter.js';

/** Whether pods can be network namespaces here, and if not the one sentence that says what to install or to allow. */
export type NetnsProbe = { possible: true; userNamespace: boolean } | { possible: false; reason: string };

const programs = [
  { name: 'unshare', from: 'util-linux' },
  { name: 'nsenter', from: 'util-linux' },
  { name: 'setpriv', from: 'util-linux' },
  { name: 'mount', from: 'mount (util-linux)' },
  { name: 'ip', from: 'iproute2' },
];

/** The look whether namespaces can be made; takes some 100 ms, many seconds on a loaded machine. Past it: they cannot. */
const probeDeadlineMs = 60_000;

/** Tries it: the programs, the namespaces, a bridge with a veth pair, and the redirect rules (by `tryRules`, run inside). */
export async function probeNetns(env: NodeJS.ProcessEnv, tryRules: readonly string[] | null): Promise<NetnsProbe> {
  if (process.platform !== 'linux') return { possible: false, reason: 'network namespaces exist on Linux only' };
  const missing = programs.filter((program) => findProgram(program.name, env) === null);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => program.from))].join(' and ');
    return {
      possible: false,
      reason: `${missing.map((program) => program.name).join(', ')} not found: install ${packages}`,
    };
  }
  const userNamespace = process.getuid?.() !== 0;
  const inside = [
    'ip link set lo up',
    'ip link add tulle0 type bridge',
    'ip link add v0 type veth peer name v1',
    'ip link set v0 master tulle0',
    'exec "$@"',
  ].join(' && ');
  const argv = [...unshareKeeper(userNamespace), 'sh', '-c', inside, 'sh', ...(tryRules ?? ['true'])];
  try {
    await run(argv, { deadlineMs: probeDeadlineMs, env: withSystemPaths(env) });
    return { possible: true, userNamespace };
  } catch (error) {
    return { possible: false, reason: explain((error as Error).message, userNamespace) };
  }
}

function explain(message: string, userNamespace: boolean): string {
  const detail = message.replace(/^.*?(exit code|signal)/s, '$1').replaceAll('\n', '; ');
  if (!userNamespace)
    return `network namespaces are refused even to root (a container without CAP_SYS_ADMIN?): ${detail}`;
  return (
    'this user may not make network namespaces: run as root, or allow user namespaces ' +
    `(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns): ${detail}`
  );
}

/** Users' PATHs often lack /usr/sbin, where `ip` is. */
export function withSystemPaths(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const parts = (env.PATH ?? '').split(delimiter).filter((part) => part !== '');
  for (const folder of ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']) {
    if (!parts.includes(folder)) parts.push(folder);
  }
  return { ...env, PATH: parts.join(delimiter) };
}

/** Absolute path of a program, or null. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (withSystemPaths(env).PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here.
    }
  }
  return null;
}
