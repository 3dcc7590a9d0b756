import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { keeperEndDeadlineMs } from '../limits.js';
import { unshareKeeper } from '../netns/enter.js';
import { withSystemPaths } from '../netns/probe.js';
import { initScript } from '../netns/shell.js';
import { type ProcessIdentity, processIdentity, stillRuns } from '../programs/identity.js';
import { logExcerpt } from '../programs/log-files.js';
import { type KeeperEvent, type KeeperRecord, type KeeperSpec, releaseLine } from '../protocol.js';
import { removeLeftovers } from '../state/leftovers.js';
import { keeperLives, readRecord } from '../state/record.js';
import { type StatePaths, statePaths } from '../state/state-dir.js';
import { explainStateError, makeStateFolder } from '../state/state-errors.js';
import { type Choice, chooseProvider, type ProviderWish } from './choose-provider.js';
import { type Progress, progressOn, type Streams } from './output.js';

export interface TestbedUpOptions extends Streams {
  /** Default `default`. */
  name?: string;
  /** Folders of manifests. */
  config: string | readonly string[];
  /** Default `auto`: namespaces where they are possible, else processes on loopback. */
  provider?: ProviderWish;
  /** `@tulle/cli/dist/main.js`; default: the program that runs now. */
  cliPath?: string;
  /** False: pods, services and DNS only, without control plane and sidecars. Default true. */
  mesh?: boolean;
  /** Of the control plane. Default `info`. */
  logLevel?: string;
  /** How long the mesh's certificates live. Default: as the control plane has it, an hour. */
  certificateLifeMs?: number;
  /** All pods on 127.0.0.1, as where 127/8 is not local as a whole. Default: so on anything but Linux. */
  singleLoopback?: boolean;
  /** Folders that were made for this testbed: `down` removes them, whether it ended or crashed. */
  temporary?: readonly string[];
  /** Ends an unfinished `up` as Ctrl-C does. */
  signal?: AbortSignal;
}

/** `tulle testbed up`. 0: it is up and stays up; 1: it is not, and nothing of it is left; 2: wrong use. */
export async function testbedUp(options: TestbedUpOptions): Promise<number> {
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  const progress = progressOn(stdout);
  let paths: StatePaths;
  let config: string[];
  try {
    paths = statePaths(options.name ?? 'default');
    config = configFolders(options.config);
  } catch (error) {
    stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  try {
    const busy = await claim(paths, options.temporary ?? [], (text) => progress.step(text));
    if (busy !== null) {
      stderr.write(`${busy}\n`);
      return 1;
    }
    return await bringUp(options, paths, config, progress);
  } catch (error) {
    progress.failed(explainStateError(error as NodeJS.ErrnoException, paths.root));
    return 1;
  }
}

function configFolders(config: string | readonly string[]): string[] {
  const folders = (typeof config === 'string' ? [config] : [...config]).map((folder) => resolve(folder));
  if (folders.length === 0) throw new Error('--config DIR is needed: a folder of manifests');
  for (const folder of folders) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found === undefined) throw new Error(`--config ${folder}: no such folder`);
    if (!found.isDirectory())
      throw new Error(`--config ${folder}: not a folder; name the one that holds the manifests`);
  }
  return folders.map((folder) => realpathSync(folder));
}

/** Makes the state folder ours, clearing what a crashed run has left. Returns why not, when somebody else has it. */
async function claim(
  paths: StatePaths,
  temporary: readonly string[],
  tell: (text: string) => void,
): Promise<string | null> {
  const record = readRecord(paths);
  const name = paths.name === 'default' ? '' : ` --name ${paths.name}`;
  if (record !== null && keeperLives(record)) {
    return `testbed ${paths.name} is already up (state in ${paths.root}); \`tulle testbed status${name}\` shows it, \`tulle testbed down${name}\` ends it`;
  }
  const stale = statSync(paths.root, { throwIfNoEntry: false }) !== undefined;
  if (stale) {
    const ended = await removeLeftovers(paths, record);
    tell(`removed what a crashed run had left in ${paths.root}${ended > 0 ? ` (${ended} processes ended)` : ''}`);
  }
  makeStateFolder(paths.root);
  try {
    const self = processIdentity(process.pid) as ProcessIdentity;
    writeRecord(
      paths,
      { ...self, run: randomUUID(), provider: null, userNamespace: false, temporary: [...temporary] },
      'wx',
    );
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      return `testbed ${paths.name} is being started by somebody else`;
    await removeLeftovers(paths, null);
    throw error;
  }
}

function writeRecord(paths: StatePaths, record: KeeperRecord, flag: 'w' | 'wx'): void {
  writeFileSync(paths.record, `${JSON.stringify(record)}\n`, { mode: 0o600, flag });
}

async function bringUp(
  options: TestbedUpOptions,
  paths: StatePaths,
  config: string[],
  progress: Progress,
): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  options.signal?.addEventListener('abort', interrupt);
  if (options.signal?.aborted) interrupt();
  const run = randomUUID();
  let keeper: ChildProcess | null = null;
  try {
    const cliPath = programFile(resolve(options.cliPath ?? process.argv[1]), options.mesh !== false);
    const choice: Choice = await chooseProvider(options.provider ?? 'auto', options.mesh === false ? null : cliPath);
    if (choice.notice !== null) progress.step(choice.notice);
    if (choice.kind === null) {
      await removeLeftovers(paths, null);
      progress.failed(`testbed ${paths.name} is not up`);
      return 1;
    }
    const spec: KeeperSpec = {
      name: paths.name,
      run,
      root: paths.root,
      socket: paths.socket,
      config,
      provider: choice.kind,
      userNamespace: choice.userNamespace,
      cliPath,
      mesh: options.mesh ?? true,
      logLevel: options.logLevel ?? 'info',
      certificateLifeMs: options.certificateLifeMs ?? null,
      singleLoopback: options.singleLoopback ?? process.platform !== 'linux',
    };
    if (interrupted.signal.aborted) throw new Interrupted();
    keeper = startKeeper(spec, paths);
    await new Promise((resolve, reject) => {
      keeper?.once('spawn', resolve);
      keeper?.once('error', reject);
    });
    const identity = processIdentity(keeper.pid as number);
    if (identity !== null) {
      writeRecord(
        paths,
        {
          ...identity,
          run: spec.run,
          provider: spec.provider,
          userNamespace: spec.userNamespace,
          temporary: [...(options.temporary ?? [])],
        },
        'w',
      );
    }
    const failure = await watchKeeper(keeper, spec, progress, interrupted.signal, paths);
    if (failure !== null) {
      await endKeeper(keeper);
      await removeLeftovers(paths, { run });
      progress.failed(failure);
      return 1;
    }
    keeper.stdin?.end(`${releaseLine}\n`);
    keeper.stdout?.destroy();
    keeper.unref();
    const name = paths.name === 'default' ? '' : ` --name ${paths.name}`;
    progress.done(
      `testbed ${paths.name} is up (${spec.provider}); \`tulle testbed status${name}\` shows it, \`tulle testbed down${name}\` ends it`,
    );
    return 0;
  } catch (error) {
    if (keeper !== null) await endKeeper(keeper);
    await removeLeftovers(paths, { run });
    if (error instanceof Interrupted) {
      progress.failed('interrupted; nothing is left');
      return 1;
    }
    throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, interrupt);
    options.signal?.removeEventListener('abort', interrupt);
  }
}

/** Links resolved, so that what is checked for readability is what is read. */
function programFile(file: string, needed: boolean): string {
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return realpathSync(file);
  if (needed) throw new Error(`${file}: no such file; build the checkout first (npm run build)`);
  return file;
}

class Interrupted extends Error {}

function startKeeper(spec: KeeperSpec, paths: StatePaths): ChildProcess {
  const main = fileURLToPath(new URL('../keeper/main.js', import.meta.url));
  const node = [process.execPath, main];
  const argv =
    spec.provider === 'netns' ? [...unshareKeeper(spec.userNamespace), 'sh', '-c', initScript, 'sh', ...node] : node;
  const log = openSync(paths.keeperLog, 'a', 0o640);
  try {
    return spawn(argv[0], argv.slice(1), {
      // Its own session: the terminal's Ctrl-C reaches `up` only, which then ends the keeper's lease.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'pipe', log],
      env: { ...withSystemPaths(process.env), NODE_OPTIONS: '' },
    });
  } finally {
    closeSync(log);
  }
}

/** Until the keeper is ready: null. Otherwise what went wrong. Throws Interrupted. */
async function watchKeeper(
  keeper: ChildProcess,
  spec: KeeperSpec,
  progress: Progress,
  signal: AbortSignal,
  paths: StatePaths,
): Promise<string | null> {
  keeper.stdin?.on('error', () => {});
  keeper.stdin?.write(`${JSON.stringify(spec)}\n`);
  const outcome = await new Promise<string | null | 'ended' | 'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'));
    if (signal.aborted) resolve('interrupted');
    keeper.once('exit', () => resolve('ended'));
    createInterface({ input: keeper.stdout! }).on('line', (line) => {
      const event = JSON.parse(line) as KeeperEvent;
      if (event.event === 'progress') progress.step(event.text);
      else resolve(event.event === 'ready' ? null : event.text);
    });
  });
  if (outcome === 'interrupted') throw new Interrupted();
  if (outcome === 'ended') return `the keeper ended before the testbed was up:\n${await logExcerpt(paths.keeperLog)}`;
  return outcome;
}

/** Ends the lease and waits; whoever does not end in time is killed (and with it, by the kernel, its namespaces). */
async function endKeeper(keeper: ChildProcess): Promise<void> {
  keeper.stdin?.destroy();
  const identity = keeper.pid === undefined ? null : processIdentity(keeper.pid);
  const end = performance.now() + keeperEndDeadlineMs;
  while (identity !== null && stillRuns(identity)) {
    if (performance.now() > end) {
      keeper.kill('SIGKILL');
      return;
    }
    await delay(50);
  }
}
