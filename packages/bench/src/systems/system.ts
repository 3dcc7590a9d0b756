import type { BenchCase } from '../result/bench-case.js';

/*
 * A system is what stands between client and server. Its file says how it is found, whether it can do a case, and how one proxy of it is configured and
 * started; how proxies are put in a row is the same for all of them.
 */

export interface Address {
  host: string;
  port: number;
}

/** Files of one end of a mutual TLS 1.3 connection, and who the other end has to be. */
export interface TlsEnd {
  /** PEM. */
  certificate: string;
  key: string;
  /** Certificate and key in one file, for those that want that. */
  both: string;
  ca: string;
  /** The URI and the DNS name in the other end's certificate. */
  peerUri: string;
  peerName: string;
}

/** One proxy that a system is asked for. */
export interface ProxySpec {
  /** `proxy`, or `client-side` and `server-side` in a pair. */
  name: string;
  /** A folder of its own for configuration, logs and temporary files. */
  folder: string;
  listen: Address;
  to: Address;
  protocol: BenchCase['protocol'];
  /** mTLS towards the client. */
  listenTls: TlsEnd | undefined;
  /** mTLS towards the server. */
  toTls: TlsEnd | undefined;
  /** Connections that it has to be able to hold on each side. */
  connections: number;
}

/** How it is started. */
export interface ProxyPlan {
  files: { name: string; text: string }[];
  /** Runs in the foreground. */
  command: string[];
}

/** A system that is on this machine. */
export interface Found {
  /** For people: `HAProxy 2.6.12`. */
  title: string;
  version: string;
  /** Why it cannot do this case; undefined when it can. */
  unfit(benchCase: BenchCase): string | undefined;
  plan(proxy: ProxySpec): ProxyPlan;
  /** What was made equal and why, one sentence each. */
  notes: string[];
}

/** A system that is not: why, and the command that gets it. */
export interface Missing {
  reason: string;
  install: string;
}

export interface System {
  name: string;
  find(): Found | Missing;
}

export function isMissing(found: Found | Missing): found is Missing {
  return 'install' in found;
}

/** `127.0.0.1:80`. */
export function textOf({ host, port }: Address): string {
  return `${host}:${port}`;
}
