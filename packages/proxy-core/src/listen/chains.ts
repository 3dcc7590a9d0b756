/** Stage listen: which filter chains serve a destination? Pure lookup over an index made once per configuration (Envoy: FilterChainMatch). */
import type { SocketAddress } from '../address.js';
import { formatAddress } from '../address.js';
import type { FilterChainConfig, WeightedCluster } from '../config/config.js';
import type { FilterSequence } from '../filter/sequence.js';
import type { PathOptions } from '../message/path-options.js';
import type { Authorization } from '../policy/authorize.js';
import type { RouteTable } from '../route/table.js';
import type { ServerTls } from '../secure/server-tls.js';

/** A filter chain, compiled. */
export interface Chain {
  readonly name: string;
  readonly protocol: FilterChainConfig['protocol'];
  /** ALPN protocols it serves; undefined: whatever no other chain claims. */
  readonly alpn: readonly string[] | undefined;
  readonly tls: ServerTls | undefined;
  readonly routes: RouteTable | undefined;
  readonly pathOptions: PathOptions;
  /** undefined where there are none, so that nothing is paid for them. */
  readonly filters: FilterSequence | undefined;
  readonly tcp:
    | {
        readonly clusters: readonly WeightedCluster[];
        readonly totalWeight: number;
        readonly idleTimeoutMs: number;
        /** The client's address is the key of consistent hashing. */
        readonly hashesSource: boolean;
      }
    | undefined;
  readonly authorization: Authorization;
}

/** The chains of one destination, by what the first bytes may turn out to be. */
export interface ChainSet {
  /** End TLS. */
  readonly tls: readonly Chain[];
  /** Pass a ClientHello on as it came, to whoever ends TLS behind them. Empty where `plain` has the only chains there are: what it takes includes TLS then. */
  readonly passthrough: readonly Chain[];
  readonly plain: readonly Chain[];
}

export interface ChainIndex {
  readonly byAddress: ReadonlyMap<string, ChainSet>;
  readonly byPort: ReadonlyMap<number, ChainSet>;
  readonly fallback: ChainSet | undefined;
}

interface MutableSet {
  tls: Chain[];
  passthrough: Chain[];
  plain: Chain[];
  /** Of `plain`, those that TLS is not kept from. */
  either: Chain[];
}

export function indexChains(
  configs: readonly FilterChainConfig[],
  compile: (config: FilterChainConfig) => Chain,
): ChainIndex {
  const byAddress = new Map<string, MutableSet>();
  const byPort = new Map<number, MutableSet>();
  const fallback = emptySet();
  for (const config of configs) {
    const { address, port, transport } = config.match;
    let set = fallback;
    if (address !== undefined && port !== undefined) set = entry(byAddress, formatAddress({ host: address, port }));
    else if (port !== undefined) set = entry(byPort, port);
    const chain = compile(config);
    if (transport !== 'plain' && chain.tls !== undefined) set.tls.push(chain);
    if (transport === 'tls' && chain.tls === undefined) set.passthrough.push(chain);
    if (transport !== 'tls') set.plain.push(chain);
    if (transport === undefined && chain.tls === undefined && chain.protocol !== 'http') set.either.push(chain);
  }
  for (const set of [fallback, ...byAddress.values(), ...byPort.values()])
    if (takesTls(set)) set.passthrough.push(...set.either);
  const hasFallback = takesTls(fallback) || fallback.plain.length > 0;
  return { byAddress, byPort, fallback: hasFallback ? fallback : undefined };
}

/** The most specific set: address and port, then port, then what is left; undefined: nobody serves this destination. */
export function findChains(index: ChainIndex, destination: SocketAddress): ChainSet | undefined {
  if (index.byAddress.size > 0) {
    const exact = index.byAddress.get(formatAddress(destination));
    if (exact !== undefined) return exact;
  }
  return index.byPort.get(destination.port) ?? index.fallback;
}

/** TLS is told apart from what else comes. */
export function takesTls({ tls, passthrough }: ChainSet): boolean {
  return tls.length + passthrough.length > 0;
}

/** Whether it takes a ClientHello's ALPN to tell which chain is meant. */
export function choosesByHello({ tls, passthrough }: ChainSet): boolean {
  const [first] = passthrough;
  return first !== undefined && (tls.length > 0 || passthrough.length > 1 || first.alpn !== undefined);
}

/**
 * Who takes a ClientHello: the chain that claims one of the protocols offered, in the client's order, else the one that claims none; one that ends TLS before one
 * that passes it on (Envoy: FilterChainMatch.application_protocols with the TLS inspector).
 */
export function chainForHello({ tls, passthrough }: ChainSet, offered: readonly string[]): Chain | undefined {
  for (const protocol of offered) {
    const claims = (chain: Chain): boolean => chain.alpn?.includes(protocol) === true;
    const chain = tls.find(claims) ?? passthrough.find(claims);
    if (chain !== undefined) return chain;
  }
  const takesRest = (chain: Chain): boolean => chain.alpn === undefined;
  return tls.find(takesRest) ?? passthrough.find(takesRest);
}

/** Among TLS chains the one that claims the ALPN protocol agreed on, else the one that claims none. */
export function chainForAlpn(set: ChainSet, alpn: string): Chain | undefined {
  return (
    set.tls.find((chain) => chain.alpn?.includes(alpn) === true) ?? set.tls.find((chain) => chain.alpn === undefined)
  );
}

/** Among plain chains: the one for HTTP if the bytes are HTTP, else the opaque one. A chain of protocol `auto` is both. */
export function chainForBytes(set: ChainSet, kind: 'http' | 'tcp'): Chain | undefined {
  return set.plain.find((chain) => chain.protocol === kind || chain.protocol === 'auto');
}

function entry<K>(map: Map<K, MutableSet>, key: K): MutableSet {
  let set = map.get(key);
  if (set === undefined) {
    set = emptySet();
    map.set(key, set);
  }
  return set;
}

function emptySet(): MutableSet {
  return { tls: [], passthrough: [], plain: [], either: [] };
}
