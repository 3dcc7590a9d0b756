import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a program that was run said. */
export interface Ran {
  /** null: it could not be started or was killed. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The machine as the checks see it: every question to the outside is one of these, so that a test can answer. */
export interface Machine {
  platform: string;
  arch: string;
  kernel: string;
  nodeVersion: string;
  isRoot: boolean;
  /** Absolute path, or undefined. */
  find(name: string): string | undefined;
  run(argv: readonly string[], input?: string): Promise<Ran>;
  /** Command line that runs `tulle` with these arguments. */
  tulle(args: readonly string[]): string[];
  /** Where the native library koffi would be loaded from; undefined when it is not installed. */
  koffiPath(): string | undefined;
  node: string;
  /** Undefined when a program may listen there, else the error code. */
  listenError(host: string, port: number): Promise<string | undefined>;
  stateDir: string;
  /** Bytes a user may still write at `path`, or at the nearest folder above that exists. Throws when it cannot be written. */
  freeBytes(path: string): number;
}

/** Longest time that one program may take in a check, in ms: past it the check fails and says so. */
const runDeadlineMs = 15_000;

export function thisMachine(kernel: string, env: NodeJS.ProcessEnv = process.env): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    kernel,
    nodeVersion: process.versions.node,
    isRoot: process.getuid?.() === 0,
    find: (name) => findProgram(name, env),
    run,
    tulle: (args) => [process.execPath, fileURLToPath(new URL('../main.js', import.meta.url)), ...args],
    koffiPath,
    node: process.execPath,
    listenError,
    stateDir: stateDir(env),
    freeBytes,
  };
}

/** Folders where `ip` and others are, and which users often lack in their PATH. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const folder of [...(env.PATH ?? '').split(delimiter), ...systemFolders]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

function run(argv: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(argv[0], argv.slice(1), { timeout: runDeadlineMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, stdout, stderr: code === null && stderr === '' ? String(error?.message) : stderr });
    });
    // The program may end without reading.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

function koffiPath(): string | undefined {
  try {
    return createRequire(import.meta.resolve('@tulle/proxy-core')).resolve('koffi');
  } catch {
    return undefined;
  }
}

function listenError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

/** The folder of all testbeds: TULLE_HOME, else the XDG state directory (XDG base directory specification). */
function stateDir(env: NodeJS.ProcessEnv): string {
  if (env.TULLE_HOME) return env.TULLE_HOME;
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'tulle');
}

function freeBytes(path: string): number {
  // Nothing is made for a mere look, and below /proc a recursive mkdir of Node 20 never ends.
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  accessSync(folder, constants.W_OK);
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
