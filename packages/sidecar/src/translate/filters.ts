import type {
  AuthorizationConfig,
  PathOptions,
  RetryConfig,
  RouteTableConfig,
  WeightedCluster,
} from '@tulle/proxy-core';
import { anyIs } from '@tulle/xds';
import type { Filter } from '@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js';
import { RBACSchema as HttpRbacSchema } from '@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema as NetworkRbacSchema } from '@tulle/xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import {
  type TcpProxy,
  TcpProxySchema,
} from '@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { pathOptions } from './paths.js';
import { authorization } from './rbac.js';
import { Refusal } from './refusal.js';
import { routeTable } from './routes.js';
import { open } from './strict.js';
import { milliseconds, requireAds } from './values.js';

/** What a chain of filters does with a connection. */
export type Carried =
  | {
      readonly kind: 'http';
      readonly routes: RoutesOf;
      readonly path: Partial<PathOptions> | undefined;
      readonly authorization: readonly AuthorizationConfig[];
    }
  | {
      readonly kind: 'tcp';
      readonly clusters: readonly WeightedCluster[];
      readonly idleTimeoutMs: number | undefined;
      readonly hashPolicy: 'source-address' | undefined;
      readonly authorization: readonly AuthorizationConfig[];
    };

/** Routes are a resource of that name, or in the listener itself. */
export type RoutesOf =
  | { readonly kind: 'rds'; readonly name: string }
  | { readonly kind: 'inline'; readonly table: RouteTableConfig };

/** Policies for connections, then an HTTP connection manager or a TCP proxy. @throws Refusal */
export function carriedBy(
  filters: readonly Filter[],
  withoutRetryPolicy: RetryConfig | undefined,
  path: string,
): Carried {
  const policies: AuthorizationConfig[] = [];
  for (const [index, filter] of filters.entries()) {
    const at = `${path}[${index}].typed_config`;
    const any = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined;
    if (anyIs(any, NetworkRbacSchema)) {
      addPolicy(policies, authorization(open(any, NetworkRbacSchema, at).rules, `${at}.rules`), at);
      continue;
    }
    if (index !== filters.length - 1) throw new Refusal(`${path}[${index + 1}]`, 'comes after the last filter');
    if (anyIs(any, TcpProxySchema)) return tcp(open(any, TcpProxySchema, at), policies, at);
    const manager = open(any, HttpConnectionManagerSchema, at);
    // Of a connection no method and no path is known yet: such a policy belongs among the manager's own filters.
    if (policies.length > 0)
      throw new Refusal(`${path}[0]`, 'a network RBAC before HTTP is not understood; use the HTTP one');
    return http(manager, withoutRetryPolicy, at);
  }
  throw new Refusal(path, 'must end with an HTTP connection manager or a TCP proxy');
}

function tcp(proxy: TcpProxy, policies: AuthorizationConfig[], path: string): Carried {
  const { clusterSpecifier: to, idleTimeout } = proxy;
  const clusters =
    to.case === 'weightedClusters'
      ? to.value.clusters.map(({ name, weight }) => ({ cluster: name, weight }))
      : [{ cluster: to.case === 'cluster' ? to.value : '', weight: 1 }];
  if (clusters.some(({ cluster }) => cluster === '')) throw new Refusal(`${path}.cluster`, 'is missing');
  // As in Envoy, 0: none.
  const idleTimeoutMs = idleTimeout === undefined ? undefined : milliseconds(idleTimeout, `${path}.idle_timeout`);
  if (proxy.hashPolicy.length > 1) throw new Refusal(`${path}.hash_policy`, 'has more than one');
  const [key] = proxy.hashPolicy;
  if (key !== undefined && key.policySpecifier.case !== 'sourceIp')
    throw new Refusal(`${path}.hash_policy[0]`, 'must be source_ip');
  const hashPolicy = key === undefined ? undefined : 'source-address';
  return { kind: 'tcp', clusters, idleTimeoutMs, hashPolicy, authorization: policies };
}

function http(manager: HttpConnectionManager, withoutRetryPolicy: RetryConfig | undefined, path: string): Carried {
  const { httpFilters, generateRequestId, routeSpecifier } = manager;
  // The proxy gives every request an id.
  if (generateRequestId === false) throw new Refusal(`${path}.generate_request_id`, 'must not be false');
  const paths = pathOptions(manager, path);
  const policies: AuthorizationConfig[] = [];
  for (const [index, filter] of httpFilters.entries()) {
    const at = `${path}.http_filters[${index}].typed_config`;
    const any = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined;
    if (index === httpFilters.length - 1) open(any, RouterSchema, at);
    else addPolicy(policies, authorization(open(any, HttpRbacSchema, at).rules, `${at}.rules`), at);
  }
  if (httpFilters.length === 0) throw new Refusal(`${path}.http_filters`, 'must end with the router');
  if (routeSpecifier.case === 'rds') {
    requireAds(routeSpecifier.value.configSource, `${path}.rds.config_source`);
    const name = routeSpecifier.value.routeConfigName;
    if (name === '') throw new Refusal(`${path}.rds.route_config_name`, 'is missing');
    return { kind: 'http', routes: { kind: 'rds', name }, path: paths, authorization: policies };
  }
  if (routeSpecifier.case !== 'routeConfig') throw new Refusal(path, 'must have rds or route_config');
  const table = routeTable(routeSpecifier.value, withoutRetryPolicy, `${path}.route_config`);
  return { kind: 'http', routes: { kind: 'inline', table }, path: paths, authorization: policies };
}

/** The proxy asks whether any policy allows; two lists in a row would both have to. */
function addPolicy(policies: AuthorizationConfig[], added: AuthorizationConfig | undefined, path: string): void {
  if (added === undefined) return;
  if (added.action === 'allow' && policies.some(({ action }) => action === 'allow')) {
    throw new Refusal(path, 'is a second RBAC with ALLOW; put its policies into the first');
  }
  policies.push(added);
}
