/** What this machine allows a test to do, and the reason where it does not. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { probeNetns } from '@tulle/testbed';
import { tulle } from './mesh.js';

/** `nobody` of every Linux: an ordinary user that need not be made. */
export const ordinaryUser: number = 65_534;

export const isRoot: boolean = process.getuid?.() === 0;

/** False where pods can be network namespaces for this user, else why not; for tap's `skip`. */
export async function noNamespaces(): Promise<string | false> {
  const probe = await probeNetns(process.env, null);
  return probe.possible ? false : `no network namespaces: ${probe.reason}`;
}

/** False where an ordinary user can run this checkout, beside root who runs the tests; else why not. */
export async function noOrdinaryUser(home: string): Promise<string | false> {
  if (!isRoot) return 'the tests do not run as root, so the others already run as an ordinary user';
  const asUser = { uid: ordinaryUser, gid: ordinaryUser, env: { ...process.env, HOME: home }, cwd: '/' };
  const help = await tulle(['--version'], asUser).catch((error: Error) => ({ code: 1, stderr: error.message }));
  if (help.code !== 0) return `an ordinary user cannot run this checkout: ${help.stderr.trim().split('\n').at(-1)}`;
  return false;
}

/** The file of a program on the PATH or where the system keeps its own, undefined when there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin'];
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
