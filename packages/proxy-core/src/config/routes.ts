/** Can each route do what it says? Its expressions are understood and not too large, and its matched prefix is one where it is to be replaced. */
import { defaultLimits, type Limits } from '../limits.js';
import { compileRegex } from '../route/regex/regex.js';
import { RegexError } from '../route/regex/syntax.js';
import type { ProxyConfig, RouteConfig } from './config.js';
import type { Complaint } from './shape.js';

type Complain = (complaint: Complaint) => void;

export function checkRoutes(config: ProxyConfig, complain: Complain): void {
  const limits = { ...defaultLimits, ...config.limits };
  config.routes.forEach(({ virtualHosts }, t) => {
    virtualHosts.forEach(({ routes }, v) => {
      routes.forEach((route, r) => {
        const path = `routes[${t}].virtualHosts[${v}].routes[${r}]`;
        checkExpressions(route, limits, `${path}.match`, complain);
        checkPrefix(route, `${path}.action`, complain);
      });
    });
  });
}

function checkExpressions({ match }: RouteConfig, limits: Limits, path: string, complain: Complain): void {
  const check = ({ kind, value }: { kind: string; value: string }, at: string): void => {
    if (kind !== 'regex') return;
    try {
      compileRegex(value, limits);
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      complain({ path: `${at}.value`, message: `is not a regular expression that can be used: ${error.message}` });
    }
  };
  check(match.path, `${path}.path`);
  for (const [index, header] of (match.headers ?? []).entries()) check(header, `${path}.headers[${index}]`);
  for (const [index, parameter] of (match.query ?? []).entries()) check(parameter, `${path}.query[${index}]`);
}

function checkPrefix({ match, action }: RouteConfig, path: string, complain: Complain): void {
  if (match.path.kind !== 'regex' || action.kind === 'direct') return;
  const [change, at] = action.kind === 'forward' ? [action.rewrite?.path, 'rewrite.path'] : [action.path, 'path'];
  if (change?.kind !== 'prefix') return;
  complain({
    path: `${path}.${at}.kind`,
    message: 'is "prefix", but the path is matched by a regular expression; use full',
  });
}
