import { isTrustDomain } from '@tulle/xds';
import { MAX_SVID_TTL_MS, MIN_SVID_TTL_MS, SVID_TTL_MS } from './ca/limits.js';

/** What a control plane is told at its start. Addresses are `ADDRESS:PORT`; port 0 takes a free one. */
export interface ControlPlaneOptions {
  /** Directories of YAML; of a Pod in two of them the later one counts. */
  config: readonly string[];
  /** Directory of the certificate authority. */
  state: string;
  ads: string;
  certificates: string;
  admin: string;
  /** What the claim `iss` of service-account tokens must be. */
  tokenIssuer: string;
  /** File with the issuer's public keys. */
  tokenJwks: string;
  /** Default: `cluster.local`. */
  trustDomain?: string;
  /** One of pino's levels; default: `info`. */
  logLevel?: string;
  /** How long certificates live; default: an hour. */
  svidTtlMs?: number;
  /** Ends the control plane as SIGTERM does. */
  signal?: AbortSignal;
  /** Where the line goes that says it serves; default: the standard output. */
  print?: (line: string) => void;
}

/** Options that make no sense: wrong use, exit code 2. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

interface HostPort {
  host: string;
  port: number;
}

export interface CheckedOptions {
  config: readonly string[];
  state: string;
  ads: HostPort;
  certificates: HostPort;
  admin: HostPort;
  tokenIssuer: string;
  tokenJwks: string;
  trustDomain: string;
  logLevel: string;
  svidTtlMs: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @throws OptionsError, which names the option and what it should be. */
export function checkOptions(options: ControlPlaneOptions): CheckedOptions {
  const { trustDomain = 'cluster.local', logLevel = 'info', svidTtlMs = SVID_TTL_MS } = options;
  const { config, state, tokenIssuer, tokenJwks } = options;
  if (config.length === 0) throw new OptionsError('--config: give at least one directory of YAML');
  for (const [flag, value] of [
    ['--state', state],
    ['--token-issuer', tokenIssuer],
    ['--token-jwks', tokenJwks],
    ...config.map((dir) => ['--config', dir]),
  ]) {
    if (value === '') throw new OptionsError(`${flag}: must not be empty`);
  }
  if (!isTrustDomain(trustDomain)) {
    throw new OptionsError(
      `--trust-domain: "${trustDomain}" may have lower-case letters, digits, dots, dashes and underscores`,
    );
  }
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new OptionsError(`--log-level: "${logLevel}" is none of ${LOG_LEVELS.join(', ')}`);
  }
  if (!(svidTtlMs >= MIN_SVID_TTL_MS && svidTtlMs <= MAX_SVID_TTL_MS)) {
    throw new OptionsError(
      `certificates must live between ${MIN_SVID_TTL_MS} and ${MAX_SVID_TTL_MS} ms, not ${svidTtlMs}`,
    );
  }
  return {
    config,
    state,
    ads: parseAddress('--ads', options.ads),
    certificates: parseAddress('--certificates', options.certificates),
    admin: parseAddress('--admin', options.admin),
    tokenIssuer,
    tokenJwks,
    trustDomain,
    logLevel,
    svidTtlMs,
  };
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

function parseAddress(flag: string, text: string): HostPort {
  const match = ADDRESS.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new OptionsError(`${flag}: "${text}" is not ADDRESS:PORT, as 127.0.0.1:15012 or [::1]:15012`);
  }
  return { host: match[1] ?? match[2], port };
}
