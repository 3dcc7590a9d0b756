/** Do the parts of a configuration fit together? Names that are referred to exist, names are unique, and what must come in pairs does. */
import { defaultTableSize } from '../limits.js';
import type {
  ClusterConfig,
  FilterChainConfig,
  ListenerConfig,
  ProxyConfig,
  RouteTableConfig,
  WeightedCluster,
} from './config.js';
import type { Complaint } from './shape.js';

type Complain = (complaint: Complaint) => void;

export function checkReferences(config: ProxyConfig, complain: Complain): void {
  const names = {
    listeners: unique(config.listeners, 'listeners', complain),
    clusters: unique(config.clusters, 'clusters', complain),
    routes: unique(config.routes, 'routes', complain),
    identities: unique(config.identities, 'identities', complain),
    trust: unique(config.trust, 'trust', complain),
    filters: unique(config.filters ?? [], 'filters', complain),
  };
  const refer = (kind: keyof typeof names, name: string | undefined, path: string): void => {
    if (name === undefined || names[kind].has(name)) return;
    complain({ path, message: `refers to ${JSON.stringify(name)}, which is not among ${kind}` });
  };
  config.listeners.forEach((listener, l) => {
    checkHandshakes(listener, `listeners[${l}]`, complain);
    listener.chains.forEach((chain, c) => {
      const path = `listeners[${l}].chains[${c}]`;
      checkChain(chain, path, complain);
      refer('identities', chain.tls?.identity, `${path}.tls.identity`);
      refer('trust', chain.tls?.clientTrust, `${path}.tls.clientTrust`);
      refer('routes', chain.http?.routes, `${path}.http.routes`);
      chain.http?.filters?.forEach((name, f) => {
        refer('filters', name, `${path}.http.filters[${f}]`);
      });
      checkWeights(chain.tcp?.clusters, `${path}.tcp.clusters`, complain);
    });
  });
  config.clusters.forEach((cluster, k) => {
    refer('identities', cluster.tls?.identity, `clusters[${k}].tls.identity`);
    refer('trust', cluster.tls?.trust, `clusters[${k}].tls.trust`);
    checkCluster(cluster, `clusters[${k}]`, complain);
    if (cluster.endpoints === 'original' || cluster.tls !== undefined) return;
    const bare = cluster.endpoints.findIndex((endpoint) => endpoint.tls);
    if (bare >= 0)
      complain({
        path: `clusters[${k}].endpoints[${bare}].tls`,
        message: 'is true, but the cluster has no tls settings',
      });
  });
  // A cluster that a route names may come later (xDS is eventually consistent): that request is answered with `no-cluster`.
  config.routes.forEach((table, t) => {
    checkDomains(table, `routes[${t}]`, complain);
    table.virtualHosts.forEach((host, v) => {
      host.routes.forEach((route, r) => {
        if (route.action.kind !== 'forward') return;
        const { backOff } = route.action.retry ?? {};
        if (backOff?.maxIntervalMs !== undefined && backOff.maxIntervalMs < backOff.baseIntervalMs)
          complain({
            path: `routes[${t}].virtualHosts[${v}].routes[${r}].action.retry.backOff.maxIntervalMs`,
            message: 'is less than baseIntervalMs',
          });
        checkWeights(route.action.clusters, `routes[${t}].virtualHosts[${v}].routes[${r}].action.clusters`, complain);
      });
    });
  });
}

/** Settings that would do nothing, and such as contradict each other. */
function checkCluster(cluster: ClusterConfig, path: string, complain: Complain): void {
  const settings = { leastRequest: 'least-request', ringHash: 'ring-hash', maglev: 'maglev' } as const;
  for (const key of ['leastRequest', 'ringHash', 'maglev'] as const) {
    if (cluster[key] !== undefined && cluster.balancer !== settings[key])
      complain({ path: `${path}.${key}`, message: `needs balancer ${settings[key]}` });
  }
  if (cluster.outlierDetection !== undefined && cluster.endpoints === 'original')
    complain({
      path: `${path}.outlierDetection`,
      message: 'needs a list of endpoints; of an original destination there is one',
    });
  if (cluster.circuitBreaker?.maxRetries !== undefined && cluster.circuitBreaker.retryBudget !== undefined)
    complain({ path: `${path}.circuitBreaker.maxRetries`, message: 'excludes retryBudget' });
  const { minimumRingSize = 0, maximumRingSize = Number.POSITIVE_INFINITY } = cluster.ringHash ?? {};
  if (minimumRingSize > maximumRingSize)
    complain({ path: `${path}.ringHash.minimumRingSize`, message: 'is more than maximumRingSize' });
  checkTable(cluster, `${path}.maglev.tableSize`, complain);
}

/** An endpoint without a slot would get nothing. */
function checkTable({ balancer, endpoints, maglev }: ClusterConfig, path: string, complain: Complain): void {
  if (balancer !== 'maglev' || endpoints === 'original') return;
  const size = maglev?.tableSize ?? defaultTableSize;
  const count = endpoints.filter(({ weight }) => weight > 0).length;
  if (size < count)
    complain({
      path,
      message: `is ${size}, fewer than the ${count} endpoints with a weight; use a prime number above a hundred for each`,
    });
}

function checkChain(chain: FilterChainConfig, path: string, complain: Complain): void {
  if (chain.protocol !== 'tcp' && chain.http === undefined)
    complain({ path: `${path}.http`, message: `is missing; protocol ${chain.protocol} needs it` });
  if (chain.protocol !== 'http' && chain.tcp === undefined)
    complain({ path: `${path}.tcp`, message: `is missing; protocol ${chain.protocol} needs it` });
  if (chain.match.address !== undefined && chain.match.port === undefined)
    complain({ path: `${path}.match.port`, message: 'is missing; an address is matched with its port' });
  if (chain.match.alpn !== undefined && chain.tls === undefined && chain.match.transport !== 'tls')
    complain({ path: `${path}.match.alpn`, message: 'needs match.transport tls' });
  if (chain.match.transport === 'tls' && chain.tls === undefined && chain.protocol !== 'tcp')
    complain({ path: `${path}.tls`, message: 'is missing; without it TLS is passed on, which takes protocol tcp' });
  if (chain.tls?.requireClientCertificate === true && chain.tls.clientTrust === undefined)
    complain({
      path: `${path}.tls.clientTrust`,
      message: 'is missing; a required client certificate needs a trust bundle',
    });
}

/**
 * The handshake comes before ALPN chooses among the chains of one destination, so what it proves must hold for all of them: a client whose certificate one trust bundle
 * vouches for must not be served by a chain that asks for another.
 */
function checkHandshakes(listener: ListenerConfig, path: string, complain: Complain): void {
  const firsts = new Map<string, FilterChainConfig>();
  listener.chains.forEach((chain, c) => {
    const { match, tls } = chain;
    if (tls === undefined) return;
    const destination = `${match.address ?? ''} ${match.port ?? ''}`;
    const first = firsts.get(destination) ?? chain;
    firsts.set(destination, first);
    for (const key of ['identity', 'clientTrust', 'requireClientCertificate'] as const) {
      if (first.tls?.[key] === tls[key]) continue;
      complain({
        path: `${path}.chains[${c}].tls.${key}`,
        message: `differs from chain ${JSON.stringify(first.name)} of the same destination; the handshake comes before ALPN chooses between them`,
      });
    }
  });
}

/** Envoy refuses it too: which of two virtual hosts gets a request must not depend on their order. */
function checkDomains(table: RouteTableConfig, path: string, complain: Complain): void {
  const seen = new Set<string>();
  table.virtualHosts.forEach((host, v) => {
    host.domains.forEach((domain, d) => {
      const lower = domain.toLowerCase();
      if (seen.has(lower))
        complain({
          path: `${path}.virtualHosts[${v}].domains[${d}]`,
          message: `is ${JSON.stringify(domain)} a second time`,
        });
      seen.add(lower);
    });
  });
}

function checkWeights(clusters: readonly WeightedCluster[] | undefined, path: string, complain: Complain): void {
  if (clusters === undefined) return;
  if (clusters.every(({ weight }) => weight === 0))
    complain({ path, message: 'has no weight above 0; remove the route or give a cluster a weight' });
}

function unique(items: readonly { readonly name: string }[], kind: string, complain: Complain): Set<string> {
  const names = new Set<string>();
  items.forEach(({ name }, index) => {
    if (names.has(name))
      complain({ path: `${kind}[${index}].name`, message: `is ${JSON.stringify(name)} a second time` });
    names.add(name);
  });
  return names;
}
