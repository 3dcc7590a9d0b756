import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const agentPath = fileURLToPath(new URL('agent.mjs', import.meta.url));

/** A way to a fresh network namespace. */
export interface Way {
  readonly name: string;
  readonly unshare: readonly string[];
  /** Whether more than one user id exists inside. */
  readonly users: boolean;
}

export const asRoot: Way = { name: 'as root', unshare: ['-n'], users: true };
export const inUserNamespace: Way = { name: 'in a user namespace', unshare: ['-Urn'], users: false };

/** Why there can be no namespace of this kind here, or undefined. */
export function obstacle(way: Way): string | undefined {
  if (way.users && process.getuid?.() !== 0) return 'needs root';
  const { status, stderr, error } = spawnSync('unshare', [...way.unshare, 'true'], { encoding: 'utf8' });
  if (error) return 'unshare (util-linux) is not installed';
  if (status !== 0) return stderr.trim();
  return programMissing('ip', 'iproute2');
}

export function programMissing(program: string, debianPackage: string): string | undefined {
  const path = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { error } = spawnSync(program, ['--version'], { env: path });
  return error ? `${program} (${debianPackage}) is not installed` : undefined;
}

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Reply = { id?: number; value?: unknown; error?: { name: string; code?: string; message: string } };

/**
 * A network namespace with an agent in it, and beyond a veth pair a second one that plays the network.
 * Pod: 10.77.0.2 and fd77::2. Network: 10.77.0.1, fd77::1, and, behind the default route, 10.78.0.1, fd78::1, 10.96.0.5.
 */
export class Pod {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private sent = 0;

  private constructor(child: ChildProcess) {
    this.child = child;
    child.on('message', (reply: Reply) => {
      const call = this.waiting.get(reply.id ?? -1);
      if (call === undefined) return;
      this.waiting.delete(reply.id as number);
      if (reply.error === undefined) call.resolve(reply.value);
      else call.reject(Object.assign(new Error(reply.error.message), reply.error));
    });
    child.on('exit', (code, signal) => {
      for (const call of this.waiting.values()) call.reject(new Error(`the agent ended (${code ?? signal})`));
    });
  }

  static async start(way: Way): Promise<Pod> {
    const env = { ...process.env, NODE_OPTIONS: '', PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    const command = [...way.unshare, process.execPath, agentPath];
    const child = spawn('unshare', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('error', reject).once('exit', (code) => reject(new Error(`the agent ended (${code})`)));
    });
    return new Pod(child);
  }

  async connectToNetwork(): Promise<void> {
    const peerPid = await this.ask<number>('startPeer');
    await this.ip(`link add eth0 type veth peer name eth0 netns ${peerPid}`);
    for (const line of podAddresses) await this.ip(line);
    for (const line of networkAddresses) {
      const done = await this.beyond<Finished>('run', 'ip', line.split(' '));
      if (done.status !== 0) throw new Error(`ip ${line}: ${done.stderr}`);
    }
  }

  ask<T = void>(operation: string, ...args: unknown[]): Promise<T> {
    const id = this.sent++;
    return new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, operation, args });
    }) as Promise<T>;
  }

  /** The same, of the agent beyond the veth pair. One at a time. */
  beyond<T = void>(operation: string, ...args: unknown[]): Promise<T> {
    return this.ask<T>('onPeer', operation, args);
  }

  /** One connection from the pod: what answered, `PORT ORIGINAL-DESTINATION`, or the call that failed and its errno. */
  async dial(host: string, port: number, options: { uid?: number; mark?: number } = {}): Promise<string> {
    return (await this.ask<string[]>('dial', host, port, options))[0];
  }

  async dialFromNetwork(host: string, port: number): Promise<string> {
    return (await this.beyond<string[]>('dial', host, port))[0];
  }

  /** Runs a program and returns its standard output; throws what it says on failure. */
  async run(command: string, args: readonly string[], input = ''): Promise<string> {
    const done = await this.ask<Finished>('run', command, args, input);
    if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.disconnect();
    await ended;
  }

  private ip(line: string): Promise<string> {
    return this.run('ip', line.split(' '));
  }
}

const podAddresses = [
  'link set lo up',
  'addr add 10.77.0.2/24 dev eth0',
  'addr add fd77::2/64 dev eth0 nodad',
  'link set eth0 up',
  'route add default via 10.77.0.1',
  'route add default via fd77::1',
];
const networkAddresses = [
  'link set lo up',
  'addr add 10.77.0.1/24 dev eth0',
  'addr add 10.78.0.1/32 dev eth0',
  'addr add 10.96.0.5/32 dev eth0',
  'addr add fd77::1/64 dev eth0 nodad',
  'addr add fd78::1/128 dev eth0 nodad',
  'link set eth0 up',
];
