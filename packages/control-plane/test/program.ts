import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlaneOptions } from '../src/options.js';

const entry = join(import.meta.dirname, '..', 'dist', 'index.js');

/** Why programs cannot be started here; false when they can. */
export const notBuilt: string | false = existsSync(entry) ? false : 'the package is not built: run `npx tsc -b`';

const SCRIPT = `
  const { runControlPlane } = await import(process.argv[1]);
  process.exitCode = await runControlPlane(JSON.parse(process.argv[2]));
`;

/** A control plane as a process of its own. */
export class Program {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  /** Addresses by name, from the line that says it serves; rejects with the log when it ends before. */
  readonly ready: Promise<Record<string, string>>;
  /** Its log: JSON lines. */
  log = '';
  private readonly watchers: { pattern: RegExp; resolve: (line: string) => void }[] = [];

  constructor(options: ControlPlaneOptions) {
    const args = ['--input-type=module', '-e', SCRIPT, entry, JSON.stringify(options)];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exit = new Promise((resolve) => this.child.on('close', resolve));
    this.ready = new Promise((resolve, reject) => {
      void this.exit.then((code) => reject(new Error(`ended with ${code} before it was ready:\n${this.log}`)));
      let out = '';
      this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        const line = /^control-plane ready (.*)\n/.exec(out);
        if (line !== null) resolve(Object.fromEntries(line[1].split(' ').map((pair) => pair.split('='))));
      });
    });
    this.ready.catch(() => {}); // Of a program that is to end, nobody asks.
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
      for (const watcher of this.watchers) this.check(watcher);
    });
  }

  /** Resolves with the first line of the log that matches, past or to come; rejects when the program ends without it. */
  logged(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const watcher = { pattern, resolve };
      this.watchers.push(watcher);
      this.check(watcher);
      void this.exit.then((code) => reject(new Error(`ended with ${code} before it logged ${pattern}:\n${this.log}`)));
    });
  }

  private check({ pattern, resolve }: { pattern: RegExp; resolve: (line: string) => void }): void {
    const line = this.log.split('\n').find((line) => pattern.test(line));
    if (line !== undefined) resolve(line);
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exit;
  }
}
