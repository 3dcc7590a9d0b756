import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { snapshotOf, type Watched, withDescendants } from '../accounting/snapshot.js';
import type { LoadTarget } from '../load/closed-loop.js';
import type { BenchCase, Work } from '../result/bench-case.js';
import type { Pinning } from '../result/bench-result.js';
import type { Address, Found, ProxySpec } from '../systems/system.js';
import { type Launched, launch, listening } from '../topology/launch.js';
import { pinned } from '../topology/pinning.js';
import { freePorts } from '../topology/ports.js';
import type { Place, Topology } from '../topology/topology.js';
import type { Certificates } from './certificates.js';
import type { ProxyFate } from './validity.js';

/** What a system is started into. */
export interface Ground {
  benchCase: BenchCase;
  topology: Topology;
  serverPort: number;
  certificates: Certificates | undefined;
  pinning: Pinning;
  mayTie: boolean;
  /** An empty folder for the system. */
  folder: string;
}

interface RunningProxy {
  spec: ProxySpec;
  program: Launched;
  /** `pid@start` of each of its processes once it has served its warm-up; undefined until then. */
  identity: string[] | undefined;
}

/** A system with its proxies running. */
export class RunningSystem {
  readonly name: string;
  readonly commands: string[][];
  readonly files: { name: string; text: string }[];
  /** Where the generator connects to. */
  readonly target: LoadTarget;
  readonly #proxies: RunningProxy[];

  private constructor(name: string, target: LoadTarget) {
    this.name = name;
    this.target = target;
    this.commands = [];
    this.files = [];
    this.#proxies = [];
  }

  /** `direct`: no proxies, the server itself is what the generator connects to. */
  static direct(name: string, server: Address): RunningSystem {
    return new RunningSystem(name, { ...server, tls: undefined });
  }

  /**
   * Starts the proxies of a system, the one next to the server first.
   * @throws with the reason and the program's own words when one does not listen.
   */
  static async start(name: string, found: Found, ground: Ground, tls: LoadTarget['tls']): Promise<RunningSystem> {
    const specs = await specsOf(ground);
    // The generator is at the client; the last proxy listens where that looks for it.
    const running = new RunningSystem(name, { ...specs[specs.length - 1].listen, tls });
    try {
      for (const spec of specs) await running.#start(found, spec, ground);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  /** All processes of its proxies as they are now. */
  watched(): Watched[] {
    return this.#proxies.flatMap(({ spec, program }) =>
      withDescendants(program.pid).map((pid): Watched => ({ role: 'proxy', name: spec.name, pid })),
    );
  }

  get pids(): number[] {
    return this.#proxies.flatMap(({ identity = [] }) => identity.map((each) => Number.parseInt(each, 10)));
  }

  /**
   * From now on its processes have to stay the same ones. To be called after the warm-up: a master that listens before it has started its workers is not
   * whole before it has answered.
   */
  remember(): void {
    for (const proxy of this.#proxies) proxy.identity = identityOf(proxy.program.pid);
  }

  /** What has become of its proxies since they were started. */
  fates(): ProxyFate[] {
    return this.#proxies.map(({ spec, program, identity }) => {
      const ended = program.ended();
      const after = identityOf(program.pid);
      return {
        name: spec.name,
        before: identity ?? after,
        after,
        ended: ended === undefined ? undefined : `${ended}${program.said() === '' ? '' : `: ${program.said()}`}`,
      };
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.splice(0).map(({ program }) => program.stop()));
  }

  async #start(found: Found, spec: ProxySpec, ground: Ground): Promise<void> {
    mkdirSync(spec.folder, { recursive: true });
    const plan = found.plan(spec);
    for (const { name, text } of plan.files) {
      writeFileSync(join(spec.folder, name), text);
      this.files.push({ name: `${spec.name}/${name}`, text });
    }
    const place: Place = spec.name === 'client-side' ? 'client' : 'server';
    const command = pinned(ground.topology.enter(plan.command, place), 'proxy', ground.pinning, ground.mayTie);
    this.commands.push(command);
    const program = launch(command, { ipc: false, cwd: spec.folder });
    this.#proxies.push({ spec, program, identity: undefined });
    await listening(program, spec.listen.port);
  }
}

/** Specs of the proxies from the server's side to the client's. The only proxy of one hop stands beside the server. */
async function specsOf({ benchCase, topology, serverPort, certificates, folder }: Ground): Promise<ProxySpec[]> {
  const { hops, tls, protocol, work } = benchCase;
  const ports = await freePorts(hops);
  const common = { protocol, connections: connectionsOf(work) };
  const near: ProxySpec = {
    ...common,
    name: 'server-side',
    folder: join(folder, 'server-side'),
    listen: { host: topology.host('server', 'client'), port: ports[0] },
    to: { host: topology.host('server', 'server'), port: serverPort },
    listenTls: tls === 'none' ? undefined : certificates?.server,
    toTls: undefined,
  };
  if (hops === 1) return [{ ...near, name: 'proxy', folder }];
  const far: ProxySpec = {
    ...common,
    name: 'client-side',
    folder: join(folder, 'client-side'),
    listen: { host: topology.host('client', 'client'), port: ports[1] },
    to: near.listen,
    listenTls: undefined,
    toTls: tls === 'between' ? certificates?.client : undefined,
  };
  return [near, far];
}

function connectionsOf(work: Work): number {
  return Math.max(64, work.connections);
}

function identityOf(pid: number): string[] {
  return withDescendants(pid).map((each) => `${each}@${snapshotOf(each)?.startTicks ?? 'gone'}`);
}
