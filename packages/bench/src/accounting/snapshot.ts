import { readdirSync, readFileSync } from 'node:fs';
import type { CpuUse, ProcessUse, Role, ThreadUse } from '../result/bench-result.js';
import { type CpuTicks, readCpus, readSchedstat, readStat, readStatus } from './proc-files.js';

/** What the kernel has counted for a process up to now. */
export interface ProcessSnapshot {
  pid: number;
  startTicks: number;
  rssBytes: number;
  threads: ThreadUse[];
}

/** A process that is to be watched: who it is in the case. */
export interface Watched {
  role: Role;
  name: string;
  pid: number;
}

/** USER_HZ of every Linux architecture that node runs on. */
const ticksPerSecond = 100;

/** Undefined when the process is gone. */
export function snapshotOf(pid: number): ProcessSnapshot | undefined {
  try {
    const { startTicks } = readStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    const { rssBytes } = readStatus(readFileSync(`/proc/${pid}/status`, 'latin1'));
    const threads = readdirSync(`/proc/${pid}/task`).flatMap((tid) => threadOf(pid, Number(tid)));
    return { pid, startTicks, rssBytes, threads };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Memory of a process in bytes; 0 when it is gone. */
export function rssOf(pid: number): number {
  try {
    return readStatus(readFileSync(`/proc/${pid}/status`, 'latin1')).rssBytes;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

/** The process and all that it started, as far as they are there (nginx has a master and a worker). */
export function withDescendants(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'latin1').trim().split(' '),
    );
    return [pid, ...children.filter((each) => each !== '').flatMap((each) => withDescendants(Number(each)))];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** What happened between two snapshots of one process. Threads that ended in between are lost with their figures; those that started are whole. */
export function useBetween(watched: Watched, before: ProcessSnapshot, after: ProcessSnapshot): ProcessUse {
  const earlier = new Map(before.threads.map((each) => [each.tid, each]));
  return {
    ...watched,
    rssBeforeBytes: before.rssBytes,
    rssAfterBytes: after.rssBytes,
    threads: after.threads.map((thread) => threadBetween(earlier.get(thread.tid), thread)),
  };
}

export function snapshotCpus(): CpuTicks[] {
  return readCpus(readFileSync('/proc/stat', 'latin1'));
}

export function cpusBetween(
  before: readonly CpuTicks[],
  after: readonly CpuTicks[],
  only: readonly number[],
): CpuUse[] {
  const earlier = new Map(before.map((each) => [each.cpu, each]));
  return after.flatMap((now) => {
    const then = earlier.get(now.cpu);
    if (then === undefined || !only.includes(now.cpu)) return [];
    const seconds = (name: keyof CpuTicks): number => (now[name] - then[name]) / ticksPerSecond;
    return {
      cpu: now.cpu,
      userS: seconds('user'),
      systemS: seconds('system'),
      softirqS: seconds('softirq'),
      idleS: seconds('idle'),
      stealS: seconds('steal'),
    };
  });
}

function threadOf(pid: number, tid: number): ThreadUse[] {
  const folder = `/proc/${pid}/task/${tid}`;
  try {
    const { name, userTicks, systemTicks } = readStat(readFileSync(`${folder}/stat`, 'latin1'));
    const { cpuNs, waitNs } = readSchedstat(readFileSync(`${folder}/schedstat`, 'latin1'));
    const { voluntarySwitches, involuntarySwitches } = readStatus(readFileSync(`${folder}/status`, 'latin1'));
    return [{ tid, name, cpuNs, waitNs, userTicks, systemTicks, voluntarySwitches, involuntarySwitches }];
  } catch (error) {
    // A thread may end while its process is read.
    if (isGone(error)) return [];
    throw error;
  }
}

function threadBetween(before: ThreadUse | undefined, after: ThreadUse): ThreadUse {
  if (before === undefined) return after;
  return {
    tid: after.tid,
    name: after.name,
    cpuNs: after.cpuNs - before.cpuNs,
    waitNs: after.waitNs - before.waitNs,
    userTicks: after.userTicks - before.userTicks,
    systemTicks: after.systemTicks - before.systemTicks,
    voluntarySwitches: after.voluntarySwitches - before.voluntarySwitches,
    involuntarySwitches: after.involuntarySwitches - before.involuntarySwitches,
  };
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
