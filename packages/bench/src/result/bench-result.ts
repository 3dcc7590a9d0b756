import type { BenchCase } from './bench-case.js';

/**
 * The result file of `tulle bench run`: `result.json` in the folder given with --out. It holds what was measured and everything that is needed to
 * measure it again, and no statistics: those are made from it. Times are in the unit that the name says.
 */
export interface BenchResult {
  schema: 'tulle.dev/bench-result/v1';
  run: RunInfo;
  cases: CaseResult[];
}

/** When, where and with what a run was made. */
export interface RunInfo {
  /** RFC 3339, UTC. */
  startedAt: string;
  endedAt: string;
  /** The run was interrupted: what is here was measured, the rest is missing. */
  partial: boolean;
  /** Arguments of `tulle`, as typed. */
  command: string[];
  quick: boolean;
  machine: MachineInfo;
  /** Node that runs the generator and the server. */
  node: { version: string; v8: string; openssl: string };
  /** Git revision of the checkout that was measured; undefined outside of one. */
  revision: { commit: string; changed: boolean } | undefined;
  topology: 'loopback' | 'netns' | 'testbed';
}

export interface MachineInfo {
  kernel: string;
  architecture: string;
  cpuModel: string;
  cpus: number;
  memoryBytes: number;
  /** Lines of /sys/devices/system/cpu/vulnerabilities by name. */
  mitigations: Record<string, string>;
  /** Frequency governor of the first CPU; undefined where the kernel has none (most virtual machines). */
  governor: string | undefined;
  clocksource: string | undefined;
  /** Load average of the last minute when the run started. */
  load1: number;
  /** A word that tells machines apart without naming them: a hash of /etc/machine-id. Undefined without one. */
  fingerprint: string | undefined;
}

/** One case, with all its systems and rounds. */
export interface CaseResult {
  /** The case file as it was read, defaults filled in and shortened by --quick if that was given. */
  definition: BenchCase;
  /** CPUs by role, as given to `taskset -c`; undefined where pinning was refused. */
  pinning: Pinning;
  systems: SystemInfo[];
  /** In the order of time: round 0 of every system, then round 1 in the opposite order, and so on. */
  rounds: Round[];
  /** What other generators found, where that was asked for. */
  crossChecks: CrossCheck[];
  /** How the number of rounds came about, one sentence; from the power calculation when there was one. */
  roundsReason: string;
}

/** One run of another generator against one system: the same connections, closed loop. */
export interface CrossCheck {
  system: string;
  /** `wrk`, `h2load`, `autocannon`. */
  tool: string;
  /** Empty where it does not tell. */
  version: string;
  /** Answers that it counted. */
  requests: number;
  durationS: number;
  /** CPU of the proxies, measured around it as in a round, its start and end included. */
  cpuUsPerRequest: number;
  /** Why it does not count; empty when it does. */
  invalid: string[];
}

export interface Pinning {
  generator: string | undefined;
  server: string | undefined;
  proxies: string | undefined;
  /** Niceness of everything that is measured; 0 where a lower one was refused. */
  nice: number;
  /** All that is measured ran in the class SCHED_RR, so that other work on the machine does not make it late: open loops only, where it was allowed. */
  realtime: boolean;
}

/** A system in one case. Those that are missing or cannot do the case are listed too, with the reason. */
export interface SystemInfo {
  /** `direct`, `tulle-linux`, `haproxy`, ...: the key of `Round.system`. */
  name: string;
  /** For people: `HAProxy 2.6.12`. */
  title: string;
  /** What the program says of itself; empty for `direct`. */
  version: string;
  state: 'measured' | 'missing' | 'unfit' | 'failed';
  /** Why it was not measured, and for `missing` the command that installs it. Empty for `measured`. */
  reason: string;
  /** What was started, in order: arguments with the program first. */
  commands: string[][];
  /** Configuration files as they were written: name and text. Never a key. */
  files: { name: string; text: string }[];
  /** What was made equal for it and why: one sentence each. */
  notes: string[];
  /** Process ids of its proxies after the start: the same ones had to be there after every round. */
  pids: number[];
}

/** One round of one system. */
export interface Round {
  system: string;
  /** Rounds of one index were made in one block, one system after the other. */
  index: number;
  /** Place in that block: 0 was measured first. Alternates, so that a drift disturbs all alike. */
  position: number;
  /** From the start of the run, in s. */
  startedS: number;
  /** Measured time in s, to the last answer. */
  durationS: number;
  /** False when the round is no measurement; `invalid` says why, one sentence each. */
  valid: boolean;
  invalid: string[];
  /** Its only fault is that the generator was late: this round is left out and the others count. Any other fault makes the whole row invalid. */
  late: boolean;
  /** Requests with a whole and correct answer. For TCP bulk: 1. For idle connections: connections that are open. */
  requests: number;
  /** Failed requests by reason. */
  errors: Record<string, number>;
  /** New connections that the generator opened in the measured time. */
  connects: number;
  /** Bytes of bodies (http1) or of the stream (tcp). */
  bytes: { sent: number; received: number };
  /** From due to the last byte; undefined where a case has no latency (bulk, idle). In a closed loop due is sent. */
  latencyUs: SparseHistogram | undefined;
  /** From due to when the generator took the request up. Open loop only. */
  latenessUs: SparseHistogram | undefined;
  /** Every process that took part, proxies first. */
  processes: ProcessUse[];
  /** The CPUs that were used, whole, from /proc/stat, in s; by their numbers. */
  cpus: CpuUse[];
  /** Memory while the round ran, of the proxies together: seconds from its start and bytes. Empty unless the case samples. */
  memory: { atS: number; requests: number; rssBytes: number }[];
  /** System calls of the proxies, counted in an extra window with strace; undefined where it was not asked for or is not there. */
  syscalls: { calls: number; requests: number; byName: Record<string, number> } | undefined;
}

export type Role = 'proxy' | 'generator' | 'server';

/** What one process used during a round. */
export interface ProcessUse {
  role: Role;
  /** `client-side`, `server-side`, `proxy` for proxies; else the role. */
  name: string;
  pid: number;
  /** VmRSS of /proc/PID/status. */
  rssBeforeBytes: number;
  rssAfterBytes: number;
  threads: ThreadUse[];
}

/** What one thread used during a round. */
export interface ThreadUse {
  tid: number;
  name: string;
  /** On a CPU, from /proc/PID/task/TID/schedstat: exact. */
  cpuNs: number;
  /** Waiting for a CPU while runnable, from the same file. */
  waitNs: number;
  /** From /proc/PID/task/TID/stat, whose unit is a tick (10 ms): good for their proportion only. */
  userTicks: number;
  systemTicks: number;
  voluntarySwitches: number;
  involuntarySwitches: number;
}

export interface CpuUse {
  cpu: number;
  userS: number;
  systemS: number;
  softirqS: number;
  idleS: number;
  /** Taken by the hypervisor. */
  stealS: number;
}

/**
 * A histogram with three significant digits. Each bucket is [largest value in it, count], ascending, empty ones left out; below 2048 a value is exact.
 * Adding two of them is adding counts.
 */
export interface SparseHistogram {
  count: number;
  min: number;
  max: number;
  mean: number;
  buckets: [value: number, count: number][];
}
