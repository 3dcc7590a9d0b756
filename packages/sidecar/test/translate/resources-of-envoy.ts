import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import { alpn, filterName, packAny } from '@tulle/xds';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TrafficDirection } from '@tulle/xds/gen/envoy/config/core/v3/base_pb';
import { ClusterLoadAssignmentSchema } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { FilterChainSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb';
import { RBAC_Action, type RBACSchema } from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb';
import type { RouteSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_pb';
import { RBACSchema as HttpRbacSchema } from '@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import { RouterSchema } from '@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TcpProxySchema } from '@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { SubjectAltNameMatcher_SanType } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { SecretSchema } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';

/** What a message is made of, without the made message: so that it can be spread. */
type Init<S extends DescMessage> = Exclude<MessageInitShape<S>, { readonly $typeName: string }>;

/** Envoy's resources as a control plane sends them, for tests to take as they are or to spoil. */

export const overAds = { configSourceSpecifier: { case: 'ads' as const, value: {} }, resourceApiVersion: 2 };
const trust = { name: 'trust', sdsConfig: overAds };
const identity = { name: 'identity' };

export function address(ip: string, port: number) {
  return {
    address: {
      case: 'socketAddress' as const,
      value: { address: ip, portSpecifier: { case: 'portValue' as const, value: port } },
    },
  };
}

function typed<S extends DescMessage>(name: string, schema: S, config: Init<S>) {
  return {
    name,
    configType: { case: 'typedConfig' as const, value: packAny(schema, create(schema, config as MessageInitShape<S>)) },
  };
}

export function tcpProxy(cluster: string) {
  return typed(filterName.tcpProxy, TcpProxySchema, {
    statPrefix: cluster,
    clusterSpecifier: { case: 'cluster', value: cluster },
  });
}

export function httpOver(
  routes: Init<typeof HttpConnectionManagerSchema>['routeSpecifier'],
  rules: Init<typeof RBACSchema>[] = [],
  change: Init<typeof HttpConnectionManagerSchema> = {},
) {
  const rbac = rules.map((each) => typed(filterName.httpRbac, HttpRbacSchema, { rules: each }));
  return typed(filterName.httpConnectionManager, HttpConnectionManagerSchema, {
    statPrefix: 'http',
    routeSpecifier: routes,
    httpFilters: [...rbac, typed(filterName.router, RouterSchema, {})],
    generateRequestId: true,
    normalizePath: true,
    mergeSlashes: true,
    ...change,
  });
}

export function rds(name: string): Init<typeof HttpConnectionManagerSchema>['routeSpecifier'] {
  return { case: 'rds', value: { configSource: overAds, routeConfigName: name } };
}

export const allowClient: Init<typeof RBACSchema> = {
  action: RBAC_Action.ALLOW,
  policies: {
    'default/readers': {
      permissions: [
        {
          rule: {
            case: 'header',
            value: {
              name: ':method',
              headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: 'GET' } } },
            },
          },
        },
      ],
      principals: [
        {
          identifier: {
            case: 'authenticated',
            value: {
              principalName: { matchPattern: { case: 'exact', value: 'spiffe://cluster.local/ns/default/sa/client' } },
            },
          },
        },
      ],
    },
  },
};

export function listener(init: Init<typeof ListenerSchema>): Any {
  return packAny(ListenerSchema, create(ListenerSchema, init));
}

export const catchAll: Any = listener({
  name: 'outbound',
  address: address('0.0.0.0', 15001),
  useOriginalDst: true,
  trafficDirection: TrafficDirection.OUTBOUND,
  defaultFilterChain: { filters: [tcpProxy('passthrough')] },
});

export function dialled(ip: string, port: number, chains?: Init<typeof FilterChainSchema>[]): Any {
  const name = `outbound/${ip}:${port}`;
  return listener({
    name,
    address: address(ip, port),
    bindToPort: false,
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: chains ?? [{ name: 'http', filters: [httpOver(rds(name))] }],
  });
}

export function meshTls(protocol: string, requireClientCertificate = true) {
  return typed(filterName.tls, DownstreamTlsContextSchema, {
    commonTlsContext: {
      tlsParams: { tlsMinimumProtocolVersion: 4, tlsMaximumProtocolVersion: 4 },
      alpnProtocols: [protocol],
      tlsCertificateSdsSecretConfigs: [identity],
      validationContextType: { case: 'validationContextSdsSecretConfig', value: trust },
    },
    requireClientCertificate,
  });
}

export function inbound(): Any {
  const routes: Init<typeof HttpConnectionManagerSchema>['routeSpecifier'] = {
    case: 'routeConfig',
    value: {
      name: 'inbound/8080',
      virtualHosts: [
        {
          name: 'inbound/8080',
          domains: ['*'],
          routes: [route({ timeout: durationFromMs(0), clusterSpecifier: { case: 'cluster', value: 'inbound/8080' } })],
        },
      ],
    },
  };
  const http = [httpOver(routes, [allowClient])];
  return listener({
    name: 'inbound',
    address: address('0.0.0.0', 15006),
    useOriginalDst: true,
    trafficDirection: TrafficDirection.INBOUND,
    filterChains: [
      {
        name: 'mesh-http/8080',
        filterChainMatch: { destinationPort: 8080, transportProtocol: 'tls', applicationProtocols: [alpn.http1] },
        transportSocket: meshTls(alpn.http1),
        filters: http,
      },
      {
        name: 'plain-http/8080',
        filterChainMatch: { destinationPort: 8080, transportProtocol: 'raw_buffer' },
        filters: http,
      },
    ],
    defaultFilterChain: { name: 'plain-other', filters: [tcpProxy('inbound-passthrough')] },
  });
}

type Forward = Extract<NonNullable<Init<typeof RouteSchema>['action']>, { case: 'route' }>['value'];

export function route(action: Forward, change: Init<typeof RouteSchema> = {}): Init<typeof RouteSchema> {
  return {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'route', value: action },
    ...change,
  };
}

export function routes(name: string, list: Init<typeof RouteSchema>[]): Any {
  return packAny(
    RouteConfigurationSchema,
    create(RouteConfigurationSchema, { name, virtualHosts: [{ name, domains: ['*'], routes: list }] }),
  );
}

export function edsCluster(name: string, change: Init<typeof ClusterSchema> = {}): Any {
  const message: Cluster = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: overAds, serviceName: name },
    connectTimeout: durationFromMs(5000),
    lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
    circuitBreakers: { thresholds: [{ maxConnections: 10, maxPendingRequests: 20, maxRequests: 30, maxRetries: 16 }] },
    transportSocketMatches: [
      {
        name: 'mesh',
        match: { 'tulle.dev/mtls': 'true' },
        transportSocket: typed(filterName.tls, UpstreamTlsContextSchema, {
          commonTlsContext: {
            alpnProtocols: [alpn.http1],
            tlsCertificateSdsSecretConfigs: [identity],
            validationContextType: {
              case: 'combinedValidationContext',
              value: {
                defaultValidationContext: {
                  matchTypedSubjectAltNames: [
                    {
                      sanType: SubjectAltNameMatcher_SanType.URI,
                      matcher: {
                        matchPattern: { case: 'exact', value: 'spiffe://cluster.local/ns/default/sa/server' },
                      },
                    },
                  ],
                },
                validationContextSdsSecretConfig: trust,
              },
            },
          },
        }),
      },
      { name: 'plain', match: {} },
    ],
    ...change,
  });
  return packAny(ClusterSchema, message);
}

export function originalCluster(name: string): Any {
  return packAny(
    ClusterSchema,
    create(ClusterSchema, {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    }),
  );
}

export function assignment(name: string, ips: string[]): Any {
  const lbEndpoints = ips.map((ip) => ({
    hostIdentifier: { case: 'endpoint' as const, value: { address: address(ip, 8080) } },
    healthStatus: 1,
    metadata: {
      filterMetadata: {
        'envoy.transport_socket_match': { 'tulle.dev/mtls': 'true' },
        'tulle.dev': { workload: 'default/server', service_account: 'default/server' },
      },
    },
  }));
  return packAny(
    ClusterLoadAssignmentSchema,
    create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints: [{ lbEndpoints }] }),
  );
}

/** A self-signed root until the year 2126. */
export const rootsPem = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUOqQNe30yWDOTlLdXEQfUljc8PzkwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJdGVzdCByb290MCAXDTI2MTEyNTAxMzg1MloYDzIxMjYxMTAx
MDEzODUyWjAUMRIwEAYDVQQDDAl0ZXN0IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATdouwVD0kPEmZix74QPKLUv9byt8OLMxUhsKcg7+5pkzYPkf9zqeF+
McWknSUrBSHI4pUNcIg/wHE6p6Q8bmJBo1MwUTAdBgNVHQ4EFgQU2AT2+MzkHQ9r
8OcRsvhcR6VeYL4wHwYDVR0jBBgwFoAU2AT2+MzkHQ9r8OcRsvhcR6VeYL4wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAujpeyk3AtSTOTv7097GD
pLTPYYFGVCa8ICh5Twcwm/UCIB3CmDQFoveSODvGnSLA+TdA+4Lhs0x4SyoCJDkc
QrkY
-----END CERTIFICATE-----
`;

export function trustSecret(pem: string = rootsPem): Any {
  return packAny(
    SecretSchema,
    create(SecretSchema, {
      name: 'trust',
      type: { case: 'validationContext', value: { trustedCa: { specifier: { case: 'inlineString', value: pem } } } },
    }),
  );
}
