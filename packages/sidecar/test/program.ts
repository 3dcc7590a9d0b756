import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '..', '..');

/** Entries of the built programs, by what they run. */
const entries = {
  runSidecar: join(packages, 'sidecar', 'dist', 'index.js'),
  runControlPlane: join(packages, 'control-plane', 'dist', 'index.js'),
} as const;

/** Why programs cannot be started here; false when they can. */
export const notBuilt: string | false = Object.values(entries).every((entry) => existsSync(entry))
  ? false
  : 'the packages are not built: run `npx tsc -b packages/sidecar packages/control-plane`';

const runner = join(import.meta.dirname, 'run-program.mjs');

/** A sidecar or a control plane as a process of its own. */
export class Program {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  /** Addresses by name, from the line that says it serves. Rejects with the log when it ends before. */
  readonly ready: Promise<Record<string, string>>;
  /** Its log: JSON lines. */
  log = '';
  out = '';
  private readonly run: string;
  private readonly watchers: { pattern: RegExp; times: number; resolve: (line: string) => void }[] = [];

  constructor(run: keyof typeof entries, options: object) {
    this.run = run;
    const args = [runner, entries[run], run, JSON.stringify(options)];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exit = new Promise((resolve) => this.child.on('close', resolve));
    this.ready = new Promise((resolve, reject) => {
      this.child.on('close', (code) => reject(new Error(`ended with ${code} before it was ready:\n${this.log}`)));
      this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        this.out += text;
        const line = /^\S+ ready (.*)\n/.exec(this.out);
        if (line !== null) resolve(Object.fromEntries(line[1].split(' ').map((pair) => pair.split('='))));
      });
    });
    this.ready.catch(() => {}); // Of a program that is to end, nobody asks.
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
      for (const watcher of this.watchers) this.check(watcher);
    });
  }

  /** Resolves with the line of the log that matches for the given time, past or to come; rejects when the program ends without it. */
  logged(pattern: RegExp, times = 1): Promise<string> {
    return new Promise((resolve, reject) => {
      const watcher = { pattern, times, resolve };
      this.watchers.push(watcher);
      this.check(watcher);
      void this.exit.then((code) => reject(new Error(`ended with ${code} before it logged ${pattern}`)));
    });
  }

  /** The end of its log, for the report of a test that failed. */
  lastWords(): string {
    const lines = this.log.trimEnd().split('\n').slice(-25);
    return [`the end of the log of ${this.run} (${this.child.pid}):`, ...lines.map((line) => `  | ${line}`)].join('\n');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exit;
  }

  private check({ pattern, times, resolve }: (typeof this.watchers)[number]): void {
    const lines = this.log.split('\n').filter((each) => pattern.test(each));
    if (lines.length >= times) resolve(lines[times - 1]);
  }
}
