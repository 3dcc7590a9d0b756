import type { ModelRule } from './model.js';

/** A rule with what decides between equals. */
export interface RankedRule {
  rule: ModelRule;
  /** Milliseconds since the epoch; infinite for a route without a time, which any route with one is older than. */
  createdMs: number;
  /** `<namespace>/<name>` of the route. */
  route: string;
  /** Of the rule in the route, and of the match in the rule. */
  ruleIndex: number;
  matchIndex: number;
}

/**
 * The order in which matches are tried (Gateway API, HTTPRouteRule.matches): exact paths, then longer prefixes; a method; more
 * headers; more query parameters; the older route; the route first by name; the rule and the match that come first in it.
 */
export function byPrecedence(a: RankedRule, b: RankedRule): number {
  const [x, y] = [a.rule.match, b.rule.match];
  return (
    Number(y.path.type === 'Exact') - Number(x.path.type === 'Exact') ||
    y.path.value.length - x.path.value.length ||
    Number(y.method !== undefined) - Number(x.method !== undefined) ||
    y.headers.length - x.headers.length ||
    y.queryParams.length - x.queryParams.length ||
    compare(a.createdMs, b.createdMs) ||
    compare(a.route, b.route) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

/** Also of infinities, whose difference is not a number. */
function compare<T extends number | string>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
