/** Readers of the kernel's per-process files (proc(5)). Pure: text in, figures out. */

/** @param text of /proc/PID/task/TID/schedstat: ns on a CPU, ns runnable but waiting, slices. */
export function readSchedstat(text: string): { cpuNs: number; waitNs: number } {
  const [cpuNs, waitNs] = text.trim().split(' ').map(Number);
  if (!Number.isFinite(cpuNs) || !Number.isFinite(waitNs)) throw new Error(`no schedstat: ${JSON.stringify(text)}`);
  return { cpuNs, waitNs };
}

export interface Stat {
  name: string;
  userTicks: number;
  systemTicks: number;
  /** When it started, in ticks after boot: with the id it names one process for ever. */
  startTicks: number;
}

/** @param text of /proc/PID/stat or /proc/PID/task/TID/stat. The name may hold spaces and parentheses; the last one ends it. */
export function readStat(text: string): Stat {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  // Fields 14, 15 and 22 of proc(5), which counts from 1; the first of `fields` is number 3.
  const stat = {
    name: text.slice(open + 1, close),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
    startTicks: Number(fields[19]),
  };
  if (open < 0 || close < open || !Number.isFinite(stat.startTicks))
    throw new Error(`no stat: ${JSON.stringify(text)}`);
  return stat;
}

/** @param text of /proc/PID/status or /proc/PID/task/TID/status. A kernel thread or a process that ends has no VmRSS: 0. */
export function readStatus(text: string): { rssBytes: number; voluntarySwitches: number; involuntarySwitches: number } {
  const value = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    rssBytes: value('VmRSS') * 1024,
    voluntarySwitches: value('voluntary_ctxt_switches'),
    involuntarySwitches: value('nonvoluntary_ctxt_switches'),
  };
}

/** Times of one CPU in ticks, from its line in /proc/stat. */
export interface CpuTicks {
  cpu: number;
  user: number;
  system: number;
  softirq: number;
  idle: number;
  steal: number;
}

/** @param text of /proc/stat. */
export function readCpus(text: string): CpuTicks[] {
  return [...text.matchAll(/^cpu(\d+) (.*)$/gm)].map(([, cpu, rest]) => {
    const [user, nice, system, idle, iowait, irq, softirq, steal] = rest.split(' ').map(Number);
    return { cpu: Number(cpu), user: user + nice, system, softirq: irq + softirq, idle: idle + iowait, steal };
  });
}

/** `0-3,6` as numbers, ascending (cpuset(7), list format). */
export function readCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) throw new Error(`no list of CPUs: ${JSON.stringify(text)}`);
    for (let cpu = Number(match[1]); cpu <= Number(match[2] ?? match[1]); cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** @param text of /proc/PID/net/tcp: the local address is the second field, as hexadecimal, and 0A is LISTEN. */
export function hasListener(text: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} [0-9A-F]{8}:0000 0A `, 'm').test(text);
}
