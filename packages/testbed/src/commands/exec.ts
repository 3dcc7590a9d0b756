import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { enterTestbed } from '../netns/enter.js';
import { withSystemPaths } from '../netns/probe.js';
import { statFields } from '../programs/identity.js';
import type { KeeperRecord } from '../protocol.js';
import type { ExecPlan } from '../provider.js';
import { readRecord } from '../state/record.js';
import { ask, CommandError, command, pathsOf } from './ask.js';
import type { Streams } from './output.js';

export interface TestbedExecOptions extends Streams {
  name?: string;
  /** `POD` or `NAMESPACE/POD`. */
  pod: string;
  /** A container, or `proxy`: then as the proxy's user, whose traffic is not intercepted. */
  container?: string;
  argv: readonly string[];
  /** Default `inherit`. */
  stdio?: 'inherit' | 'pipe';
}

/** `tulle testbed exec`: runs a program of this machine inside a pod; its exit code is the result. */
export async function testbedExec(options: TestbedExecOptions): Promise<number> {
  const stderr = options.stderr ?? process.stderr;
  return await command(stderr, async () => {
    if (options.argv.length === 0) throw new CommandError('exec POD -- COMMAND...: the command is missing', 2);
    const argv = await execCommand(options);
    return await runInherited(argv, options);
  });
}

/** The command line and environment that run a program inside a pod, for callers that spawn it themselves. */
export async function execCommand(
  options: Pick<TestbedExecOptions, 'name' | 'pod' | 'container' | 'argv'>,
): Promise<{ argv: string[]; env: Record<string, string>; cwd: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  const cwd = process.cwd();
  const request = {
    op: 'exec' as const,
    pod: options.pod,
    container: options.container ?? null,
    argv: [...options.argv],
    cwd,
    env,
  };
  const plan: ExecPlan = await ask(options.name, request);
  if (plan.kind === 'plain') return { argv: plan.argv, env: plan.env, cwd: plan.cwd };
  const record = readRecord(pathsOf(options.name));
  const init = record === null ? null : firstProcessOf(record);
  if (record === null || init === null) throw new CommandError('the namespaces of the testbed are gone', 1);
  const path = withSystemPaths(plan.env).PATH as string;
  return { argv: enterTestbed(init, record.userNamespace, plan.argv), env: { ...plan.env, PATH: path }, cwd: '/' };
}

/** Process 1 of the testbed's pid namespace, as seen from here: the child of the recorded `unshare`. */
function firstProcessOf(record: KeeperRecord): number | null {
  try {
    const children = readFileSync(`/proc/${record.pid}/task/${record.pid}/children`, 'utf8').trim();
    return children === '' ? null : Number(children.split(' ')[0]);
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN: look for it.
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        if (statFields(readFileSync(`/proc/${entry}/stat`, 'utf8'))[1] === String(record.pid)) return Number(entry);
      } catch {
        // Ended while we looked.
      }
    }
    return null;
  }
}

function runInherited(
  plan: { argv: string[]; env: Record<string, string>; cwd: string },
  options: TestbedExecOptions,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const piped = options.stdio === 'pipe';
    const child = spawn(plan.argv[0], plan.argv.slice(1), {
      env: plan.env,
      cwd: plan.cwd,
      stdio: piped ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    if (piped) {
      child.stdout?.pipe(options.stdout ?? process.stdout, { end: false });
      child.stderr?.pipe(options.stderr ?? process.stderr, { end: false });
    }
    // Ctrl-C reaches the whole foreground group, the program included; what remains for us is to wait for its end.
    const ignore = (): void => {};
    const passOn = (): void => {
      child.kill('SIGTERM');
    };
    process.on('SIGINT', ignore);
    process.on('SIGTERM', passOn);
    process.on('SIGHUP', passOn);
    const settle = (): void => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', passOn);
      process.off('SIGHUP', passOn);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      if (error.code === 'ENOENT') resolve(notFound(plan.argv[0], options));
      else reject(error);
    });
    child.on('close', (code, signal) => {
      settle();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** 127, as every shell has it. */
function notFound(program: string, options: TestbedExecOptions): number {
  (options.stderr ?? process.stderr).write(`${program}: not found\n`);
  return 127;
}
