import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readCpuList } from '../accounting/proc-files.js';
import type { BenchCase } from '../result/bench-case.js';
import type { Pinning, Role } from '../result/bench-result.js';

/** What the machine allows. */
export interface Leave {
  /** CPUs that this process may use. */
  cpus: number[];
  /** taskset can be used. */
  mayPin: boolean;
  /** The niceness that is allowed: `wantedNice` for root, else 0. */
  nice: number;
  /** The real-time class SCHED_RR is allowed. */
  mayRealtime: boolean;
  /** setpriv can be used: what is started dies with this process, however that ends. */
  mayTie: boolean;
}

/** Above everything that has not been raised on purpose: a build that runs beside a measurement waits, not the measurement. */
const wantedNice = -15;

/** Asks the machine. @param wanted CPUs to use instead of those that this process may use. */
export function askLeave(wanted: readonly number[] | undefined): Leave {
  const list = /^Cpus_allowed_list:\s+(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  const cpus = wanted === undefined ? readCpuList(list) : [...wanted];
  const works = (command: string, ...args: string[]): boolean =>
    spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).status === 0;
  // `nice` runs the command all the same when it may not lower the value, and says so on standard error.
  const nice = spawnSync('nice', ['-n', String(wantedNice), 'true'], { stdio: ['ignore', 'ignore', 'pipe'] });
  return {
    cpus,
    mayPin: works('taskset', '-c', cpus.join(','), 'true'),
    nice: nice.status === 0 && nice.stderr.length === 0 ? wantedNice : 0,
    mayRealtime: works('chrt', '--rr', '1', 'true'),
    mayTie: works('setpriv', '--pdeathsig', 'KILL', 'true'),
  };
}

/**
 * Pure. An open loop at a moderate rate leaves CPUs idle: in the real-time class whatever is woken runs at once, whoever else wants the CPU, and the figures are
 * those of a quiet machine. A closed loop would never let go of the CPU. `one-cpu`: all on the last CPU that is allowed (the first ones serve most interrupts). `apart`: proxies on the last, the generator and the server on
 * the one before, so that what they do never delays a proxy; with a single CPU there is no apart.
 */
export function pinningOf({ placement, work }: Pick<BenchCase, 'placement' | 'work'>, leave: Leave): Pinning {
  const { cpus, mayPin, nice } = leave;
  const realtime = leave.mayRealtime && work.kind === 'open';
  if (!mayPin) return { generator: undefined, server: undefined, proxies: undefined, nice, realtime };
  const last = String(cpus[cpus.length - 1]);
  const other = placement === 'apart' && cpus.length > 1 ? String(cpus[cpus.length - 2]) : last;
  return { generator: other, server: other, proxies: last, nice, realtime };
}

/** The command with what has to stand before it so that it runs where it should, and no longer than this process. */
export function pinned(command: readonly string[], role: Role, pinning: Pinning, mayTie: boolean): string[] {
  const cpu = pinning[role === 'proxy' ? 'proxies' : role];
  return [
    ...(cpu === undefined ? [] : ['taskset', '-c', cpu]),
    ...(pinning.nice === 0 ? [] : ['nice', '-n', String(pinning.nice)]),
    ...(pinning.realtime ? ['chrt', '--rr', '1'] : []),
    ...(mayTie ? ['setpriv', '--pdeathsig', 'KILL'] : []),
    ...command,
  ];
}
