/** Stage route: which rule does a request head meet? Pure. */
import type { WeightedCluster } from '../config/config.js';
import type { Head } from '../message/head.js';
import { lowerCase } from './byte-map.js';
import type { ForwardAction, Route, RouteTable, ValueMatch, VirtualHost } from './table.js';

/** The first route that matches, or undefined: the answer is then 404 `no-route`. */
export function matchRoute(table: RouteTable, head: Head): Route | undefined {
  const host = matchHost(table, head);
  if (host === undefined) return undefined;
  const { routes, exactPaths } = host;
  if (exactPaths !== undefined) return matchMany(host, exactPaths.get(head.path, head.pathStart, head.pathEnd), head);
  for (let i = 0; i < routes.length; i++) if (routeMatches(routes[i], head)) return routes[i];
  return undefined;
}

const none: readonly number[] = [];

/** The routes that a table has found for the path, and those that are looked at one by one, together in their order. */
function matchMany(
  { routes, otherRoutes }: VirtualHost,
  found: readonly number[] | undefined,
  head: Head,
): Route | undefined {
  const exact = found ?? none;
  let e = 0;
  let o = 0;
  while (e < exact.length || o < otherRoutes.length) {
    const isExact = o === otherRoutes.length || (e < exact.length && exact[e] < otherRoutes[o]);
    const route = routes[isExact ? exact[e++] : otherRoutes[o++]];
    if (routeMatches(route, head)) return route;
  }
  return undefined;
}

/** Chooses among weighted clusters; `random` is uniform in [0, 1). A weight of 0 is never chosen. */
export function chooseCluster(clusters: readonly WeightedCluster[], totalWeight: number, random: number): string {
  if (clusters.length === 1) return clusters[0].cluster;
  let ticket = random * totalWeight;
  for (const { cluster, weight } of clusters) {
    ticket -= weight;
    if (ticket < 0) return cluster;
  }
  // Rounding may leave a ticket of exactly 0 behind the last weight.
  return clusters.findLast(({ weight }) => weight > 0)?.cluster ?? clusters[clusters.length - 1].cluster;
}

/** The path after the route's rewrite, or undefined when it stays. */
export function rewrittenPath(route: Route, action: ForwardAction, path: string): string | undefined {
  const rewrite = action.rewrite?.path;
  return rewrite === undefined ? undefined : replacePath(route, rewrite, path);
}

/** Replaces the whole path or the prefix that the route matched, keeping exactly one slash between the parts (Gateway API, HTTPPathModifier). */
export function replacePath(route: Route, to: { kind: 'full' | 'prefix'; value: string }, path: string): string {
  if (to.kind === 'full') return to.value;
  const matched = route.path.length;
  const rest = path.slice(matched > 0 && route.path[matched - 1] === 47 ? matched - 1 : matched);
  const base = to.value.endsWith('/') ? to.value.slice(0, -1) : to.value;
  const joined = rest === '' || rest.startsWith('/') ? base + rest : `${base}/${rest}`;
  return joined === '' ? '/' : joined;
}

function matchHost(table: RouteTable, head: Head): VirtualHost | undefined {
  const { exact, suffixes, fallback } = table;
  if (exact.size === 0 && suffixes.length === 0) return fallback;
  const { bytes, authorityStart: start, authorityEnd: end } = head;
  const whole = exact.get(bytes, start, end);
  if (whole !== undefined) return whole;
  const nameEnd = endOfName(bytes, start, end);
  if (nameEnd !== end) {
    const withoutPort = exact.get(bytes, start, nameEnd);
    if (withoutPort !== undefined) return withoutPort;
  }
  for (let i = 0; i < suffixes.length; i++) {
    const { suffix, host } = suffixes[i];
    const from = (suffixes[i].hasPort ? end : nameEnd) - suffix.length;
    if (from > start && startsWithFolded(bytes, from, suffix)) return host;
  }
  return fallback;
}

/** Where the port's colon is, or the end: the colons of an IPv6 address stand in brackets. */
function endOfName(bytes: Uint8Array, start: number, end: number): number {
  for (let i = end - 1; i >= start && bytes[i] !== 93; i--) if (bytes[i] === 58) return i;
  return end;
}

function routeMatches(route: Route, head: Head): boolean {
  if (!pathMatches(route, head)) return false;
  if (route.method !== undefined && route.method !== head.method) return false;
  for (let i = 0; i < route.headers.length; i++) if (!headerMatches(route.headers[i], head)) return false;
  for (let i = 0; i < route.query.length; i++) if (!queryMatches(route.query[i], head)) return false;
  return true;
}

function pathMatches(route: Route, head: Head): boolean {
  const { path, pathRegex } = route;
  if (pathRegex !== undefined) return pathRegex.matches(head.path, head.pathStart, head.pathEnd);
  const length = head.pathEnd - head.pathStart;
  if (route.pathKind === 'exact') return length === path.length && startsWith(head.path, head.pathStart, path);
  // Whole segments: `/a` and `/a/` match `/a` and `/a/b`, never `/ab`. The bare `/` matches everything, `*` of OPTIONS included.
  const segment = path.length > 0 && path[path.length - 1] === 47 ? path.length - 1 : path.length;
  if (segment === 0) return true;
  if (length < segment || !startsWithLength(head.path, head.pathStart, path, segment)) return false;
  return length === segment || head.path[head.pathStart + segment] === 47;
}

function headerMatches(match: ValueMatch, head: Head): boolean {
  // RFC 9110 section 5.2: several fields of one name are one list; a rule that compares must not be dodged by a second field, so the first decides only when it is alone.
  const index = head.findName(match.name);
  if (match.kind === 'present') return index >= 0 !== match.invert;
  if (index < 0 || head.findName(match.name, index + 1) >= 0) return false;
  return valueMatches(match, head.bytes, head.offsets[4 * index + 2], head.offsets[4 * index + 3]) !== match.invert;
}

function queryMatches(match: ValueMatch, head: Head): boolean {
  // Gateway API: the first of several parameters with one name decides. Names and values are compared as they are on the wire.
  const { bytes } = head;
  let at = head.queryStart + 1;
  while (at < head.queryEnd) {
    let end = at;
    while (end < head.queryEnd && bytes[end] !== 38) end++;
    let equals = at;
    while (equals < end && bytes[equals] !== 61) equals++;
    if (equals - at === match.name.length && startsWith(bytes, at, match.name)) {
      return match.kind === 'present' || valueMatches(match, bytes, Math.min(equals + 1, end), end);
    }
    at = end + 1;
  }
  return false;
}

function valueMatches(match: ValueMatch, bytes: Uint8Array, start: number, end: number): boolean {
  if (match.regex !== undefined) return match.regex.matches(bytes, start, end);
  const length = end - start;
  if (match.kind === 'exact' ? length !== match.value.length : length < match.value.length) return false;
  return startsWith(bytes, start, match.value);
}

function startsWithFolded(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (lowerCase[bytes[at + i]] !== wanted[i]) return false;
  return true;
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  return startsWithLength(bytes, at, wanted, wanted.length);
}

function startsWithLength(bytes: Uint8Array, at: number, wanted: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
