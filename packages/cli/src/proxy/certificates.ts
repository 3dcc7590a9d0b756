/** Certificates that are named by file: read as a whole, and watched for being renewed. */
import { readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { PemTexts } from '@tulle/proxy-core';

export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** URIs that the peer's certificate may carry; empty: any that the CA signed. */
  readonly allowedUris: readonly string[];
  readonly serverName?: string;
}

export function readPem(files: TlsFiles): PemTexts {
  return {
    certificateChainPem: read(files.certificateFile),
    privateKeyPem: read(files.keyFile),
    caPem: read(files.caFile),
  };
}

export function filesOf(...sides: readonly (TlsFiles | undefined)[]): string[] {
  return sides.flatMap((tls) => (tls === undefined ? [] : [tls.certificateFile, tls.keyFile, tls.caFile]));
}

/** Certificates are written as several files one after the other: wait until nothing has changed for this long, */
const quietMs = 200;
/** but no longer than this after the first change, whatever goes on there. */
const maxDelayMs = 2_000;

/** What kubelet renames when a mounted Secret or ConfigMap changes: the files themselves are links through it and see no event. */
const mountedData = '..data';

/**
 * Calls `changed` after one of the files was written, renamed into place or removed; what else happens in their folders is not looked at. The folders are watched, since a
 * renewed certificate is usually renamed into place. Returns what ends it.
 */
export function watchFiles(files: readonly string[], changed: () => void, say: (message: string) => void): () => void {
  const names = new Map<string, Set<string>>();
  for (const file of files) {
    const folder = dirname(file);
    const inside = names.get(folder) ?? new Set([mountedData]);
    names.set(folder, inside.add(basename(file)));
  }
  let pending: NodeJS.Timeout | undefined;
  let firstMs = 0;
  const noticed = (): void => {
    const nowMs = performance.now();
    if (pending === undefined) firstMs = nowMs;
    clearTimeout(pending);
    pending = setTimeout(
      () => {
        pending = undefined;
        changed();
      },
      Math.max(0, Math.min(quietMs, firstMs + maxDelayMs - nowMs)),
    );
  };
  const watchers = [...names].map(([folder, inside]) =>
    watch(folder, { persistent: false }, (_event, name) => {
      // Some systems do not tell the name.
      if (name === null || inside.has(name)) noticed();
    }).on('error', (error) => say(`${folder} cannot be watched any more, so certificates stay: ${error.message}`)),
  );
  return () => {
    clearTimeout(pending);
    for (const watcher of watchers) watcher.close();
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
