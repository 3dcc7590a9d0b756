import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasListener } from '../accounting/proc-files.js';
import { snapshotOf, withDescendants } from '../accounting/snapshot.js';
import { startTimeoutMs, stopTimeoutMs } from '../limits.js';

/** A program that belongs to a case and runs until it is stopped. */
export interface Launched {
  pid: number;
  child: ChildProcess;
  /** The last of what it said, on both outputs. */
  said(): string;
  /** How it ended, or undefined while it runs. */
  ended(): string | undefined;
  /** SIGTERM, then SIGKILL for it and whatever it started. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** What is kept of a program's words: enough for an error message. */
const keptBytes = 4096;

/** Starts a program in the foreground. It is a child of this process, in its process group, and dies with it where `setpriv` is there. */
export function launch(command: readonly string[], options: { ipc: boolean; cwd?: string }): Launched {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    stdio: options.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    // A test runner's or profiler's options are not for what is measured.
    env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: undefined },
  });
  let said = '';
  let ended: string | undefined;
  const hear = (part: Buffer): void => {
    said = (said + part.toString('utf8')).slice(-keptBytes);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended ??= `cannot be started: ${error.message}`;
      resolve();
    });
    child.once('exit', (code, signal) => {
      ended ??= signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
      resolve();
    });
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    child,
    said: () => said.trim(),
    ended: () => ended,
    stop: () => (ended === undefined ? stop(pid, child, gone) : Promise.resolve()),
  };
}

async function stop(pid: number, child: ChildProcess, gone: Promise<void>): Promise<void> {
  const family = withDescendants(pid).map((each) => ({ pid: each, startTicks: snapshotOf(each)?.startTicks }));
  child.kill('SIGTERM');
  const timeout = new AbortController();
  await Promise.race([gone, sleep(stopTimeoutMs, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
  for (const each of family) {
    // Only the very process that was ours: its number may have gone to another one.
    if (each.startTicks === undefined || snapshotOf(each.pid)?.startTicks !== each.startTicks) continue;
    try {
      process.kill(each.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await gone;
}

/**
 * Resolves when somebody listens on the port, in the network namespace of the program: asked of the kernel, because a connection on trial would be one that the
 * program has to handle. @throws when the program ends first, or with `startTimeoutMs`.
 */
export async function listening(program: Launched, port: number): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (!listensOn(program.pid, port)) {
    const ended = program.ended();
    if (ended !== undefined) throw new Error(`${ended}${program.said() === '' ? '' : `: ${program.said()}`}`);
    if (Date.now() > deadline) {
      throw new Error(`does not listen on port ${port} after ${startTimeoutMs / 1000} s: ${program.said()}`);
    }
    await sleep(20);
  }
  const ended = program.ended();
  // Then somebody else has the port.
  if (ended !== undefined) throw new Error(`${ended}${program.said() === '' ? '' : `: ${program.said()}`}`);
}

function listensOn(pid: number, port: number): boolean {
  try {
    return hasListener(readFileSync(`/proc/${pid}/net/tcp`, 'latin1'), port);
  } catch (error) {
    // The program has just ended: the next look at it says so.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') return false;
    throw error;
  }
}
