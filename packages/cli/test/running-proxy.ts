/** The built `tulle proxy` as a process of its own, and certificates for it. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** The program as it is, without what the test runner puts into every node that is started. */
const bare = ['-u', 'NODE_OPTIONS', process.execPath];
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-proxy-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

export interface Running {
  readonly out: () => string;
  readonly err: () => string;
  readonly kill: (signal?: NodeJS.Signals) => void;
  readonly exited: Promise<number | null>;
  readonly isOver: () => boolean;
  /** Resolves when standard error matches, or standard output. */
  said(what: RegExp): Promise<RegExpExecArray>;
  told(what: RegExp): Promise<RegExpExecArray>;
}

export function proxy(t: Test, args: string[], more: NodeJS.ProcessEnv = {}): Running {
  const { PATH, HOME } = process.env;
  const child = spawn('env', [...bare, program, 'proxy', ...args], { env: { PATH, HOME, ...more } });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => {
    out += String(part);
  });
  // With its streams: the last lines of the log come after the end.
  const exited = once(child, 'close').then(([code]) => code as number | null);
  child.stderr.on('data', (part) => {
    err += String(part);
  });
  const matching = async (stream: Readable, text: () => string, what: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = what.exec(text());
      if (found !== null) return found;
      const more = await Promise.race([once(stream, 'data'), exited]);
      if (!Array.isArray(more)) throw new Error(`ended with ${more}: ${err}`);
    }
  };
  return {
    out: () => out,
    err: () => err,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    exited,
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    said: (what) => matching(child.stderr, () => err, what),
    told: (what) => matching(child.stdout, () => out, what),
  };
}

/** The port of a proxy that tells it on standard error, as it does where standard output is the access log. */
export async function portOf(running: Running): Promise<number> {
  return Number((await running.said(/listening on 127\.0\.0\.1:(\d+)/))[1]);
}

/** The port of its admin pages. */
export async function adminPortOf(running: Running): Promise<number> {
  return Number((await running.said(/admin pages on 127\.0\.0\.1:(\d+)/))[1]);
}

/** Runs it to its end. */
export function ended(args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { PATH, HOME } = process.env;
  const options = { env: { PATH, HOME }, encoding: 'utf8', timeout: 300_000 } as const;
  return spawnSync('env', [...bare, program, 'proxy', ...args], options);
}

/** Reason to skip, or false. */
export const withoutOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

/** A CA in `folder`, and leaves of it by name; returns the arguments that name them. */
export class Certificates {
  private readonly folder: string;

  constructor(t: Test) {
    this.folder = folderOf(t);
    this.openssl('-subj', '/CN=ca', '-keyout', this.file('ca-key.pem'), '-out', this.file('ca.pem'));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  issue(name: string, uri: string): void {
    const extensions = [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      `subjectAltName=URI:${uri}`,
    ];
    const signer = ['-CA', this.file('ca.pem'), '-CAkey', this.file('ca-key.pem')];
    const out = ['-subj', `/CN=${name}`, '-keyout', this.file(`${name}-key.pem`), '-out', this.file(`${name}.pem`)];
    this.openssl(...signer, ...extensions.flatMap((each) => ['-addext', each]), ...out);
  }

  /** `--listen-cert F --listen-key F --listen-ca F` or the same of `--to`. */
  flags(side: 'listen' | 'to', name: string): string[] {
    const files = { cert: `${name}.pem`, key: `${name}-key.pem`, ca: 'ca.pem' };
    return Object.entries(files).flatMap(([flag, file]) => [`--${side}-${flag}`, this.file(file)]);
  }

  private openssl(...args: string[]): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    execFileSync('openssl', ['req', '-x509', ...key, ...args], { stdio: 'pipe' });
  }
}
