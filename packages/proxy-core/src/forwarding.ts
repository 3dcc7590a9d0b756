/** The simplest configuration there is: everything from one address goes to one of some others. What `tulle proxy` runs, and a first step with the library. */
import { readFileSync } from 'node:fs';
import { parseAddress, type SocketAddress } from './address.js';
import { tulleAlpn } from './alpn.js';
import type { AccessLogEntry } from './config/access-log-entry.js';
import type {
  ClusterConfig,
  FilterChainConfig,
  FilterConfig,
  IdentityConfig,
  ProxyConfig,
  RetryConfig,
  RouteConfig,
  TrustConfig,
} from './config/config.js';
import type { Limits } from './limits.js';
import type { PathOptions } from './message/path-options.js';
import { checkForwardOptions } from './options.js';
import { ProxyError } from './proxy-error.js';

/** What `forward` makes a configuration of. */
export interface ForwardOptions {
  /** `ADDR:PORT`; port 0 lets the kernel choose. */
  readonly listen: string;
  /** `ADDR:PORT` of each upstream; at least one. */
  readonly to: readonly string[];
  /** Default `auto`: the first bytes decide between HTTP/1 and opaque TCP. */
  readonly protocol?: 'auto' | 'http' | 'tcp';
  /** Among several upstreams; default `p2c`, the less loaded of two chosen by chance. Those that hash need a key, which a route of a whole configuration names. */
  readonly balancer?: Exclude<ClusterConfig['balancer'], 'ring-hash' | 'maglev'>;
  /** Of a whole HTTP exchange, from the request's head to the answer's last byte. At the edge: 504. Default 0: none. */
  readonly timeoutMs?: number;
  /** Of one connection to an upstream, TLS included; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Of HTTP exchanges, beyond the retries that are always safe. */
  readonly retry?: RetryConfig;
  /**
   * mTLS towards clients: TLS 1.3, and a certificate of theirs that comes from the CA. Log and metrics have such a proxy as `inbound`, and HTTP upstreams learn the client's URI
   * from `x-forwarded-client-cert: URI=...`, which no client can send itself.
   */
  readonly listenTls?: (PemTexts | PemFiles) & {
    /** URIs, one of which a client's certificate must carry; empty or undefined: any that the CA signed. */
    readonly allowedUris?: readonly string[];
  };
  /** mTLS towards upstreams. Host names are not compared: who the upstream is, the CA and `allowedUris` say. */
  readonly toTls?: (PemTexts | PemFiles) & {
    readonly allowedUris?: readonly string[];
    /** SNI to send. */
    readonly serverName?: string;
  };
  /** A path, `-` for standard output, `off`, `callback` (lines to `onAccessLog`), or a function that takes entries; default `off`. */
  readonly accessLog?: string | ((entry: AccessLogEntry) => void);
  /** Of lines; default `json`. */
  readonly accessLogFormat?: 'json' | 'text';
  /** Called for HTTP exchanges, in this order. */
  readonly filters?: readonly FilterConfig[];
  readonly limits?: Partial<Limits>;
  /** How paths are normalised. */
  readonly path?: Partial<PathOptions>;
}

/** PEM texts: a chain with the leaf first, its key, and the CAs that the other side's certificate must come from. */
export interface PemTexts {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
  readonly caPem: string;
}

/** The same, by file. They are read when `forward` is called: to take renewed ones, `proxy.update(forward(options))`. */
export interface PemFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly caFile: string;
}

const defaultConnectTimeoutMs = 5_000;

/**
 * A configuration for `createProxy` and `Proxy.update`. Throws a `ProxyError`: `ERR_TULLE_OPTION` for options that are not as they should be, `ERR_TULLE_FILE` for a file
 * that cannot be read.
 */
export function forward(options: ForwardOptions): ProxyConfig {
  checkForwardOptions(options);
  const listen = addressOf(options.listen, 'listen');
  const upstreams = options.to.map((text, i) => upstreamOf(text, `to[${i}]`));
  const protocol = options.protocol ?? 'auto';
  const identities: IdentityConfig[] = [];
  const trust: TrustConfig[] = [];
  const add = (name: 'listen' | 'to', source: PemTexts | PemFiles | undefined): void => {
    if (source === undefined) return;
    const pem = pemOf(source, `${name}Tls`);
    identities.push({ name, certificateChainPem: pem.certificateChainPem, privateKeyPem: pem.privateKeyPem });
    trust.push({ name, caPem: pem.caPem, trustDomain: undefined });
  };
  add('listen', options.listenTls);
  add('to', options.toTls);
  // Who ends its clients' TLS stands before a server and has to tell it who they are: clients must not tell it themselves.
  const direction = options.listenTls === undefined ? 'outbound' : 'inbound';
  return {
    listeners: [{ name: 'main', bind: listen, direction, destination: 'local', chains: [chainOf(options, protocol)] }],
    clusters: [clusterOf('http', options, upstreams), clusterOf('tcp', options, upstreams)],
    routes: [{ name: 'main', virtualHosts: [{ name: 'all', domains: ['*'], routes: [routeOf(options)] }] }],
    identities,
    trust,
    accessLog: { target: options.accessLog ?? 'off', format: options.accessLogFormat ?? 'json' },
    filters: options.filters,
    limits: options.limits,
  };
}

function chainOf(options: ForwardOptions, protocol: FilterChainConfig['protocol']): FilterChainConfig {
  const { listenTls, path, filters } = options;
  const tls = listenTls && {
    identity: 'listen',
    clientTrust: 'listen',
    requireClientCertificate: true,
    allowedUris: listenTls.allowedUris,
  };
  return {
    name: 'main',
    match: tls === undefined ? {} : { transport: 'tls' },
    tls,
    protocol,
    http: protocol === 'tcp' ? undefined : { routes: 'main', path, filters: filters?.map(({ name }) => name) },
    tcp: protocol === 'http' ? undefined : { clusters: [{ cluster: 'tcp', weight: 1 }] },
    authorization: [],
  };
}

function routeOf({ timeoutMs, retry }: ForwardOptions): RouteConfig {
  return {
    name: 'all',
    match: { path: { kind: 'prefix', value: '/' } },
    action: { kind: 'forward', clusters: [{ cluster: 'http', weight: 1 }], timeoutMs, retry },
  };
}

/** Two clusters, since ALPN says inside TLS what is spoken. */
function clusterOf(name: 'http' | 'tcp', options: ForwardOptions, upstreams: readonly SocketAddress[]): ClusterConfig {
  const { toTls } = options;
  return {
    name,
    endpoints: upstreams.map((address) => ({ address, weight: 1, tls: toTls !== undefined })),
    balancer: options.balancer ?? 'p2c',
    connectTimeoutMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
    tls: toTls && {
      identity: 'to',
      trust: 'to',
      alpn: [tulleAlpn[name]],
      serverName: toTls.serverName,
      allowedUris: toTls.allowedUris,
    },
  };
}

function addressOf(text: string, path: string): SocketAddress {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  const wanted = 'an IP address with a port of 0 to 65535, such as 127.0.0.1:8080 or [::1]:8080';
  throw new ProxyError(
    'ERR_TULLE_OPTION',
    `the options of forward are not valid:\n  ${path} must be ${wanted}, not ${JSON.stringify(text)}; a name has to be resolved first (node:dns)`,
  );
}

function upstreamOf(text: string, path: string): SocketAddress {
  const address = addressOf(text, path);
  if (address.port !== 0) return address;
  throw new ProxyError(
    'ERR_TULLE_OPTION',
    `the options of forward are not valid:\n  ${path} has port 0, to which nobody can connect`,
  );
}

function pemOf(source: PemTexts | PemFiles, path: string): PemTexts {
  if ('certificateChainPem' in source) return source;
  return {
    certificateChainPem: read(source.certificateFile, `${path}.certificateFile`),
    privateKeyPem: read(source.privateKeyFile, `${path}.privateKeyFile`),
    caPem: read(source.caFile, `${path}.caFile`),
  };
}

function read(file: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProxyError('ERR_TULLE_FILE', `${path}: cannot read ${file}: ${reason}`, { cause: error });
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new ProxyError('ERR_TULLE_FILE', `${path}: ${file} holds no PEM text (no -----BEGIN line)`);
}
