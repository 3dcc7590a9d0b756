/** A whole mesh for one test file: its own copy of the demo's configuration, its own name and state folder, taken down at the end. */
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TestbedStatus } from '@tulle/testbed';
import { type AccessLine, World } from '../../dist/demo/world.js';
import { type PodOutput, runInPod } from '../../dist/pod-request.js';
import { type TestbedModule, testbed } from '../../dist/testbed.js';
import { tellLogEnds } from './log-ends.js';

export const repository: string = fileURLToPath(new URL('../../../..', import.meta.url));
export const program: string = join(repository, 'packages/cli/dist/main.js');

/** How long a change may take until it is seen: only a broken mesh takes so long. */
const settleMs = 60_000;
const pollMs = 50;

export type Provider = 'netns' | 'process';

/** The part of a tap test that is needed here. */
export interface Owner {
  passing(): boolean;
  teardown(callback: () => Promise<void> | void): void;
  comment(...text: string[]): void;
}

/** A folder that anybody may enter, removed with the test. */
export function temporaryFolder(t: Owner, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `tulle-e2e-${name}-`));
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a line of the access log holds beside what the demo reads of it. */
export interface LogLine extends AccessLine {
  /** RFC 3339 with microseconds. */
  start: string;
  protocol: string;
  method: string;
  attempts: number;
}

export interface MeshOptions {
  provider: Provider;
  /** Files of YAML beside the demo's, by name. */
  files?: Record<string, string>;
  /** Lifetime of certificates, as `up` reads it. */
  certificateLife?: string;
}

export class Mesh {
  readonly name: string;
  /** The folder of YAML, to edit. */
  readonly folder: string;
  readonly world: World;
  readonly #module: TestbedModule;

  constructor(name: string, folder: string, world: World, module: TestbedModule) {
    this.name = name;
    this.folder = folder;
    this.world = world;
    this.#module = module;
  }

  /** Starts a program of this machine in a pod, to its end. */
  run(pod: string, argv: string[]): Promise<PodOutput> {
    return runInPod(this.#module, this.name, pod, argv);
  }

  status(): Promise<TestbedStatus> {
    return this.world.status();
  }

  async clusterIp(service: string): Promise<string> {
    const { services } = await this.status();
    const found = services.find(({ name }) => name === service)?.clusterIp;
    if (found === undefined || found === null) throw new Error(`service ${service} has no address`);
    return found;
  }

  /** Every whole line that a pod's sidecar has written. */
  async log(pod: string): Promise<LogLine[]> {
    const { sidecar } = await this.world.pod(pod);
    if (sidecar === null) return [];
    const text = readFileSync(sidecar.accessLog, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The log once it fulfils a condition; as it is when it never does. */
  async logWith(pod: string, holds: (lines: LogLine[]) => boolean): Promise<LogLine[]> {
    await this.until(async () => holds(await this.log(pod)));
    return await this.log(pod);
  }

  /** Asks until it holds. False when it does not in `deadlineMs`. */
  async until(holds: () => Promise<boolean>, deadlineMs: number = settleMs): Promise<boolean> {
    const end = performance.now() + deadlineMs;
    while (!(await holds())) {
      if (performance.now() > end) return false;
      await delay(pollMs);
    }
    return true;
  }
}

/** A test's own copy of the demo's configuration, with further files. */
export function configurationIn(home: string, files: Record<string, string> = {}): string {
  const folder = join(home, 'config');
  mkdirSync(folder);
  cpSync(join(repository, 'examples/demo'), folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) appendFileSync(join(folder, file), content);
  return folder;
}

/**
 * Brings a mesh up. The state folder of this process is set: one test file, one mesh at a time.
 * @throws with what `up` said when it does not come up.
 */
export async function startMesh(t: Owner, name: string, options: MeshOptions): Promise<Mesh> {
  const home = temporaryFolder(t, name);
  const folder = configurationIn(home, options.files);
  process.env.TULLE_HOME = join(home, 'state');
  const startedAt = performance.now();
  const life = options.certificateLife === undefined ? [] : ['--certificate-life', options.certificateLife];
  const args = ['testbed', 'up', '--name', name, '--config', folder, '--provider', options.provider, ...life];
  t.teardown(async () => {
    tellLogEnds(t, process.env.TULLE_HOME ?? '');
    await tulle(['testbed', 'down', '--name', name]);
  });
  const up = await tulle(args);
  if (up.code !== 0) throw new Error(`the mesh did not come up: ${up.stdout}${up.stderr}`);
  t.comment(`the mesh is up (${options.provider}) after ${Math.round(performance.now() - startedAt)} ms`);
  const module = await testbed();
  const signal = new AbortController().signal;
  const world = new World(module, { name, scratch: home, editedFolder: folder, signal });
  return new Mesh(name, folder, world, module);
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  program?: string;
}

/** Runs the `tulle` command of the checkout to its end. */
export function tulle(args: string[], options: RunOptions = {}): Promise<PodOutput> {
  return new Promise((resolve, reject) => {
    const { program: main = program, ...spawning } = options;
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...spawning });
    const output: PodOutput = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...output, code }));
  });
}

/** Numbers of the processes that were started for a state folder: its keeper, and whatever a testbed in it runs. */
export function findRunning(stateFolder: string): number[] {
  const mark = Buffer.from(`TULLE_HOME=${stateFolder}\0`);
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => {
      try {
        const mentions = readFileSync(`/proc/${pid}/cmdline`).includes(`${stateFolder}/`);
        return mentions || readFileSync(`/proc/${pid}/environ`).includes(mark);
      } catch {
        return false;
      }
    });
}
