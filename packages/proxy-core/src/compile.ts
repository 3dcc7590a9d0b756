/** A checked configuration as the stages want it: route tables, policies and filter chains by pointer. Everything that can fail happens here, before anything is swapped. */
import type { FilterChainConfig, ListenerConfig, ProxyConfig } from './config/config.js';
import type { Filters } from './filters.js';
import type { Limits } from './limits.js';
import { type Chain, type ChainIndex, indexChains } from './listen/chains.js';
import { defaultPathOptions } from './message/path-options.js';
import { compileAuthorization } from './policy/authorize.js';
import { compileRouteTable, type RouteTable } from './route/table.js';
import type { Contexts } from './secure/contexts.js';

export interface CompiledListener {
  readonly config: ListenerConfig;
  readonly chains: ChainIndex;
}

/** `contexts` and `filters` have begun with this configuration. */
export function compileListeners(
  config: ProxyConfig,
  contexts: Contexts,
  filters: Filters,
  limits: Limits,
): CompiledListener[] {
  const tables = new Map<string, RouteTable>(
    config.routes.map((table) => [table.name, compileRouteTable(table, limits)]),
  );
  return config.listeners.map((listener) => ({
    config: listener,
    chains: indexChains(listener.chains, (chain) => compileChain(chain, listener, tables, contexts, filters, limits)),
  }));
}

function compileChain(
  chain: FilterChainConfig,
  listener: ListenerConfig,
  tables: ReadonlyMap<string, RouteTable>,
  contexts: Contexts,
  filters: Filters,
  limits: Limits,
): Chain {
  const { tcp } = chain;
  return {
    name: chain.name,
    protocol: chain.protocol,
    alpn: chain.match.alpn,
    tls: chain.tls === undefined ? undefined : contexts.server(chain.tls, offeredAlpn(chain, listener)),
    routes: chain.http === undefined ? undefined : tables.get(chain.http.routes),
    pathOptions: { ...defaultPathOptions, ...chain.http?.path },
    filters: filters.sequence(chain.http?.filters),
    tcp:
      tcp === undefined
        ? undefined
        : {
            clusters: tcp.clusters,
            totalWeight: tcp.clusters.reduce((sum, { weight }) => sum + weight, 0),
            hashesSource: tcp.hashPolicy === 'source-address',
            idleTimeoutMs: tcp.idleTimeoutMs ?? limits.streamIdleTimeoutMs,
          },
    authorization: compileAuthorization(chain.authorization),
  };
}

/** The handshake comes before the choice among the chains of one destination: all of them offer what any of them serves, in the order of the chains. */
function offeredAlpn(chain: FilterChainConfig, listener: ListenerConfig): string[] {
  const same = listener.chains.filter(
    ({ match, tls }) => tls !== undefined && match.address === chain.match.address && match.port === chain.match.port,
  );
  return [...new Set(same.flatMap(({ match }) => match.alpn ?? []))];
}
