import { type Check, type Finding, failed, ok, warning } from './check.js';
import type { Machine } from './machine.js';

/** Is everything here that a mesh on this machine needs. */

/** Lowest Node that the packages run on (their `engines`). */
const minNode = [20, 19] as const;
/** A testbed writes logs, certificates and configuration: little, but a full disk must be noticed before, not during. */
const minFreeBytes: number = 256 * 1024 * 1024;
/** Where a control plane and a sidecar listen when they run outside a pod. */
const hostPorts = [15000, 15001, 15002, 15006, 15012, 15013, 15014, 15020, 15021];

const asProcesses = 'without it the mesh runs as plain processes on loopback: everything works but interception';

export const machineChecks: readonly Check[] = [
  { id: 'node', group: 'this machine', run: async (machine) => checkNode(machine.nodeVersion) },
  { id: 'platform', group: 'this machine', run: async (machine) => checkPlatform(machine) },
  { id: 'koffi', group: 'this machine', run: checkKoffi },
  { id: 'state', group: 'this machine', run: async (machine) => checkState(machine) },
  { id: 'ports', group: 'this machine', run: checkPorts },
  { id: 'programs', group: 'pods as network namespaces', run: async (machine) => checkPrograms(machine) },
  { id: 'namespaces', group: 'pods as network namespaces', run: checkNamespaces },
  { id: 'redirect', group: 'pods as network namespaces', run: checkRedirect },
];

export function checkNode(version: string): Finding {
  const [major, minor] = version.split('.').map(Number);
  if (major > minNode[0] || (major === minNode[0] && minor >= minNode[1])) return ok(`Node.js ${version}`);
  return failed(`Node.js ${version} is too old`, `install Node.js ${minNode.join('.')} or newer`);
}

export function checkPlatform({ platform, arch, kernel }: Pick<Machine, 'platform' | 'arch' | 'kernel'>): Finding {
  if (platform === 'linux') return ok(`Linux ${kernel} on ${arch}`);
  return warning(
    `${platform} on ${arch}: the portable engine and plain processes are used here`,
    'for interception and the fast engine use Linux, for example in a virtual machine',
  );
}

/** In a process of its own: a library that does not fit crashes who loads it. */
export async function checkKoffi(machine: Machine): Promise<Finding> {
  const path = machine.koffiPath();
  const remedy = 'run npm ci again, with optional dependencies; until then the slower portable engine is used';
  if (path === undefined) return warning('the native library koffi is not installed', remedy);
  const script = `const koffi = require(${JSON.stringify(path)}); const f = koffi.load(null).func('int getpid()'); if (f() !== process.pid) process.exit(3);`;
  const { code, stderr } = await machine.run([machine.node, '-e', script]);
  if (code === 0) return ok('native calls work (koffi)');
  return warning(`the native library koffi does not work here: ${lastLine(stderr)}`, remedy);
}

export function checkState(machine: Pick<Machine, 'stateDir' | 'freeBytes'>): Finding {
  const { stateDir } = machine;
  const elsewhere = 'set TULLE_HOME to a folder with room that you may write to';
  try {
    const free = machine.freeBytes(stateDir);
    const text = `${Math.floor(free / 1024 / 1024)} MiB free in ${stateDir}`;
    return free >= minFreeBytes ? ok(text) : failed(`only ${text}`, `make room, or ${elsewhere}`);
  } catch (error) {
    return failed(`${stateDir} cannot be written (${(error as NodeJS.ErrnoException).code})`, elsewhere);
  }
}

export async function checkPorts(machine: Pick<Machine, 'listenError'>): Promise<Finding> {
  const taken: number[] = [];
  for (const port of hostPorts) {
    if ((await machine.listenError('127.0.0.1', port)) !== undefined) taken.push(port);
  }
  if (taken.length === 0) return ok(`ports ${hostPorts[0]} to ${hostPorts.at(-1)} of loopback are free`);
  return warning(
    `ports of loopback that are taken: ${taken.join(', ')}`,
    'a testbed in network namespaces does not mind; for sidecars that run outside of pods end the program that holds them (ss -ltnp shows it)',
  );
}

const programs: [name: string, from: string][] = [
  ['ip', 'iproute2'],
  ['unshare', 'util-linux'],
  ['nsenter', 'util-linux'],
  ['setpriv', 'util-linux'],
];

export function checkPrograms(machine: Pick<Machine, 'find' | 'platform'>): Finding {
  if (machine.platform !== 'linux') return warning('network namespaces are Linux only', asProcesses);
  const missing = programs.filter(([name]) => machine.find(name) === undefined);
  if (missing.length === 0) return ok(`${programs.map(([name]) => name).join(', ')} are installed`);
  const packages = [...new Set(missing.map(([, from]) => from))].join(' ');
  return warning(
    `not installed: ${missing.map(([name]) => name).join(', ')}`,
    `install ${packages} (apt-get install ${packages}); ${asProcesses}`,
  );
}

/** Arguments that give a program a network of its own, as root or as anybody. */
function inNewNetwork(machine: Machine, argv: readonly string[]): string[] | undefined {
  const unshare = machine.find('unshare');
  if (unshare === undefined) return undefined;
  return [unshare, ...(machine.isRoot ? [] : ['--user', '--map-root-user']), '--net', '--', ...argv];
}

export async function checkNamespaces(machine: Machine): Promise<Finding> {
  const ip = machine.find('ip') ?? 'ip';
  const argv = inNewNetwork(machine, [ip, 'link', 'add', 'tulle0', 'type', 'veth', 'peer', 'name', 'tulle1']);
  if (argv === undefined)
    return warning('network namespaces were not tried: unshare is missing', `install util-linux; ${asProcesses}`);
  const { code, stderr } = await machine.run(argv);
  if (code === 0) return ok(machine.isRoot ? 'network namespaces, as root' : 'network namespaces, in a user namespace');
  const remedy = machine.isRoot
    ? 'allow them: a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN (docker run --privileged)'
    : 'run as root, or allow user namespaces: sysctl -w user.max_user_namespaces=10000, kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0';
  return warning(`network namespaces are refused: ${lastLine(stderr)}`, `${remedy}; ${asProcesses}`);
}

export async function checkRedirect(machine: Machine): Promise<Finding> {
  const argv = inNewNetwork(machine, machine.tulle(['interception', 'apply', '--rules', '-']));
  if (argv === undefined)
    return warning('redirect rules were not tried: unshare is missing', `install util-linux; ${asProcesses}`);
  const { code, stderr } = await machine.run(argv, '{"proxy":{"mark":1337}}');
  if (code === 0) return ok('redirect rules (nf_tables over netlink)');
  return warning(
    `redirect rules are refused: ${lastLine(stderr)}`,
    `load the kernel's nf_tables and nft_redir (modprobe nft_redir), or use a kernel that has them; ${asProcesses}`,
  );
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it said nothing';
}
