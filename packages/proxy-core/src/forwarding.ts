/** The simplest configuration there is: everything from one address goes to one of some others. What `tulle proxy` runs, and a first step with the library. */

import { parseAddress, type SocketAddress } from './address.js';
import { tulleAlpn } from './alpn.js';
import type { ClusterConfig, FilterChainConfig, IdentityConfig, ProxyConfig, TrustConfig } from './config/config.js';
import type { Limits } from './limits.js';

export interface ForwardOptions {
  /** `ADDR:PORT`; port 0 lets the kernel choose. */
  readonly listen: string;
  /** `ADDR:PORT` of each upstream. */
  readonly to: readonly string[];
  /** Default `auto`: the first bytes decide between HTTP/1 and opaque TCP. */
  readonly protocol?: 'auto' | 'http' | 'tcp';
  /** mTLS towards clients. */
  readonly listenTls?: PemFiles & { readonly allowedUris?: readonly string[] };
  /** mTLS towards upstreams. */
  readonly toTls?: PemFiles & { readonly allowedUris?: readonly string[]; readonly serverName?: string };
  /** A path, `-`, `off` or `callback`; default `off`. */
  readonly accessLog?: string;
  readonly limits?: Partial<Limits>;
}

/** PEM texts, not paths. */
export interface PemFiles {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
  readonly caPem: string;
}

const connectTimeoutMs = 5_000;

/** Throws an `Error` that names the address which cannot be read. */
export function forward(options: ForwardOptions): ProxyConfig {
  const protocol = options.protocol ?? 'auto';
  const upstreams = options.to.map((text) => addressOf(text, 'to'));
  const identities: IdentityConfig[] = [];
  const trust: TrustConfig[] = [];
  const add = (name: string, pem: PemFiles | undefined): void => {
    if (pem === undefined) return;
    identities.push({ name, certificateChainPem: pem.certificateChainPem, privateKeyPem: pem.privateKeyPem });
    trust.push({ name, caPem: pem.caPem, trustDomain: undefined });
  };
  add('listen', options.listenTls);
  add('to', options.toTls);
  const cluster = (name: 'http' | 'tcp'): ClusterConfig => ({
    name,
    endpoints: upstreams.map((address) => ({ address, weight: 1, tls: options.toTls !== undefined })),
    balancer: 'p2c',
    connectTimeoutMs,
    tls:
      options.toTls === undefined
        ? undefined
        : {
            identity: 'to',
            trust: 'to',
            alpn: [tulleAlpn[name]],
            serverName: options.toTls.serverName,
            allowedUris: options.toTls.allowedUris,
          },
  });
  const chain: FilterChainConfig = {
    name: 'main',
    match: options.listenTls === undefined ? {} : { transport: 'tls' },
    tls:
      options.listenTls === undefined
        ? undefined
        : {
            identity: 'listen',
            clientTrust: 'listen',
            requireClientCertificate: true,
            allowedUris: options.listenTls.allowedUris,
          },
    protocol,
    http: protocol === 'tcp' ? undefined : { routes: 'main' },
    tcp: protocol === 'http' ? undefined : { clusters: [{ cluster: 'tcp', weight: 1 }] },
    authorization: [],
  };
  const route = {
    name: 'all',
    match: { path: { kind: 'prefix', value: '/' } },
    action: { kind: 'forward', clusters: [{ cluster: 'http', weight: 1 }] },
  } as const;
  return {
    listeners: [
      {
        name: 'main',
        bind: addressOf(options.listen, 'listen'),
        direction: 'outbound',
        destination: 'local',
        chains: [chain],
      },
    ],
    clusters: [cluster('http'), cluster('tcp')],
    routes: [{ name: 'main', virtualHosts: [{ name: 'all', domains: ['*'], routes: [route] }] }],
    identities,
    trust,
    accessLog: { target: options.accessLog ?? 'off', format: 'json' },
    limits: options.limits,
  };
}

function addressOf(text: string, what: string): SocketAddress {
  const address = parseAddress(text);
  if (address === undefined)
    throw new Error(
      `${what}: ${JSON.stringify(text)} is not an IP address with a port, such as 127.0.0.1:8080 or [::1]:8080`,
    );
  return address;
}
