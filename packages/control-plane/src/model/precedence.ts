import type { PathMatch } from '@tulle/api';
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
 *
 * Where regular expressions come, the Gateway API leaves open. Here: behind every prefix but `/`, the longer text first, so that what is found
 * without them stays as cheap and as certain as it was, and a rule for everything else leaves them something to match.
 */
export function byPrecedence(a: RankedRule, b: RankedRule): number {
  const [x, y] = [a.rule.match, b.rule.match];
  return (
    rankOf(y.path) - rankOf(x.path) ||
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

function rankOf({ type, value }: PathMatch): number {
  if (type === 'Exact') return 3;
  if (type === 'RegularExpression') return 1;
  return value === '/' ? 0 : 2;
}

/** Also of infinities, whose difference is not a number. */
function compare<T extends number | string>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
