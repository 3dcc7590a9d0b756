import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type Launched, launch } from './launch.js';
import type { Place, Topology } from './topology.js';

/*
 * Two network namespaces with a pair of virtual interfaces between them, as two pods of one node have:
 *
 *   client 10.231.0.1  <── veth ──>  10.231.0.2 server
 *
 * Each is held by one sleeping process. They have no names: when their holders end, however that happens, the kernel takes them and the interfaces away. As
 * root, or else inside a user namespace of its own, where everything but a lower niceness is allowed.
 */

/** Of a private range (RFC 1918); it is seen inside the two namespaces only. */
const addresses: Readonly<Record<Place, string>> = { client: '10.231.0.1', server: '10.231.0.2' };
const prefixLength = 30;

/** Network namespaces are not allowed here, or a program for them is missing: what failed, in the program's own words. */
export class NoNamespaces extends Error {
  override readonly name = 'NoNamespaces';
}

/** @throws NoNamespaces */
export async function namespaces(): Promise<Topology> {
  const isRoot = process.getuid?.() === 0;
  const holders: Launched[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(holders.splice(0).map((each) => each.stop()));
  };
  try {
    const client = await hold(
      isRoot ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net'],
      holders,
    );
    const join = (pid: number): string[] => [
      ...['nsenter', '--target', String(pid)],
      ...(isRoot ? [] : ['--user', '--preserve-credentials']),
      '--net',
    ];
    const inUser = isRoot ? [] : ['nsenter', '--target', String(client.pid), '--user', '--preserve-credentials'];
    const server = await hold([...inUser, 'unshare', '--net'], holders);
    const at: Readonly<Record<Place, string[]>> = { client: join(client.pid), server: join(server.pid) };
    const peer = ['peer', 'name', 'veth', 'netns', String(server.pid)];
    run([...at.client, 'ip', 'link', 'add', 'veth', 'type', 'veth', ...peer]);
    for (const place of ['client', 'server'] as const) {
      run([...at[place], 'ip', 'address', 'add', `${addresses[place]}/${prefixLength}`, 'dev', 'veth']);
      run([...at[place], 'ip', 'link', 'set', 'veth', 'up']);
      run([...at[place], 'ip', 'link', 'set', 'lo', 'up']);
    }
    return {
      kind: 'netns',
      host: (place, from) => (place === from ? '127.0.0.1' : addresses[place]),
      anyHost: '0.0.0.0',
      enter: (command, place) => [...at[place], ...command],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts a process that holds a namespace. It says one line when it is inside, and sleeps until it is ended. */
async function hold(enter: readonly string[], holders: Launched[]): Promise<Launched> {
  // `exec` keeps the process id, so that the holder of the namespace is the child that we stop.
  const holder = launch([...enter, 'setpriv', '--pdeathsig', 'KILL', 'sh', '-c', 'echo inside; exec sleep infinity'], {
    ipc: false,
  });
  holders.push(holder);
  await Promise.race([
    once(holder.child.stdout ?? holder.child, 'data'),
    once(holder.child, 'exit'),
    once(holder.child, 'error'),
  ]);
  const ended = holder.ended();
  if (ended !== undefined) throw new NoNamespaces(`${enter.join(' ')} ${ended}: ${holder.said()}`);
  return holder;
}

function run(command: readonly string[]): void {
  const [program, ...args] = command;
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw new NoNamespaces(`${program} cannot be started: ${error.message}`);
  if (status !== 0) throw new NoNamespaces(`${command.join(' ')}: ${stderr.trim()}`);
}
