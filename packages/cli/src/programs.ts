import type { Address } from './values.js';

/*
 * What the command line hands to the packages that it starts. They are imported when their command runs and not before: a sidecar
 * must not carry a control plane in its memory.
 */

/** mTLS towards the client: `tulle proxy --listen-*`. Files are PEM. */
export interface ListenTls {
  certificateFile: string;
  keyFile: string;
  caFile: string;
  /** SPIFFE ids or other URIs that a client may have; empty: any that the CA signed. */
  allowedUris: string[];
}

/** TLS towards the server: `tulle proxy --to-*`. */
export interface UpstreamTls {
  certificateFile: string;
  keyFile: string;
  caFile: string;
  allowedUris: string[];
  serverName: string | undefined;
}

export interface RunProxyOptions {
  listen: Address;
  to: Address[];
  protocol: 'auto' | 'http' | 'tcp';
  listenTls: ListenTls | undefined;
  toTls: UpstreamTls | undefined;
  /** A file, `-` for standard output, `off`. */
  accessLog: string;
  engine: 'auto' | 'linux' | 'portable';
  concurrency: number;
  admin: Address | undefined;
}

export interface RunSidecarOptions {
  bootstrap: string;
}

interface Programs {
  '@tulle/proxy-core': { runProxy(options: RunProxyOptions): Promise<number> };
  '@tulle/sidecar': { runSidecar(options: RunSidecarOptions): Promise<number> };
}

/** Imports a package when it is needed. The name is not a literal to the compiler, so that building `tulle` does not build them all. */
export async function program<Name extends keyof Programs>(name: Name): Promise<Programs[Name]> {
  return (await import(name)) as Programs[Name];
}
