import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { PathSettings } from '@tulle/api';
import { filterName, packAny } from '@tulle/xds';
import {
  type Filter,
  FilterSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from '@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js';
import type { RBAC } from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js';
import type { RouteConfiguration } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import { RBACSchema as HttpRbacSchema } from '@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpInspectorSchema } from '@tulle/xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { TlsInspectorSchema } from '@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashesAction,
  HttpConnectionManagerSchema,
} from '@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema as NetworkRbacSchema } from '@tulle/xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { TcpProxySchema } from '@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { TrafficSettings } from '../model/model.js';
import { overAds } from './ads.js';

function filter<S extends DescMessage>(name: string, schema: S, config: MessageInitShape<S>): Filter {
  return create(FilterSchema, {
    name,
    configType: { case: 'typedConfig', value: packAny(schema, create(schema, config)) },
  });
}

/** Where an HTTP connection manager has its routes from: a resource of that name, or the configuration itself. */
export type Routes = string | RouteConfiguration;

/**
 * An HTTP connection manager: policies in the order given, then the router.
 *
 * Paths are normalised once, here, before any route or policy sees them, and are forwarded as they were compared.
 */
export function httpConnectionManager(
  statPrefix: string,
  routes: Routes,
  policies: readonly RBAC[],
  { escapedSlashes }: PathSettings,
): Filter {
  const rbac = policies.map((rules) => httpFilter(filterName.httpRbac, HttpRbacSchema, { rules }));
  return filter(filterName.httpConnectionManager, HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier:
      typeof routes === 'string'
        ? { case: 'rds', value: { configSource: overAds, routeConfigName: routes } }
        : { case: 'routeConfig', value: routes },
    httpFilters: [...rbac, httpFilter(filterName.router, RouterSchema, {})],
    generateRequestId: true,
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction: ESCAPED_SLASHES[escapedSlashes],
  });
}

const ESCAPED_SLASHES: Readonly<Record<PathSettings['escapedSlashes'], EscapedSlashesAction>> = {
  Reject: EscapedSlashesAction.REJECT_REQUEST,
  Keep: EscapedSlashesAction.KEEP_UNCHANGED,
  Unescape: EscapedSlashesAction.UNESCAPE_AND_FORWARD,
};

function httpFilter<S extends DescMessage>(name: string, schema: S, config: MessageInitShape<S>) {
  return {
    name,
    configType: { case: 'typedConfig' as const, value: packAny(schema, create(schema, config)) },
  };
}

/** Passes bytes on to a cluster: policies in the order given, then the proxy. */
export function tcpProxy(
  statPrefix: string,
  cluster: string,
  policies: readonly RBAC[] = [],
  { idleTimeoutMs, hashOn }: Pick<TrafficSettings, 'idleTimeoutMs' | 'hashOn'> = {},
): Filter[] {
  return [
    ...policies.map((rules) => filter(filterName.networkRbac, NetworkRbacSchema, { statPrefix, rules })),
    filter(filterName.tcpProxy, TcpProxySchema, {
      statPrefix,
      clusterSpecifier: { case: 'cluster', value: cluster },
      idleTimeout: idleTimeoutMs === undefined ? undefined : durationFromMs(idleTimeoutMs),
      hashPolicy: hashOn?.sourceAddress ? [{ policySpecifier: { case: 'sourceIp', value: {} } }] : [],
    }),
  ];
}

function listenerFilter<S extends DescMessage>(name: string, schema: S): ListenerFilter {
  const config = packAny(schema, create(schema));
  return create(ListenerFilterSchema, { name, configType: { case: 'typedConfig', value: config } });
}

/** Tells whether a connection begins as HTTP, from its first bytes. */
export const httpInspector: ListenerFilter = listenerFilter(filterName.httpInspector, HttpInspectorSchema);

/** Tells whether a connection begins as TLS, and with which ALPN, from its first bytes. */
export const tlsInspector: ListenerFilter = listenerFilter(filterName.tlsInspector, TlsInspectorSchema);
