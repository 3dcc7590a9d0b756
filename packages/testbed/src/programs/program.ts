import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { maxRestartBackoffMs, restartBackoffMs, restartBackoffResetMs, stopGraceMs } from '../limits.js';

/** How a program is started. */
export interface ProgramSpec {
  /** For people: `client/proxy`. */
  name: string;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd?: string;
  logFile: string;
  /** Called with each new process, before anything waits for it. */
  started?: (pid: number) => void;
  /** Asked right before each start; false once everything is being ended, so that nothing starts behind the back of that. */
  allowed?: () => boolean;
}

/**
 * What a program is doing.
 *
 *   stopped --start--> running --exits by itself--> waiting --time--> running
 *      ^                  |  \--stop, kill--> ending --exits--> stopped
 *      \------stop--------+------------------- waiting
 */
export type ProgramState =
  | { kind: 'stopped'; last: string | null }
  | { kind: 'running'; pid: number; since: number }
  | { kind: 'ending'; pid: number }
  | { kind: 'waiting'; until: number; last: string };

/** One program of the testbed that is kept alive until somebody stops it, as the kubelet keeps a container. */
export class Program {
  readonly spec: ProgramSpec;
  restarts: number = 0;
  #state: ProgramState = { kind: 'stopped', last: null };
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #backoffMs: number = restartBackoffMs;
  #ended: (() => void)[] = [];
  readonly #changed: () => void;

  constructor(spec: ProgramSpec, changed: () => void = () => {}) {
    this.spec = spec;
    this.#changed = changed;
  }

  get state(): ProgramState {
    return this.#state;
  }

  /** The process number, null when none runs. */
  get pid(): number | null {
    return this.#state.kind === 'running' || this.#state.kind === 'ending' ? this.#state.pid : null;
  }

  /** Starts the program unless it runs. Throws when it cannot be started at all (no such file). */
  async start(): Promise<void> {
    if (this.#state.kind === 'running') return;
    await this.#whenEnded();
    this.#clearTimer();
    this.#backoffMs = restartBackoffMs;
    await this.#spawn();
  }

  /** SIGTERM, after `graceMs` SIGKILL; returns when it is gone. It stays away until `start`. */
  async stop(graceMs: number = stopGraceMs): Promise<void> {
    await this.#end('SIGTERM', graceMs);
  }

  /** SIGKILL. It stays away until `start`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL', 0);
  }

  async #end(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    this.#clearTimer();
    if (this.#state.kind === 'waiting') this.#state = { kind: 'stopped', last: this.#state.last };
    if (this.#state.kind === 'running') this.#state = { kind: 'ending', pid: this.#state.pid };
    if (this.#state.kind === 'stopped') {
      this.#changed();
      return;
    }
    this.#signal(signal);
    const force = setTimeout(() => this.#signal('SIGKILL'), graceMs);
    await this.#whenEnded();
    clearTimeout(force);
  }

  /** The whole process group: each program leads one, so that what it started goes with it. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      this.#child?.kill(signal);
    }
  }

  async #spawn(): Promise<void> {
    if (this.spec.allowed?.() === false) throw new Error(`${this.spec.name}: not started, the testbed is ending`);
    const log = openSync(this.spec.logFile, 'a', 0o640);
    try {
      const [file, ...args] = this.spec.argv;
      const child = spawn(file, args, {
        cwd: this.spec.cwd,
        env: this.spec.env,
        stdio: ['ignore', log, log],
        detached: true,
      });
      if (child.pid === undefined) {
        throw new Error(
          `${this.spec.name}: cannot start ${file}: ${((await once(child, 'error')) as [Error])[0].message}`,
        );
      }
      // From the moment that it exists it is known, so that whoever stops it now finds it.
      this.#child = child;
      this.#state = { kind: 'running', pid: child.pid, since: Date.now() };
      child.once('exit', (code, signal) => this.#exited(code === null ? `signal ${signal}` : `exit code ${code}`));
      child.on('error', () => {});
      this.spec.started?.(child.pid);
      this.#changed();
    } finally {
      closeSync(log);
    }
  }

  #exited(last: string): void {
    const state = this.#state;
    this.#child = null;
    if (state.kind === 'running') {
      if (Date.now() - state.since > restartBackoffResetMs) this.#backoffMs = restartBackoffMs;
      const delay = this.#backoffMs;
      this.#backoffMs = Math.min(maxRestartBackoffMs, this.#backoffMs * 2);
      this.#state = { kind: 'waiting', until: Date.now() + delay, last };
      this.#note(`ended with ${last}; started again in ${delay} ms`);
      this.#timer = setTimeout(() => this.#again(), delay);
    } else {
      this.#state = { kind: 'stopped', last };
    }
    for (const ended of this.#ended.splice(0)) ended();
    this.#changed();
  }

  #again(): void {
    this.restarts += 1;
    this.#spawn().catch((error: Error) => {
      this.#state = { kind: 'stopped', last: error.message };
      this.#note(error.message);
      this.#changed();
    });
  }

  /** A line of ours in its log. A full disk must not take the keeper down. */
  #note(text: string): void {
    try {
      const log = openSync(this.spec.logFile, 'a', 0o640);
      writeSync(log, `[testbed] ${text}\n`);
      closeSync(log);
    } catch {}
  }

  #whenEnded(): Promise<void> {
    if (this.#child === null) return Promise.resolve();
    return new Promise((resolve) => this.#ended.push(resolve));
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
