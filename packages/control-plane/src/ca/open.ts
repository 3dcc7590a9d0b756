import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isTrustDomain } from '@tulle/xds';
import {
  type AuthorityState,
  type IssuedCertificate,
  type IssueRequest,
  issueSvid,
  trustBundleOf,
} from './authority.js';
import { createDurably, writeDurably } from './durable-file.js';
import { createRoot, renewRoots } from './roots.js';
import { decodeState, encodeState, StateError } from './state-file.js';
import type { TrustBundle } from './trust.js';

/** The certificate authority of one trust domain. */
export interface CertificateAuthority {
  trust(): TrustBundle;
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /** Makes a successor for an ageing root and drops expired ones. True when `trust()` has changed. Call it now and then. */
  renew(): Promise<boolean>;
}

export interface AuthorityOptions {
  /** Made when missing, for this user alone (mode 0700). Holds `ca.json` (the keys, mode 0600) and `root-cert.pem` (what sidecars are given). */
  stateDir: string;
  trustDomain: string;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/**
 * Opens the authority of a state directory, and makes its first root when there is none.
 * @throws StateError, whose message holds the remedy.
 */
export async function openAuthority(options: AuthorityOptions): Promise<CertificateAuthority> {
  const { stateDir, trustDomain, now = Date.now } = options;
  if (!isTrustDomain(trustDomain)) {
    throw new StateError(
      `"${trustDomain}" is no trust domain: use lower-case letters, digits, dots, dashes and underscores.`,
    );
  }
  const stateFile = join(stateDir, 'ca.json');
  const rootFile = join(stateDir, 'root-cert.pem');
  let state = await onDisk(stateDir, () => loadOrCreate(stateFile, stateDir, trustDomain, now()));
  let trust = trustBundleOf(state);
  await onDisk(stateDir, () => writeDurably(rootFile, trust.rootsPem, 0o644));
  return {
    trust: () => trust,
    issue: (request) => issueSvid(state, request, now()),
    renew: async () => {
      const roots = await renewRoots(trustDomain, state.roots, now());
      if (roots === state.roots) return false;
      const next = { trustDomain, generation: state.generation + 1, roots };
      await onDisk(stateDir, () => {
        writeDurably(stateFile, encodeState(next), 0o600);
        writeDurably(rootFile, trustBundleOf(next).rootsPem, 0o644);
      });
      state = next; // Only now: nothing is signed with a key that a crash would lose.
      trust = trustBundleOf(state);
      return true;
    },
  };
}

async function loadOrCreate(
  stateFile: string,
  stateDir: string,
  trustDomain: string,
  now: number,
): Promise<AuthorityState> {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  if ((statSync(stateDir).mode & 0o077) !== 0) chmodSync(stateDir, 0o700);
  const found = readIfThere(stateFile);
  if (found !== undefined) return decodeState(found, trustDomain, stateFile);
  const state: AuthorityState = { trustDomain, generation: 1, roots: [await createRoot(trustDomain, now)] };
  if (createDurably(stateFile, encodeState(state), 0o600)) return state;
  return decodeState(readFileSync(stateFile, 'utf8'), trustDomain, stateFile); // Another process was first.
}

function readIfThere(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    chmodSync(path, 0o600); // A restored backup may have come with wider rights.
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Turns the file system's errors into one that says what to do. */
async function onDisk<T>(stateDir: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StateError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const remedy =
      code === 'ENOSPC'
        ? 'Free some space on that disk.'
        : 'Give --state a directory that this user may read and write.';
    throw new StateError(
      `${stateDir}: the state of the certificate authority cannot be kept there (${message}). ${remedy}`,
      {
        cause,
      },
    );
  }
}
