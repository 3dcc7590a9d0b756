import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Opaque: clock ticks since boot on Linux (proc(5), stat field 22) with the boot's id, the start date elsewhere. */
  startedAt: string;
}

/** The identity of a living process, or null when there is none (a zombie counts as none). */
export function processIdentity(pid: number): ProcessIdentity | null {
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : portableStart(pid);
  return startedAt === null ? null : { pid, startedAt };
}

/** True when exactly this process still lives. */
export function stillRuns(identity: ProcessIdentity): boolean {
  return processIdentity(identity.pid)?.startedAt === identity.startedAt;
}

/** Fields of /proc/PID/stat after the command name, which may itself hold spaces and parentheses; `[0]` is field 3, the state. */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

let boot: string | undefined;

function linuxStart(pid: number): string | null {
  try {
    boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}

function portableStart(pid: number): string | null {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
    return text === '' ? null : text;
  } catch {
    return null;
  }
}
