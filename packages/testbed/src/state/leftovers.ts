import { readdirSync, readFileSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ProcessIdentity, processIdentity, stillRuns } from '../programs/identity.js';
import type { KeeperRecord } from '../protocol.js';
import type { StatePaths } from './state-dir.js';

/** The part of a keeper's record that says what is its own. */
type Leftovers = Pick<KeeperRecord, 'run'> & Partial<Pick<KeeperRecord, 'temporary'>>;

/**
 * Ends what a crashed run has left and removes its files. Only processes that are certainly its own are ended: those with its
 * mark in their environment (Linux), and those in its list whose number and start time both agree. Returns how many were ended.
 * @param what the mark of its processes and the folders that go with it, as far as they are known.
 * (Namespaces need nothing: the kernel ended them with their keeper.)
 */
export async function removeLeftovers(paths: StatePaths, what: Leftovers | null): Promise<number> {
  const run = what?.run ?? null;
  const own = new Map<number, ProcessIdentity>();
  for (const identity of [...listed(paths), ...(run === null ? [] : marked(run))]) {
    own.set(identity.pid, identity);
  }
  let ended = 0;
  for (const identity of own.values()) {
    if (identity.pid === process.pid || !stillRuns(identity)) continue;
    try {
      process.kill(identity.pid, 'SIGKILL');
      ended += 1;
    } catch {
      // Ended by itself, or not ours to end.
    }
  }
  for (const folder of what?.temporary ?? []) await rm(folder, { recursive: true, force: true });
  await rm(paths.socket, { force: true });
  await rm(paths.root, { recursive: true, force: true });
  // The folder of all testbeds goes with its last one.
  await rmdir(dirname(paths.root)).catch(() => {});
  return ended;
}

function listed(paths: StatePaths): ProcessIdentity[] {
  try {
    return readFileSync(paths.programs, 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          const { pid, startedAt } = JSON.parse(line) as ProcessIdentity;
          return typeof pid === 'number' && typeof startedAt === 'string' ? [{ pid, startedAt }] : [];
        } catch {
          // The last line of a crashed writer may be half a line.
          return [];
        }
      });
  } catch {
    return [];
  }
}

function marked(run: string): ProcessIdentity[] {
  const mark = Buffer.from(`TULLE_TESTBED_RUN=${run}\0`);
  const found: ProcessIdentity[] = [];
  let entries: string[] = [];
  try {
    entries = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return found;
  }
  for (const entry of entries) {
    try {
      const identity = processIdentity(Number(entry));
      if (identity !== null && readFileSync(`/proc/${entry}/environ`).includes(mark)) found.push(identity);
    } catch {
      // Somebody else's process.
    }
  }
  return found;
}
