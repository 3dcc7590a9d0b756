/**
 * Stage route, compiled: a route table as bytes and numbers, so that matching a request makes no string and no object.
 * Immutable; a new configuration is a new table.
 */
import type {
  HeaderEditsConfig,
  HeaderMatchConfig,
  RetryConfig,
  RewriteConfig,
  RouteActionConfig,
  RouteMatchConfig,
  RouteTableConfig,
  ValueMatchConfig,
  VirtualHostConfig,
  WeightedCluster,
} from '../config/config.js';
import { type HeadEdits, noEdits } from '../message/edits.js';
import { fromLatin1 } from '../message/head.js';
import { asIs, ByteMap, lowerCase } from './byte-map.js';
import { compileHashPolicy, type HashSource } from './hash-policy.js';
import { compileRegex, type Regex, type RegexLimits } from './regex/regex.js';

export interface RouteTable {
  readonly name: string;
  /** By lower-case domain, with port where the configuration had one. */
  readonly exact: ByteMap<VirtualHost>;
  /** `*.suffix` domains, longest suffix first, without the asterisk, in lower case. */
  readonly suffixes: readonly SuffixDomain[];
  readonly fallback: VirtualHost | undefined;
}

export interface SuffixDomain {
  readonly suffix: Uint8Array;
  /** It ends in a port, which is compared then. */
  readonly hasPort: boolean;
  readonly host: VirtualHost;
}

export interface VirtualHost {
  readonly name: string;
  /** The first that matches wins. */
  readonly routes: readonly Route[];
  /** Where many paths are exact: by path, the numbers of their routes in `routes`, ascending; undefined where looking at each is as cheap. */
  readonly exactPaths: ByteMap<readonly number[]> | undefined;
  /** The numbers of all other routes, ascending. */
  readonly otherRoutes: readonly number[];
}

export interface Route {
  readonly name: string;
  /** Of an expression: its text. */
  readonly path: Uint8Array;
  readonly pathKind: 'exact' | 'prefix' | 'regex';
  readonly pathRegex: Regex | undefined;
  /** undefined: any. */
  readonly method: string | undefined;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  readonly action: RouteAction;
}

export interface ValueMatch {
  readonly name: Uint8Array;
  readonly kind: 'exact' | 'prefix' | 'present' | 'regex';
  readonly value: Uint8Array;
  readonly regex: Regex | undefined;
  readonly invert: boolean;
}

export type RouteAction = ForwardAction | RedirectAction | DirectAction;

export type RedirectAction = Omit<Extract<RouteActionConfig, { kind: 'redirect' }>, 'responseHeaders'> & {
  readonly responseEdits: HeadEdits;
};

export interface DirectAction {
  readonly kind: 'direct';
  readonly status: number;
  /** UTF-8. */
  readonly body: Uint8Array;
  readonly responseEdits: HeadEdits;
}

export interface ForwardAction {
  readonly kind: 'forward';
  readonly clusters: readonly WeightedCluster[];
  readonly totalWeight: number;
  /** 0: none. */
  readonly timeoutMs: number;
  /** 0: none; undefined: the limit's. */
  readonly idleTimeoutMs: number | undefined;
  readonly retry: RetryConfig | undefined;
  /** Empty: requests have no key. */
  readonly hashPolicy: readonly HashSource[];
  readonly rewrite: RewriteConfig | undefined;
  readonly requestEdits: HeadEdits;
  readonly responseEdits: HeadEdits;
}

/** From this many exact paths of one host on, a table finds them. */
const manyPaths = 8;

/** Compiles a checked configuration; see `config/check.ts` for what is refused. */
export function compileRouteTable(config: RouteTableConfig, limits: RegexLimits): RouteTable {
  const exact = new Map<string, VirtualHost>();
  const suffixes: SuffixDomain[] = [];
  let fallback: VirtualHost | undefined;
  for (const hostConfig of config.virtualHosts) {
    const host = compileVirtualHost(hostConfig, limits);
    for (const domain of hostConfig.domains) {
      const lower = domain.toLowerCase();
      if (lower === '*') fallback = host;
      else if (lower.startsWith('*'))
        suffixes.push({ suffix: fromLatin1(lower.slice(1)), hasPort: lower.includes(':'), host });
      else exact.set(lower, host);
    }
  }
  suffixes.sort((a, b) => b.suffix.length - a.suffix.length);
  return { name: config.name, exact: new ByteMap(exact, lowerCase), suffixes, fallback };
}

function compileVirtualHost(config: VirtualHostConfig, limits: RegexLimits): VirtualHost {
  const routes = config.routes.map((route) => compileRoute(route.name, route.match, route.action, limits));
  const byPath = new Map<string, number[]>();
  const otherRoutes: number[] = [];
  for (const [number, { match }] of config.routes.entries()) {
    const { kind, value } = match.path;
    if (kind !== 'exact') otherRoutes.push(number);
    else if (byPath.get(value)?.push(number) === undefined) byPath.set(value, [number]);
  }
  const exactPaths = byPath.size < manyPaths ? undefined : new ByteMap(byPath, asIs);
  return { name: config.name, routes, exactPaths, otherRoutes };
}

function compileRoute(name: string, match: RouteMatchConfig, action: RouteActionConfig, limits: RegexLimits): Route {
  const { kind, value } = match.path;
  return {
    name,
    path: fromLatin1(value),
    pathKind: kind,
    pathRegex: kind === 'regex' ? compileRegex(value, limits) : undefined,
    method: match.method,
    headers: (match.headers ?? []).map((header) => compileValue(header, header.name.toLowerCase(), limits)),
    query: (match.query ?? []).map((parameter) => compileValue(parameter, parameter.name, limits)),
    action: compileAction(action),
  };
}

function compileValue(match: ValueMatchConfig | HeaderMatchConfig, name: string, limits: RegexLimits): ValueMatch {
  const { kind, value } = match;
  return {
    name: fromLatin1(name),
    kind,
    value: fromLatin1(value),
    regex: kind === 'regex' ? compileRegex(value, limits) : undefined,
    invert: 'invert' in match && match.invert === true,
  };
}

function compileAction(action: RouteActionConfig): RouteAction {
  if (action.kind === 'forward') return compileForward(action);
  const responseEdits = compileEdits(action.responseHeaders);
  if (action.kind === 'redirect') return { ...action, responseEdits };
  return { kind: 'direct', status: action.status, body: new TextEncoder().encode(action.body), responseEdits };
}

function compileForward(action: Extract<RouteActionConfig, { kind: 'forward' }>): ForwardAction {
  return {
    kind: 'forward',
    clusters: action.clusters,
    totalWeight: action.clusters.reduce((sum, { weight }) => sum + weight, 0),
    timeoutMs: action.timeoutMs ?? 0,
    idleTimeoutMs: action.idleTimeoutMs,
    retry: action.retry,
    hashPolicy: compileHashPolicy(action.hashPolicy),
    rewrite: action.rewrite,
    requestEdits: compileEdits(action.requestHeaders),
    responseEdits: compileEdits(action.responseHeaders),
  };
}

function compileEdits(config: HeaderEditsConfig | undefined): HeadEdits {
  if (config === undefined) return noEdits;
  const lines = [...(config.set ?? []), ...(config.add ?? [])];
  const removed = [...(config.remove ?? []), ...(config.set ?? []).map(({ name }) => name)];
  return {
    path: undefined,
    authority: undefined,
    remove: removed.map((name) => fromLatin1(name.toLowerCase())),
    append: lines.map(({ name, value }) => fromLatin1(`${name}: ${value}\r\n`)),
  };
}
