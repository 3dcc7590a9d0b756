import type { RetryConfig, RouteConfig, RouteTableConfig } from '@tulle/proxy-core';
import type { Route, VirtualHost } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import { Refusal } from './refusal.js';
import { routeAction } from './route-action.js';
import { routeMatch, shadowedPath } from './route-match.js';
import { join } from './strict.js';

/** Routes of outbound requests: without a retry policy there are no retries. */
export const noRetries: RetryConfig = { attempts: 0, on: [] };

/**
 * @param path of the message; empty for a resource.
 * @throws Refusal
 */
export function routeTable(
  configuration: RouteConfiguration,
  withoutRetryPolicy: RetryConfig | undefined,
  path: string,
): RouteTableConfig {
  const { name, virtualHosts } = configuration;
  const seen = new Set<string>();
  const hosts = virtualHosts.map((host, i) => {
    const at = `${join(path, 'virtual_hosts')}[${i}]`;
    if (host.name === '') throw new Refusal(`${at}.name`, 'is missing');
    for (const domain of host.domains) {
      if (domain === '') throw new Refusal(`${at}.domains`, 'has an empty one');
      const lower = domain.toLowerCase();
      if (seen.has(lower)) throw new Refusal(`${at}.domains`, `"${domain}" is in more than one place`);
      if (lower !== '*' && lower.lastIndexOf('*') > 0) {
        throw new Refusal(`${at}.domains`, `"${domain}": an asterisk is understood at the beginning only`);
      }
      seen.add(lower);
    }
    return { name: host.name, domains: host.domains, routes: routesOf(host, withoutRetryPolicy, `${at}.routes`) };
  });
  return { name, virtualHosts: hosts };
}

function routesOf(host: VirtualHost, withoutRetryPolicy: RetryConfig | undefined, path: string): RouteConfig[] {
  const matches = host.routes.map((route, i) => routeMatch(route.match, `${path}[${i}].match`));
  return host.routes.map((route, i) => {
    const at = `${path}[${i}]`;
    requireShadow(route, i, matches, at);
    return { name: route.name, match: matches[i], action: routeAction(route, withoutRetryPolicy, at) };
  });
}

/** `/a/` as text does not match `/a`; here it would, unless an earlier route takes that path. */
function requireShadow(route: Route, index: number, matches: RouteConfig['match'][], path: string): void {
  const shadowed = shadowedPath(route.match!);
  if (shadowed === undefined) return;
  const wanted = JSON.stringify({ ...matches[index], path: { kind: 'exact', value: shadowed } });
  if (matches.slice(0, index).some((match) => JSON.stringify(match) === wanted)) return;
  throw new Refusal(
    `${path}.match.prefix`,
    `is understood only after a route with the path "${shadowed}" and else the same match; use path_separated_prefix`,
  );
}
