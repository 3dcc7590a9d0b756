import { setTimeout as sleep } from 'node:timers/promises';
import { readCpuList } from '../accounting/proc-files.js';
import {
  cpusBetween,
  type ProcessSnapshot,
  rssOf,
  snapshotCpus,
  snapshotOf,
  useBetween,
  type Watched,
} from '../accounting/snapshot.js';
import type { BenchCase, Work } from '../result/bench-case.js';
import type { Pinning, ProcessUse, Round } from '../result/bench-result.js';
import type { GeneratorClient } from './generator-client.js';
import type { RunningSystem } from './running-system.js';
import { judgeRound } from './validity.js';

/** What a round is measured with. */
export interface Instruments {
  benchCase: BenchCase;
  generator: GeneratorClient;
  serverPid: number;
  pinning: Pinning;
  /** Start of the run, on the clock of `performance.now()`. */
  originMs: number;
}

/** After idle connections are open: allocators and timers come to rest before memory is read. */
const idleRestMs = 1000;

/** Sends a system its first requests. They are checked, and nothing else is kept of them. @throws when one fails. */
export async function warmUp(system: RunningSystem, instruments: Instruments): Promise<void> {
  const { rounds, work } = instruments.benchCase;
  if (rounds.warmupRequests === 0) return;
  const requests = work.kind === 'bulk' ? undefined : rounds.warmupRequests;
  await warmWith(system, instruments, closedForm(work), 1, requests);
  // The generator's own open loop is to be compiled too: a compiler thread beside it would make it late in its first rounds.
  if (work.kind === 'open')
    await warmWith(system, instruments, { ...work, rate: Math.min(5000, work.rate * 5) }, 2, undefined);
}

async function warmWith(
  system: RunningSystem,
  { generator }: Instruments,
  work: Work,
  seconds: number,
  requests: number | undefined,
): Promise<void> {
  await generator.ask({ do: 'open', target: system.target, work });
  const figures = await generator.run({ do: 'run', seconds, requests, progressEvery: undefined });
  await generator.ask({ do: 'close' });
  const { invalid, late } = judgeRound({ figures, proxies: system.fates(), expectedRequests: requests });
  if (invalid.length > 0 && !late) throw new Error(`in the warm-up: ${invalid.join('; ')}`);
}

/** One round of one system: settle, read the kernel's figures, load, read them again. */
export async function measureRound(
  system: RunningSystem,
  instruments: Instruments,
  place: { index: number; position: number },
): Promise<Round> {
  const { benchCase, generator, originMs } = instruments;
  const { work, rounds } = benchCase;
  const startedS = (performance.now() - originMs) / 1000;
  const memory: Round['memory'] = [];
  const pids = system.pids;
  await generator.ask({ do: 'open', target: system.target, work });
  if (work.kind !== 'idle' && rounds.settleSeconds > 0) {
    await generator.run({ do: 'run', seconds: rounds.settleSeconds, requests: undefined, progressEvery: undefined });
  }
  const watched = watchedBy(system, instruments);
  const before = watched.map((each) => snapshotOf(each.pid));
  const cpusBefore = snapshotCpus();
  const beganMs = performance.now();
  const progressEvery = rounds.sampleMemoryEvery;
  const figures = await generator.run(
    { do: 'run', seconds: rounds.seconds, requests: rounds.requests, progressEvery },
    (requests) => {
      const rssBytes = pids.reduce((sum, pid) => sum + rssOf(pid), 0);
      memory.push({ atS: (performance.now() - beganMs) / 1000, requests, rssBytes });
    },
  );
  if (work.kind === 'idle') await sleep(idleRestMs);
  const after = watched.map((each) => snapshotOf(each.pid));
  const cpusAfter = snapshotCpus();
  await generator.ask({ do: 'close' });
  const verdict = judgeRound({ figures, proxies: system.fates(), expectedRequests: expectedOf(work, rounds.requests) });
  return {
    system: system.name,
    ...place,
    startedS,
    durationS: figures.durationS,
    ...verdict,
    requests: figures.requests,
    errors: figures.errors,
    connects: figures.connects,
    bytes: figures.bytes,
    latencyUs: figures.latencyUs,
    latenessUs: figures.latenessUs,
    processes: usesBetween(watched, before, after),
    cpus: cpusBetween(cpusBefore, cpusAfter, cpusUsed(instruments.pinning)),
    memory,
    syscalls: undefined,
  };
}

function watchedBy(system: RunningSystem, { generator, serverPid }: Instruments): Watched[] {
  return [
    ...system.watched(),
    { role: 'generator', name: 'generator', pid: generator.program.pid },
    { role: 'server', name: 'server', pid: serverPid },
  ];
}

function usesBetween(
  watched: readonly Watched[],
  before: readonly (ProcessSnapshot | undefined)[],
  after: readonly (ProcessSnapshot | undefined)[],
): ProcessUse[] {
  return watched.flatMap((each, index) => {
    const [then, now] = [before[index], after[index]];
    // One that is gone has made the round invalid already.
    return then === undefined || now === undefined ? [] : [useBetween(each, then, now)];
  });
}

function cpusUsed(pinning: Pinning): number[] {
  const lists = [pinning.generator, pinning.server, pinning.proxies].filter((each) => each !== undefined);
  return lists.length === 0 ? snapshotCpus().map((each) => each.cpu) : [...new Set(lists.flatMap(readCpuList))];
}

function expectedOf(work: Work, requests: number | undefined): number | undefined {
  return work.kind === 'idle' ? work.connections : requests;
}

/** The same requests as fast as they go: at its rate an open loop would take minutes to warm anything. */
function closedForm(work: Work): Work {
  switch (work.kind) {
    case 'closed':
    case 'bulk':
      return work;
    case 'open':
      return { ...work, kind: 'closed', connections: Math.min(16, work.connections) };
    case 'idle':
      return { kind: 'closed', connections: 16, keepAlive: true, requestBytes: 0, responseBytes: work.responseBytes };
  }
}
