import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { MachineInfo, RunInfo } from '../result/bench-result.js';

const vulnerabilities = '/sys/devices/system/cpu/vulnerabilities';

/** What has to be known of a machine to judge its figures, and nothing that names it. */
export function machineInfo(): MachineInfo {
  const id = read('/etc/machine-id');
  return {
    kernel: release(),
    architecture: arch(),
    cpuModel: cpus()[0]?.model.trim() ?? '',
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    mitigations: mitigations(),
    governor: read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    clocksource: read('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    load1: loadavg()[0],
    fingerprint:
      id === undefined ? undefined : createHash('sha256').update(`tulle bench ${id}`).digest('hex').slice(0, 16),
  };
}

/** The revision that the program was built from, if it lies in a git checkout. */
export function revisionOf(folder: string): RunInfo['revision'] {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const commit = git('rev-parse', 'HEAD');
  return commit === undefined
    ? undefined
    : { commit, changed: git('status', '--porcelain', '--untracked-files=no') !== '' };
}

function mitigations(): Record<string, string> {
  try {
    return Object.fromEntries(
      readdirSync(vulnerabilities).map((name) => [name, read(join(vulnerabilities, name)) ?? '']),
    );
  } catch {
    // Not every kernel tells.
    return {};
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
