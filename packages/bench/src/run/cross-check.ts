import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { snapshotOf } from '../accounting/snapshot.js';
import type { BenchCase } from '../result/bench-case.js';
import type { CrossCheck, Pinning } from '../result/bench-result.js';
import { programOf, versionOf } from '../systems/find-program.js';
import { pinned } from '../topology/pinning.js';
import type { Topology } from '../topology/topology.js';
import type { RunningSystem } from './running-system.js';

/*
 * The same closed loop from other people's generators, for a check on ours: as many connections, kept, without bodies of requests. What they say of throughput
 * is printed beside our figure, and CPU of the proxies is measured around them as it is around ours.
 */

/** Answers that a tool counted, and whether it saw anything go wrong. */
export interface ToolCount {
  requests: number;
  durationS: number;
  errors: number;
}

interface Tool {
  name: string;
  /** How it is started; undefined when it is not here. */
  find(): string[] | undefined;
  version(command: readonly string[]): string;
  args(url: string, connections: number, seconds: number): string[];
  /** @throws when its words are not understood. */
  read(output: string): ToolCount;
}

const seconds = 2;

const tools: readonly Tool[] = [
  {
    name: 'wrk',
    find: () => programOf('wrk'),
    version: () => '',
    args: (url, connections, length) => ['-t1', `-c${connections}`, `-d${length}s`, url],
    read: readWrk,
  },
  {
    name: 'h2load',
    find: () => programOf('h2load'),
    version: (command) => versionOf(command, '--version').replace(/^h2load /, ''),
    args: (url, connections, length) => ['--h1', '-t1', `-c${connections}`, '-D', String(length), url],
    read: readH2load,
  },
  {
    name: 'autocannon',
    find: () => [process.execPath, createRequire(import.meta.url).resolve('autocannon')],
    version: (command) =>
      versionOf(command, '--version')
        .split('\n')[0]
        .replace(/^autocannon v?/, ''),
    args: (url, connections, length) => ['--json', '-c', String(connections), '-d', String(length), url],
    read: readAutocannon,
  },
];

/** Whether other generators can do the work of a case: kept connections, plain towards the generator, requests without bodies. */
export function canCrossCheck({ work, tls }: BenchCase): boolean {
  return work.kind === 'closed' && work.keepAlive && work.requestBytes === 0 && tls !== 'downstream';
}

/** One run of each tool that is here against a system. */
export async function crossCheck(
  system: RunningSystem,
  { work }: BenchCase,
  ground: { pinning: Pinning; mayTie: boolean; topology: Topology },
): Promise<CrossCheck[]> {
  const { host, port } = system.target;
  const checks: CrossCheck[] = [];
  for (const tool of tools) {
    const found = tool.find();
    if (found === undefined) continue;
    const args = tool.args(`http://${host}:${port}/`, work.connections, seconds);
    const command = pinned(
      ground.topology.enter([...found, ...args], 'client'),
      'generator',
      ground.pinning,
      ground.mayTie,
    );
    const before = proxyCpuNs(system);
    const { output, code } = await outputOf(command);
    const cpuNs = proxyCpuNs(system) - before;
    const about = { system: system.name, tool: tool.name, version: tool.version(found) };
    try {
      if (code !== 0) throw new Error(`ended with exit code ${code}`);
      const { requests, durationS, errors } = tool.read(output);
      const invalid = errors > 0 ? [`${errors} requests failed`] : [];
      checks.push({
        ...about,
        requests,
        durationS,
        cpuUsPerRequest: requests > 0 ? cpuNs / 1000 / requests : 0,
        invalid,
      });
    } catch (error) {
      const reason = `${(error as Error).message}: ${output.trim().slice(-200)}`;
      checks.push({ ...about, requests: 0, durationS: 0, cpuUsPerRequest: 0, invalid: [reason] });
    }
  }
  return checks;
}

/** @throws when it is no report of wrk. */
export function readWrk(output: string): ToolCount {
  const found = /^\s*(\d+) requests in ([\d.]+)(ms|s|m)\b/m.exec(output);
  if (found === null) throw new Error('no report of wrk');
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const status = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const errors = (socket?.slice(1) ?? []).reduce((sum, each) => sum + Number(each), status);
  const unit = { ms: 0.001, s: 1, m: 60 }[found[3] as 'ms' | 's' | 'm'];
  return { requests: Number(found[1]), durationS: Number(found[2]) * unit, errors };
}

/** @throws when it is no report of h2load. */
export function readH2load(output: string): ToolCount {
  const time = /^finished in ([\d.]+)(us|ms|s),/m.exec(output);
  const counts = /^requests: .*?(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(output);
  const status = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(output);
  if (time === null || counts === null || status === null) throw new Error('no report of h2load');
  const unit = { us: 1e-6, ms: 0.001, s: 1 }[time[2] as 'us' | 'ms' | 's'];
  // Requests that are out when its time is over count as failed without an error; wrong answers show in their status.
  const errors = Number(counts[3]) + Number(counts[4]) + Number(status[2]) + Number(status[3]) + Number(status[4]);
  return { requests: Number(counts[1]), durationS: Number(time[1]) * unit, errors };
}

/** @throws when it is no report of autocannon. */
export function readAutocannon(output: string): ToolCount {
  const report = JSON.parse(output) as {
    requests: { total: number };
    duration: number;
    errors: number;
    timeouts: number;
    non2xx: number;
  };
  return {
    requests: report.requests.total,
    durationS: report.duration,
    errors: report.errors + report.timeouts + report.non2xx,
  };
}

function proxyCpuNs(system: RunningSystem): number {
  const threads = system.watched().flatMap(({ pid }) => snapshotOf(pid)?.threads ?? []);
  return threads.reduce((sum, each) => sum + each.cpuNs, 0);
}

function outputOf([program, ...args]: readonly string[]): Promise<{ output: string; code: number | null }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let output = '';
    child.stdout.on('data', (part) => {
      output += String(part);
    });
    child.once('error', (error) => resolve({ output: error.message, code: null }));
    child.once('close', (code) => resolve({ output, code }));
  });
}
