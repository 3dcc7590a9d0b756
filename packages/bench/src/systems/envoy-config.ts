import { join } from 'node:path';
import type { Address, ProxySpec, TlsEnd } from './system.js';

/** A static Envoy v3 configuration of one proxy: one listener, one cluster. Pure. */
export function envoyConfig(proxy: ProxySpec, features: 'bare' | 'mesh'): object {
  return {
    static_resources: {
      listeners: [listenerOf(proxy, features)],
      clusters: [clusterOf(proxy, features)],
    },
  };
}

const types = 'type.googleapis.com/envoy.extensions';

function listenerOf(proxy: ProxySpec, features: 'bare' | 'mesh'): object {
  const { listen, listenTls, protocol } = proxy;
  return {
    name: 'in',
    address: addressOf(listen),
    filter_chains: [
      {
        ...(listenTls === undefined ? {} : { transport_socket: downstreamTls(listenTls) }),
        filters: [protocol === 'http1' ? httpFilter(proxy, features) : tcpFilter(proxy, features)],
      },
    ],
  };
}

function httpFilter(proxy: ProxySpec, features: 'bare' | 'mesh'): object {
  const isMesh = features === 'mesh';
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'in',
      codec_type: 'HTTP1',
      ...(isMesh ? { access_log: [accessLog(proxy)] } : {}),
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              {
                match: { prefix: '/' },
                route: {
                  cluster: 'out',
                  timeout: '15s',
                  ...(isMesh
                    ? { retry_policy: { retry_on: 'connect-failure,refused-stream,reset', num_retries: 2 } }
                    : {}),
                },
              },
            ],
          },
        ],
      },
      http_filters: [
        ...(isMesh ? [{ name: 'envoy.filters.http.rbac', typed_config: rbac(proxy, 'http') }] : []),
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${types}.filters.http.router.v3.Router` },
        },
      ],
    },
  };
}

function tcpFilter(proxy: ProxySpec, features: 'bare' | 'mesh'): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${types}.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'in',
      cluster: 'out',
      ...(features === 'mesh' ? { access_log: [accessLog(proxy)] } : {}),
    },
  };
}

function accessLog({ folder }: ProxySpec): object {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: { '@type': `${types}.access_loggers.file.v3.FileAccessLog`, path: join(folder, 'access.log') },
  };
}

/** Allows the one client that there is: by its identity where TLS shows one. */
function rbac({ listenTls }: ProxySpec, layer: 'http'): object {
  const principal =
    listenTls === undefined ? { any: true } : { authenticated: { principal_name: { exact: listenTls.peerUri } } };
  return {
    '@type': `${types}.filters.${layer}.rbac.v3.RBAC`,
    rules: { action: 'ALLOW', policies: { client: { permissions: [{ any: true }], principals: [principal] } } },
  };
}

function clusterOf({ to, toTls, connections }: ProxySpec, features: 'bare' | 'mesh'): object {
  const limit = Math.max(1024, connections * 2);
  return {
    name: 'out',
    type: 'STATIC',
    connect_timeout: '10s',
    lb_policy: 'ROUND_ROBIN',
    circuit_breakers: {
      thresholds: [{ max_connections: limit, max_pending_requests: limit, max_requests: limit, max_retries: limit }],
    },
    ...(features === 'mesh' ? { outlier_detection: { consecutive_5xx: 5, interval: '10s' } } : {}),
    load_assignment: {
      cluster_name: 'out',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: addressOf(to) } }] }],
    },
    ...(toTls === undefined ? {} : { transport_socket: upstreamTls(toTls) }),
  };
}

function downstreamTls(tls: TlsEnd): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${types}.transport_sockets.tls.v3.DownstreamTlsContext`,
      require_client_certificate: true,
      disable_stateless_session_resumption: true,
      disable_stateful_session_resumption: true,
      common_tls_context: commonTls(tls),
    },
  };
}

function upstreamTls(tls: TlsEnd): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${types}.transport_sockets.tls.v3.UpstreamTlsContext`,
      sni: tls.peerName,
      max_session_keys: 0,
      common_tls_context: commonTls(tls),
    },
  };
}

function commonTls(tls: TlsEnd): object {
  return {
    // As a client Envoy offers TLS 1.2 at most unless the maximum is raised too.
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: tls.certificate }, private_key: { filename: tls.key } }],
    validation_context: {
      trusted_ca: { filename: tls.ca },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: tls.peerUri } }],
    },
  };
}

function addressOf({ host, port }: Address): object {
  return { socket_address: { address: host, port_value: port } };
}
