import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadTarget } from '../load/closed-loop.js';
import type { BenchCase } from '../result/bench-case.js';
import type { CaseResult, Round, SystemInfo } from '../result/bench-result.js';
import { directName } from '../systems/registry.js';
import { type Address, type Found, isMissing, type Missing, type System } from '../systems/system.js';
import { type Launched, launch } from '../topology/launch.js';
import { type Leave, pinned, pinningOf } from '../topology/pinning.js';
import type { Topology } from '../topology/topology.js';
import type { Certificates } from './certificates.js';
import { canCrossCheck, crossCheck } from './cross-check.js';
import { GeneratorClient } from './generator-client.js';
import { type Instruments, measureRound, warmUp } from './measure.js';
import { type Ground, RunningSystem } from './running-system.js';

/** What a case is run with. */
export interface CaseRun {
  benchCase: BenchCase;
  systems: readonly System[];
  /** Whether `direct` is measured too, first. */
  withDirect: boolean;
  /**
   * Every system is started anew for each round. Processes of one build differ for as long as they live, by where their memory lies and what was compiled
   * when; rounds of one process would share that, and a comparison of builds would take the luck of two starts for a difference.
   */
  fresh: boolean;
  /** The order of one block. */
  order: (systems: readonly RunningSystem[], index: number) => RunningSystem[];
  /** Ask other generators too, after the last round. */
  crossCheck: boolean;
  certificates: () => Certificates;
  topology: Topology;
  leave: Leave;
  folder: string;
  originMs: number;
  /** Interrupted: what has been measured so far is the result. */
  interrupt: AbortSignal;
  /** Decides after each block whether another one is made. */
  moreRounds: (result: CaseResult) => { more: boolean; reason: string };
  heard: (event: CaseEvent) => void;
}

export type CaseEvent =
  | { kind: 'starting'; system: string }
  | { kind: 'checking'; system: string }
  | { kind: 'started'; systems: readonly SystemInfo[] }
  | { kind: 'round'; round: Round; systems: number };

/** Starts everything, measures block after block, and stops everything, whatever happens. */
export async function runCase(run: CaseRun): Promise<CaseResult> {
  const { benchCase, leave } = run;
  const pinning = pinningOf(benchCase, leave);
  const result: CaseResult = {
    definition: benchCase,
    pinning,
    systems: [],
    rounds: [],
    crossChecks: [],
    roundsReason: 'interrupted',
  };
  const programs: Launched[] = [];
  const running: RunningSystem[] = [];
  const endAll = async (): Promise<void> => {
    await Promise.all([
      ...running.splice(0).map((each) => each.stop()),
      ...programs.splice(0).map((each) => each.stop()),
    ]);
  };
  // What waits for the generator wakes up with its end.
  const onInterrupt = (): void => void programs[0]?.child.kill('SIGKILL');
  run.interrupt.addEventListener('abort', onInterrupt, { once: true });
  try {
    const generator = await startGenerator(run, programs, pinning);
    const server = await startServer(run, programs, pinning);
    const instruments: Instruments = { benchCase, generator, serverPid: server.pid, pinning, originMs: run.originMs };
    const stage: Stage = { run, found: new Map(), result, running, instruments, serverPort: server.port };
    await startSystems(stage);
    run.heard({ kind: 'started', systems: result.systems });
    await measureBlocks(stage);
    if (run.crossCheck && canCrossCheck(benchCase)) {
      for (const system of running) {
        run.interrupt.throwIfAborted();
        run.heard({ kind: 'checking', system: system.name });
        const { topology } = run;
        result.crossChecks.push(...(await crossCheck(system, benchCase, { pinning, mayTie: leave.mayTie, topology })));
      }
    }
  } catch (error) {
    if (!run.interrupt.aborted) throw error;
  } finally {
    run.interrupt.removeEventListener('abort', onInterrupt);
    await endAll();
  }
  return result;
}

interface Stage {
  run: CaseRun;
  /** What was found of each system, so that starting it again does not look for it again. */
  found: Map<string, Found | Missing>;
  result: CaseResult;
  running: RunningSystem[];
  instruments: Instruments;
  serverPort: number;
}

async function startSystems(stage: Stage): Promise<void> {
  const { run, result, running, serverPort, instruments } = stage;
  if (run.withDirect && run.benchCase.work.kind !== 'idle') {
    const direct = RunningSystem.direct(directName, { host: run.topology.host('server', 'client'), port: serverPort });
    running.push(direct);
    await warmUp(direct, instruments);
  }
  if (run.withDirect) result.systems.push(unmeasured(directName, 'no proxy', '', 'measured', ''));
  for (const system of run.systems) {
    run.interrupt.throwIfAborted();
    run.heard({ kind: 'starting', system: system.name });
    result.systems.push(await startSystem(stage, system));
  }
}

async function startSystem(stage: Stage, system: System): Promise<SystemInfo> {
  const { benchCase } = stage.run;
  const found = system.find();
  stage.found.set(system.name, found);
  if (isMissing(found)) {
    return unmeasured(system.name, system.name, '', 'missing', `${found.reason}; to install it: ${found.install}`);
  }
  const { title, version, notes } = found;
  const unfit = found.unfit(benchCase);
  if (unfit !== undefined) return unmeasured(system.name, title, version, 'unfit', unfit);
  try {
    const started = await startWarm(stage, system.name, found);
    stage.running.push(started);
    const { commands, files, pids } = started;
    return { name: system.name, title, version, state: 'measured', reason: '', commands, files, notes, pids };
  } catch (error) {
    stage.run.interrupt.throwIfAborted();
    return unmeasured(system.name, title, version, 'failed', (error as Error).message);
  }
}

/** A system that has started and served its warm-up. */
async function startWarm(stage: Stage, name: string, found: Found): Promise<RunningSystem> {
  const { run, instruments, serverPort } = stage;
  const { benchCase, leave } = run;
  const certificates = benchCase.tls === 'none' ? undefined : run.certificates();
  const folder = join(run.folder, benchCase.name, name);
  mkdirSync(folder, { recursive: true });
  const ground: Ground = {
    benchCase,
    topology: run.topology,
    serverPort,
    certificates,
    pinning: instruments.pinning,
    mayTie: leave.mayTie,
    folder,
  };
  const tls = benchCase.tls === 'downstream' && certificates !== undefined ? generatorTls(certificates) : undefined;
  const started = await RunningSystem.start(name, found, ground, tls);
  try {
    await warmUp(started, instruments);
    started.remember();
  } catch (error) {
    await started.stop();
    throw error;
  }
  return started;
}

async function measureBlocks(stage: Stage): Promise<void> {
  const { run, result, running, instruments } = stage;
  const { benchCase } = run;
  for (let index = 0; running.length > 0; index++) {
    const order = run.order(running, index);
    for (const [position, system] of order.entries()) {
      run.interrupt.throwIfAborted();
      const isFresh = run.fresh || benchCase.work.kind === 'idle';
      const isRestarted = index > 0 && isFresh && system.name !== directName;
      const measured = isRestarted ? await startAgain(stage, system) : system;
      if (measured === undefined) continue;
      const round = await measureRound(measured, instruments, { index, position });
      // Cut off in the middle: no round.
      run.interrupt.throwIfAborted();
      result.rounds.push(round);
      run.heard({ kind: 'round', round, systems: order.length });
      // Its row is invalid whatever comes: the others have the time.
      if (!round.valid && !round.late) await running.splice(running.indexOf(measured), 1)[0]?.stop();
    }
    const { more, reason } = run.moreRounds(result);
    result.roundsReason = reason;
    if (!more) return;
  }
  result.roundsReason = 'every system failed';
}

/** A process that has served nothing but its warm-up; undefined when it did not start, which is then in the result. Memory of idle connections is read in such a one: it keeps what they needed. */
async function startAgain(stage: Stage, system: RunningSystem): Promise<RunningSystem | undefined> {
  const found = stage.found.get(system.name) ?? { reason: 'it was never there', install: '' };
  if (isMissing(found)) throw new Error(`${system.name} cannot be started again: ${found.reason}`);
  await system.stop();
  try {
    const started = await startWarm(stage, system.name, found);
    stage.running.splice(stage.running.indexOf(system), 1, started);
    return started;
  } catch (error) {
    stage.run.interrupt.throwIfAborted();
    stage.running.splice(stage.running.indexOf(system), 1);
    const info = stage.result.systems.find((each) => each.name === system.name);
    if (info !== undefined)
      Object.assign(info, { state: 'failed', reason: `started again: ${(error as Error).message}` });
    return undefined;
  }
}

function agent(name: 'generator' | 'server'): string[] {
  // A data thread has a small young generation for its tail; the generator gets the same, so that its own pauses are short.
  return [process.execPath, '--max-semi-space-size=1', fileURLToPath(new URL(`../agents/${name}.js`, import.meta.url))];
}

async function startGenerator(
  run: CaseRun,
  programs: Launched[],
  pinning: CaseResult['pinning'],
): Promise<GeneratorClient> {
  const program = launch(
    pinned(run.topology.enter(agent('generator'), 'client'), 'generator', pinning, run.leave.mayTie),
    { ipc: true },
  );
  programs.unshift(program);
  return GeneratorClient.ready(program);
}

async function startServer(
  run: CaseRun,
  programs: Launched[],
  pinning: CaseResult['pinning'],
): Promise<{ port: number; pid: number }> {
  const { work } = run.benchCase;
  const { anyHost } = run.topology;
  const what = work.kind === 'bulk' ? ['bulk', anyHost, '0', '0'] : ['http', anyHost, '0', String(work.responseBytes)];
  const command = run.topology.enter([...agent('server'), ...what], 'server');
  const program = launch(pinned(command, 'server', pinning, run.leave.mayTie), { ipc: true });
  programs.push(program);
  const said = await Promise.race([once(program.child, 'message'), once(program.child, 'exit')]);
  if (program.ended() !== undefined) throw new Error(`the server ${program.ended()}: ${program.said()}`);
  return { port: (said[0] as Address).port, pid: program.pid };
}

function generatorTls({ client }: Certificates): LoadTarget['tls'] {
  return {
    certificate: readFileSync(client.certificate, 'utf8'),
    key: readFileSync(client.key, 'utf8'),
    ca: readFileSync(client.ca, 'utf8'),
    serverName: client.peerName,
  };
}

function unmeasured(
  name: string,
  title: string,
  version: string,
  state: SystemInfo['state'],
  reason: string,
): SystemInfo {
  return { name, title, version, state, reason, commands: [], files: [], notes: [], pids: [] };
}
