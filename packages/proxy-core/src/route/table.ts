/**
 * Stage route, compiled: a route table as bytes and numbers, so that matching a request makes no string and no object.
 * Immutable; a new configuration is a new table.
 */
import type {
  HeaderEditsConfig,
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
import { compileHashPolicy, type HashSource } from './hash-policy.js';

export interface RouteTable {
  readonly name: string;
  /** By lower-case domain, with port where the configuration had one. */
  readonly exact: ReadonlyMap<string, VirtualHost>;
  /** `*.suffix` domains, longest suffix first, without the asterisk. */
  readonly suffixes: readonly { readonly suffix: string; readonly host: VirtualHost }[];
  readonly fallback: VirtualHost | undefined;
}

export interface VirtualHost {
  readonly name: string;
  readonly routes: readonly Route[];
}

export interface Route {
  readonly name: string;
  readonly path: Uint8Array;
  readonly pathKind: 'exact' | 'prefix';
  /** undefined: any. */
  readonly method: string | undefined;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  readonly action: RouteAction;
}

export interface ValueMatch {
  readonly name: Uint8Array;
  readonly kind: 'exact' | 'prefix' | 'present';
  readonly value: Uint8Array;
}

export type RouteAction =
  | ForwardAction
  | Extract<RouteActionConfig, { kind: 'redirect' }>
  | Extract<RouteActionConfig, { kind: 'direct' }>;

export interface ForwardAction {
  readonly kind: 'forward';
  readonly clusters: readonly WeightedCluster[];
  readonly totalWeight: number;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly retry: RetryConfig | undefined;
  /** Empty: requests have no key. */
  readonly hashPolicy: readonly HashSource[];
  readonly rewrite: RewriteConfig | undefined;
  readonly requestEdits: HeadEdits;
  readonly responseEdits: HeadEdits;
}

/** Compiles a checked configuration; see `config/check.ts` for what is refused. */
export function compileRouteTable(config: RouteTableConfig): RouteTable {
  const exact = new Map<string, VirtualHost>();
  const suffixes: { suffix: string; host: VirtualHost }[] = [];
  let fallback: VirtualHost | undefined;
  for (const hostConfig of config.virtualHosts) {
    const host = compileVirtualHost(hostConfig);
    for (const domain of hostConfig.domains) {
      const lower = domain.toLowerCase();
      if (lower === '*') fallback = host;
      else if (lower.startsWith('*')) suffixes.push({ suffix: lower.slice(1), host });
      else exact.set(lower, host);
    }
  }
  suffixes.sort((a, b) => b.suffix.length - a.suffix.length);
  return { name: config.name, exact, suffixes, fallback };
}

function compileVirtualHost(config: VirtualHostConfig): VirtualHost {
  return {
    name: config.name,
    routes: config.routes.map((route) => compileRoute(route.name, route.match, route.action)),
  };
}

function compileRoute(name: string, match: RouteMatchConfig, action: RouteActionConfig): Route {
  return {
    name,
    path: fromLatin1(match.path.value),
    pathKind: match.path.kind,
    method: match.method,
    headers: (match.headers ?? []).map((header) => compileValue(header, header.name.toLowerCase())),
    query: (match.query ?? []).map((parameter) => compileValue(parameter, parameter.name)),
    action: action.kind === 'forward' ? compileForward(action) : action,
  };
}

function compileValue(match: ValueMatchConfig, name: string): ValueMatch {
  return { name: fromLatin1(name), kind: match.kind, value: fromLatin1(match.value) };
}

function compileForward(action: Extract<RouteActionConfig, { kind: 'forward' }>): ForwardAction {
  return {
    kind: 'forward',
    clusters: action.clusters,
    totalWeight: action.clusters.reduce((sum, { weight }) => sum + weight, 0),
    timeoutMs: action.timeoutMs ?? 0,
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
