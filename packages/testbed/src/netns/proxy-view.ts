import { readdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { networkDeadlineMs } from '../limits.js';
import { run } from '../programs/run.js';

/** How the proxy's user sees files that lie below folders which only root may enter (a checkout in /root). */
export interface ProxyView {
  /** The path by which that user reaches `path`. */
  pathOf(path: string): string;
  /** True when some of the files are unreadable even so (a checkout made with umask 077): then it is given the right to read. */
  readAll: boolean;
}

/** What has to be reachable. */
export interface NeededPaths {
  /** Programs, which read what lies around them. */
  node: string;
  tulle: string;
  /** The state folder, whose own modes are ours. */
  state: string;
}

/** Folders over which a view may be mounted, best first: those that hold nothing on most machines. */
const places = ['/mnt', '/media', '/srv', '/opt', '/dev/shm'];

/**
 * What lies right below a folder that others may not pass, on the way to `path`, from the top down; empty when all may be
 * passed. Shown elsewhere, the first of them holds the most and the last one is surely reachable. `passable` says whether
 * others may go through a folder. Pure but for that question.
 */
export function belowClosedFolders(path: string, passable: (folder: string) => boolean): string[] {
  const found: string[] = [];
  for (let child = path; dirname(child) !== child; child = dirname(child)) {
    if (!passable(dirname(child))) found.unshift(child);
  }
  return found;
}

/**
 * Mounts, in this mount namespace only, what the proxy's user cannot reach to where it can. Must run before pods are made: they
 * inherit it. Does nothing when everything can be reached.
 */
export async function mountProxyView(needed: NeededPaths, env: NodeJS.ProcessEnv): Promise<ProxyView> {
  const shown = new Map<string, string>();
  for (const [purpose, path] of Object.entries(needed)) {
    // Of a program as much as possible, because it reads its neighbours; a closed folder inside is what `readAll` is for.
    const folder = belowClosedFolders(path, passableByAll).at(purpose === 'state' ? -1 : 0);
    if (folder !== undefined) shown.set(purpose, folder);
  }
  const place = shown.size === 0 ? null : choosePlace();
  if (place !== null) {
    await run(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', place], { env, deadlineMs: networkDeadlineMs });
    for (const [purpose, folder] of shown) {
      const point = join(place, purpose);
      await mkdir(point);
      await run(['mount', '--rbind', folder, point], { env, deadlineMs: networkDeadlineMs });
    }
  }
  const pathOf = (path: string): string => {
    if (place === null) return path;
    for (const [purpose, folder] of shown) {
      const below = relative(folder, path);
      if (below === '') return join(place, purpose);
      if (!below.startsWith('..')) return join(place, purpose, below);
    }
    return path;
  };
  return { pathOf, readAll: ![needed.node, needed.tulle, needed.state].every((path) => readableByAll(pathOf(path))) };
}

function choosePlace(): string | null {
  const empty = places.find((place) => {
    try {
      return readdirSync(place).length === 0;
    } catch {
      return false;
    }
  });
  return (
    empty ?? places.findLast((place) => statSync(place, { throwIfNoEntry: false })?.isDirectory() === true) ?? null
  );
}

function passableByAll(folder: string): boolean {
  return ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & 0o001) !== 0;
}

/** True when any user may go to `path` and read it (a file) or pass it (a folder). */
function readableByAll(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & (found.isDirectory() ? 0o001 : 0o004)) === 0) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (!passableByAll(folder)) return false;
    if (dirname(folder) === folder) return true;
  }
}
