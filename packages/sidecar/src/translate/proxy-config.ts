/**
 * The whole that the proxy is told, from the parts that are understood. Pure.
 * Warm before use: it is made only when everything that the parts refer to is there.
 */
import type {
  AccessLogConfig,
  ClusterConfig,
  EndpointConfig,
  FilterChainConfig,
  IdentityConfig,
  ListenerConfig,
  ProxyConfig,
  SocketAddress,
  TrustConfig,
} from '@tulle/proxy-core';
import { listenerName, secretName, spiffeId, type XdsType } from '@tulle/xds';
import { type ClusterPart, usesTls } from './cluster.js';
import type { AssignedEndpoint, Assignment } from './endpoints.js';
import type { ChainPart, ListenerPart } from './listener.js';
import type { Parts } from './resources.js';
import { RouteTables } from './route-tables.js';

/** The parts by type and resource name. */
export type PartsByName = { readonly [T in XdsType]: ReadonlyMap<string, Parts[T]> };

/** What the sidecar itself adds. */
export interface OwnFacts {
  readonly trustDomain: string;
  readonly podIp: string;
  readonly isRedirected: boolean;
  /** Where the HTTP proxy of a pod without interception listens. */
  readonly outboundProxy: SocketAddress | undefined;
  readonly accessLog: AccessLogConfig;
  readonly identity: {
    readonly certificateChainPem: string;
    readonly privateKeyPem: string;
    readonly trustPem: string;
  };
}

export type Assembled =
  | { readonly config: ProxyConfig }
  /** `RouteConfiguration "x"`, ... */
  | { readonly missing: readonly string[] };

/**
 * @param refused names of resources that came and were refused, and of which no good one is known: they are not waited for. A cluster without
 * its endpoints has none, and routes that cannot be read match nothing, so that one bad resource stops nobody else.
 */
export function assemble(
  parts: PartsByName,
  facts: OwnFacts,
  refused: { has(type: XdsType, name: string): boolean },
): Assembled {
  const missing: string[] = [];
  const listeners = [...parts.lds.values()];
  const tables = new RouteTables(parts.rds);
  for (const name of routeNames(listeners)) {
    if (parts.rds.has(name)) continue;
    if (refused.has('rds', name)) tables.addEmpty(name);
    else missing.push(`RouteConfiguration "${name}"`);
  }
  const clusters = [...parts.cds.values()].map((cluster) => {
    const assigned = assignmentOf(cluster, parts.eds);
    if (assigned === undefined && !refused.has('eds', edsName(cluster))) {
      missing.push(`ClusterLoadAssignment "${edsName(cluster)}"`);
    }
    return clusterConfig(cluster, assigned, facts);
  });
  for (const name of secretNames(parts)) {
    if (name !== secretName.trust && !parts.sds.has(name)) missing.push(`Secret "${name}"`);
  }
  if (missing.length > 0) return { missing };
  const config = {
    listeners: boundListeners(listeners).map((listener) => listenerConfig(listener, tables, facts)),
    clusters,
    routes: tables.used(),
    identities: [identityConfig(facts)],
    trust: trustConfigs(parts.sds, facts),
    accessLog: facts.accessLog,
  };
  return { config };
}

/** Names of the route configurations that listeners refer to. */
export function routeNames(listeners: Iterable<ListenerPart>): Set<string> {
  const names = new Set<string>();
  for (const { chains } of listeners) {
    for (const { carried } of chains) {
      if (carried.kind === 'http' && carried.routes.kind === 'rds') names.add(carried.routes.name);
    }
  }
  return names;
}

/** Names of the load assignments that clusters refer to. */
export function assignmentNames(clusters: Iterable<ClusterPart>): Set<string> {
  const names = [...clusters].filter(({ endpoints }) => endpoints.kind === 'eds').map(edsName);
  return new Set(names);
}

/** Names of the secrets that TLS settings refer to. `trust` is always wanted. */
export function secretNames({ lds, cds }: Pick<PartsByName, 'lds' | 'cds'>): Set<string> {
  const names = new Set<string>([secretName.trust]);
  for (const { tls } of cds.values()) if (tls?.trust !== undefined) names.add(tls.trust);
  for (const { chains } of lds.values()) {
    for (const { tls } of chains) if (tls?.clientTrust !== undefined) names.add(tls.clientTrust);
  }
  return names;
}

function edsName({ name, endpoints }: ClusterPart): string {
  return endpoints.kind === 'eds' ? endpoints.name : name;
}

function assignmentOf(cluster: ClusterPart, eds: ReadonlyMap<string, Assignment>): Assignment | 'original' | undefined {
  const { endpoints } = cluster;
  if (endpoints.kind === 'original') return 'original';
  return endpoints.kind === 'static' ? endpoints.assignment : eds.get(endpoints.name);
}

function clusterConfig(
  cluster: ClusterPart,
  assigned: Assignment | 'original' | undefined,
  facts: OwnFacts,
): ClusterConfig {
  const { name, balancing, connectTimeoutMs, circuitBreaker, tls } = cluster;
  const endpoints =
    assigned === 'original' ? assigned : (assigned?.endpoints ?? []).map((it) => endpoint(it, cluster, facts));
  return {
    name,
    endpoints,
    ...balancing,
    connectTimeoutMs,
    ...(circuitBreaker === undefined ? {} : { circuitBreaker }),
    ...(tls?.trust === undefined
      ? {}
      : {
          tls: {
            ...(tls.identity === undefined ? {} : { identity: tls.identity }),
            trust: tls.trust,
            alpn: tls.alpn,
            ...(tls.serverName === '' ? {} : { serverName: tls.serverName }),
            ...(tls.allowedUris.length === 0 ? {} : { allowedUris: tls.allowedUris }),
          },
        }),
  };
}

function endpoint(assigned: AssignedEndpoint, cluster: ClusterPart, facts: OwnFacts): EndpointConfig {
  const { address, weight, serviceAccount, workload } = assigned;
  // What the proxy sends to its own pod is not redirected: no sidecar is on that way, the application answers itself.
  const isOwnPod = facts.isRedirected && address.host === facts.podIp;
  const tls = !isOwnPod && usesTls(cluster, assigned);
  const { trustDomain } = facts;
  return {
    address,
    weight,
    tls,
    ...(tls && serviceAccount !== undefined
      ? {
          allowedUris: [
            spiffeId({ trustDomain, namespace: serviceAccount.namespace, serviceAccount: serviceAccount.name }),
          ],
        }
      : {}),
    ...(workload === undefined ? {} : { workload }),
  };
}

/** A listener that is bound, and in their order the chains that it has, its own and those of the virtual listeners reached through it. */
export interface BoundListener {
  readonly listener: ListenerPart;
  readonly chains: readonly { readonly owner: ListenerPart; readonly chain: ChainPart }[];
}

export function boundListeners(listeners: readonly ListenerPart[]): BoundListener[] {
  const virtual = listeners.filter(({ kind }) => kind === 'virtual');
  return listeners
    .filter(({ kind }) => kind !== 'virtual')
    .map((listener) => {
      const { kind, direction } = listener;
      const hosted = kind === 'redirected' ? virtual.filter((each) => each.direction === direction) : [];
      const chains = [...hosted, listener].flatMap((owner) => owner.chains.map((chain) => ({ owner, chain })));
      return { listener, chains };
    });
}

function listenerConfig(
  { listener: { name, kind, address, direction }, chains }: BoundListener,
  tables: RouteTables,
  facts: OwnFacts,
): ListenerConfig {
  return {
    name,
    bind: name === listenerName.outboundProxy && facts.outboundProxy !== undefined ? facts.outboundProxy : address,
    direction,
    destination: kind === 'redirected' ? 'original' : 'local',
    chains: chains.map(({ owner, chain }) =>
      chainConfig(chain, tables, owner.kind === 'virtual' ? owner.address : undefined),
    ),
  };
}

function chainConfig(chain: ChainPart, tables: RouteTables, address: SocketAddress | undefined): FilterChainConfig {
  const { name, match, tls, carried } = chain;
  const common = {
    name,
    match: address === undefined ? match : { ...match, address: address.host, port: address.port },
    ...(tls === undefined ? {} : { tls }),
    authorization: carried.authorization,
  };
  if (carried.kind === 'http') {
    const http = {
      routes: tables.nameOf(carried.routes),
      ...(carried.path === undefined ? {} : { path: carried.path }),
    };
    return { ...common, protocol: 'http', http };
  }
  const { clusters, idleTimeoutMs, hashPolicy } = carried;
  return {
    ...common,
    protocol: 'tcp',
    tcp: {
      clusters,
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(hashPolicy === undefined ? {} : { hashPolicy }),
    },
  };
}

function identityConfig({ identity }: OwnFacts): IdentityConfig {
  const { certificateChainPem, privateKeyPem } = identity;
  return { name: secretName.identity, certificateChainPem, privateKeyPem };
}

/** Until the roots come by SDS, those that came with the certificate hold. */
function trustConfigs(secrets: PartsByName['sds'], { identity, trustDomain }: OwnFacts): TrustConfig[] {
  const trust = [...secrets.values()].map(({ name, pem }) => ({ name, caPem: pem, trustDomain }));
  if (!secrets.has(secretName.trust)) trust.push({ name: secretName.trust, caPem: identity.trustPem, trustDomain });
  return trust;
}
