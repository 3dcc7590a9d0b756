import { readdirSync, readFileSync } from 'node:fs';
import { statFields } from './identity.js';

/** What a program has used since it started. */
export interface Usage {
  /** Processes counted: the program and its living descendants. */
  pids: number[];
  /** Run time of all living threads by the scheduler's clock (ns, schedstat field 1): the exact figure. */
  cpuNs: number;
  /** User and system time (µs), counted in clock ticks of 10 ms by /proc/PID/stat; ended threads included. */
  userUs: number;
  systemUs: number;
  /** Resident memory, bytes. */
  rssBytes: number;
}

/** Clock ticks per second in /proc: USER_HZ, 100 on every Linux architecture that Node supports. */
const ticksPerSecond = 100;

/** Usage of a process and its descendants, null when it is gone or the system has no /proc. */
export function usageOf(pid: number): Usage | null {
  const usage: Usage = { pids: [], cpuNs: 0, userUs: 0, systemUs: 0, rssBytes: 0 };
  for (const member of familyOf(pid)) {
    try {
      const fields = statFields(readFileSync(`/proc/${member}/stat`, 'utf8'));
      const status = readFileSync(`/proc/${member}/status`, 'utf8');
      let runNs = 0;
      for (const task of readdirSync(`/proc/${member}/task`)) {
        runNs += Number(readFileSync(`/proc/${member}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
      }
      usage.pids.push(member);
      usage.cpuNs += runNs;
      usage.userUs += (Number(fields[11]) * 1e6) / ticksPerSecond;
      usage.systemUs += (Number(fields[12]) * 1e6) / ticksPerSecond;
      usage.rssBytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // Ended while we looked.
    }
  }
  return usage.pids.length === 0 ? null : usage;
}

function familyOf(pid: number): number[] {
  const family = [pid];
  for (let next = 0; next < family.length; next += 1) {
    try {
      for (const task of readdirSync(`/proc/${family[next]}/task`)) {
        const children = readFileSync(`/proc/${family[next]}/task/${task}/children`, 'utf8').trim();
        if (children !== '') family.push(...children.split(' ').map(Number));
      }
    } catch {
      // Ended while we looked, or a kernel without CONFIG_PROC_CHILDREN: the program itself is counted.
    }
  }
  return family;
}
