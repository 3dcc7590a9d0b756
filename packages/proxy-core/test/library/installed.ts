/** The package as its users get it: packed, and installed by npm into an empty folder. Nothing comes from a registry: koffi is packed from where it is installed here. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const packageFolder: string = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

const npm = { command: 'npm', options: { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] } } as const;

export interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Packs a folder into `into`; needs the build. */
export function pack(folder: string, into: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', into];
  const [packed] = JSON.parse(execFileSync(npm.command, args, { ...npm.options, cwd: folder })) as [Packed];
  return packed;
}

/** koffi and its library for this machine. */
function koffiFolders(): string[] {
  const koffi = dirname(require.resolve('koffi'));
  const scope = join(koffi, '..', '@koromix');
  return [koffi, ...readdirSync(scope).map((name) => join(scope, name))];
}

/** An application that has the package installed. */
export function installed(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'tulle-installed-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const packs = join(root, 'packs');
  const app = join(root, 'app');
  for (const folder of [packs, app]) mkdirSync(folder);
  for (const folder of [packageFolder, ...koffiFolders()]) pack(folder, packs);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const offline = [
    'install',
    '--offline',
    '--cache',
    join(root, 'cache'),
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ];
  execFileSync(npm.command, [...offline, ...readdirSync(packs).map((name) => join(packs, name))], {
    ...npm.options,
    cwd: app,
  });
  return app;
}
