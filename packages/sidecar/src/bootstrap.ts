import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { parseAddress, type SocketAddress } from '@tulle/proxy-core';
import { isTrustDomain } from '@tulle/xds';

/** What a sidecar is told at its start: who it is, and where its control plane and its files are. */
export interface Bootstrap {
  readonly node: {
    readonly pod: string;
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly podIp: string;
  };
  readonly trustDomain: string;
  readonly controlPlane: {
    /** `host:port`. */
    readonly ads: string;
    readonly certificates: string;
    /** What the control plane's certificate is for. */
    readonly serverName: string;
    readonly rootCaFile: string;
  };
  readonly tokenFile: string;
  readonly stateDir: string;
  /** `redirect`: rules of the kernel bring connections to 15001 and 15006. `none`: they are dialled. */
  readonly interception: 'redirect' | 'none';
  /** SO_MARK of upstream sockets, where no user tells them apart. */
  readonly socketMark: number | undefined;
  readonly engine: 'auto' | 'linux' | 'portable';
  readonly concurrency: number;
  /** A file, `-` for the standard output, or `off`. */
  readonly accessLog: string;
  readonly admin: SocketAddress;
  readonly health: SocketAddress;
  readonly metrics: SocketAddress;
  /** Where applications find the HTTP proxy, without interception. */
  readonly outboundProxy: SocketAddress | undefined;
}

/** The bootstrap is not what it should be. One line for each mistake: the place, what is wrong, what is right. */
export class BootstrapError extends Error {
  override readonly name = 'BootstrapError';
}

/**
 * Parses a bootstrap. Every key must be known, and there; there are no defaults, since a program writes it.
 * @param file for the error.
 * @throws BootstrapError with all mistakes.
 */
export function parseBootstrap(text: string, file: string): Bootstrap {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BootstrapError(`${file}: is not JSON: ${(cause as Error).message}`, { cause });
  }
  const mistakes: string[] = [];
  const root = new Fields(json, '', mistakes);
  const bootstrap = read(root);
  if (bootstrap.interception === 'none' && bootstrap.outboundProxy === undefined) {
    mistakes.push('outboundProxy: must be an "address:port" with interception "none"');
  }
  if (mistakes.length > 0) throw new BootstrapError(mistakes.map((mistake) => `${file}: ${mistake}`).join('\n'));
  return bootstrap;
}

/** RFC 1123 names, as Kubernetes has them. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const name = { test: (text: string) => NAME.test(text), what: 'a name of lower-case letters, digits, dashes and dots' };
const ip = { test: (text: string) => isIP(text) !== 0, what: 'an IP address' };
const trustDomain = { test: isTrustDomain, what: 'a trust domain, as cluster.local' };
const path = { test: isAbsolute, what: 'an absolute path' };
const hostAndPort = {
  test: (text: string) => /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):[1-9]\d{0,4}$/.test(text),
  what: '"host:port"',
};
const accessLog = {
  test: (text: string) => text === '-' || text === 'off' || isAbsolute(text),
  what: 'an absolute path, "-" or "off"',
};

const engines = ['auto', 'linux', 'portable'] as const;
const interceptions = ['redirect', 'none'] as const;

/** Data threads beyond this are a mistake, not a wish. */
const MAX_CONCURRENCY = 64;

function read(root: Fields): Bootstrap {
  const node = root.object('node');
  const controlPlane = root.object('controlPlane');
  const bootstrap: Bootstrap = {
    node: {
      pod: node.text('pod', name),
      namespace: node.text('namespace', name),
      serviceAccount: node.text('serviceAccount', name),
      podIp: node.text('podIp', ip),
    },
    trustDomain: root.text('trustDomain', trustDomain),
    controlPlane: {
      ads: controlPlane.text('ads', hostAndPort),
      certificates: controlPlane.text('certificates', hostAndPort),
      serverName: controlPlane.text('serverName', name),
      rootCaFile: controlPlane.text('rootCaFile', path),
    },
    tokenFile: root.text('tokenFile', path),
    stateDir: root.text('stateDir', path),
    interception: root.choice('interception', interceptions),
    socketMark: root.isNull('socketMark') ? undefined : root.whole('socketMark', 1, 0xffff_ffff),
    engine: root.choice('engine', engines),
    concurrency: root.whole('concurrency', 1, MAX_CONCURRENCY),
    accessLog: root.isNull('accessLog') ? 'off' : root.text('accessLog', accessLog),
    admin: root.address('admin'),
    health: root.address('health'),
    metrics: root.address('metrics'),
    outboundProxy: root.isNull('outboundProxy') ? undefined : root.address('outboundProxy'),
  };
  for (const fields of [root, node, controlPlane]) fields.refuseOthers();
  return bootstrap;
}

interface TextRule {
  readonly test: (text: string) => boolean;
  readonly what: string;
}

/** Reads the fields of an object, and notes what is wrong with their places. A wrong one reads as something harmless. */
class Fields {
  private readonly values: Readonly<Record<string, unknown>>;
  private readonly prefix: string;
  private readonly mistakes: string[];
  private readonly known: Set<string> = new Set();

  constructor(value: unknown, prefix: string, mistakes: string[]) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) mistakes.push(`${prefix || 'the bootstrap'}: must be an object`);
    this.values = isObject ? (value as Record<string, unknown>) : {};
    this.prefix = prefix;
    this.mistakes = mistakes;
  }

  object(key: string): Fields {
    return new Fields(this.take(key), this.place(key), this.mistakes);
  }

  isNull(key: string): boolean {
    return this.take(key) === null;
  }

  text(key: string, { test, what }: TextRule): string {
    const value = this.take(key);
    if (typeof value === 'string' && test(value)) return value;
    return this.mistake(key, `must be ${what}`, '');
  }

  choice<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.take(key);
    const found = choices.find((choice) => choice === value);
    return found ?? this.mistake(key, `must be one of ${choices.map((each) => `"${each}"`).join(', ')}`, choices[0]);
  }

  whole(key: string, least: number, most: number): number {
    const value = this.take(key);
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.mistake(key, `must be a whole number from ${least} to ${most}`, least);
  }

  address(key: string): SocketAddress {
    const value = this.take(key);
    const found = typeof value === 'string' ? parseAddress(value) : undefined;
    return (
      found ?? this.mistake(key, 'must be "address:port", as "127.0.0.1:15000" or "[::1]:15000"', { host: '', port: 0 })
    );
  }

  refuseOthers(): void {
    for (const key of Object.keys(this.values)) {
      if (this.known.has(key)) continue;
      this.mistakes.push(`${this.place(key)}: is not known; known here are ${[...this.known].join(', ')}`);
    }
  }

  private take(key: string): unknown {
    this.known.add(key);
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  private place(key: string): string {
    return this.prefix === '' ? key : `${this.prefix}.${key}`;
  }

  private mistake<T>(key: string, why: string, harmless: T): T {
    const value = this.take(key);
    const found = value === undefined ? 'it is missing' : `not ${JSON.stringify(value).slice(0, 80)}`;
    this.mistakes.push(`${this.place(key)}: ${why}; ${found}`);
    return harmless;
  }
}
