/** Names that both planes must spell alike: resources, ports, ALPN protocols, metadata keys. */

/** Ports of a sidecar. */
export const port = {
  /** Where redirected outbound connections arrive. */
  outbound: 15001,
  /** The HTTP proxy of a pod without interception. */
  outboundProxy: 15002,
  /** Where redirected inbound connections arrive. */
  inbound: 15006,
  admin: 15000,
  metrics: 15020,
  health: 15021,
} as const;

/** Ports of the control plane. */
export const controlPlanePort = { ads: 15012, certificates: 15013, admin: 15014 } as const;

/** ALPN protocols inside mesh TLS: what the decrypted bytes are. */
export const alpn = { http1: 'tulle-http/1.1', tcp: 'tulle-tcp' } as const;

/** Application protocols that the HTTP inspector finds in plain connections, as a filter chain match spells them. */
export const detectedHttp: readonly string[] = ['http/1.0', 'http/1.1', 'h2c'];

/** Names of secrets: the sidecar's own certificate and key (which it has itself), and the roots (served over ADS). */
export const secretName = { identity: 'identity', trust: 'trust' } as const;

/** Keys of endpoint metadata (`filter_metadata`). */
export const endpointMetadata = {
  /** Envoy chooses the transport socket of a cluster by this namespace. */
  socketMatch: 'envoy.transport_socket_match',
  mtls: 'tulle.dev/mtls',
  tulle: 'tulle.dev',
  /** In `tulle.dev`: `<namespace>/<pod>`. */
  workload: 'workload',
  /** In `tulle.dev`: `<namespace>/<service account>`. */
  serviceAccount: 'service_account',
} as const;

/** Names of a cluster's transport socket matches. */
export const socketMatchName = { mesh: 'mesh', plain: 'plain' } as const;

export const listenerName = {
  outbound: 'outbound',
  outboundProxy: 'outbound-proxy',
  inbound: 'inbound',
  /** The listener and its route configuration of one address that applications dial: `outbound/10.96.0.5:80`. */
  outboundAddress: (ip: string, portNumber: number): string => `outbound/${hostPort(ip, portNumber)}`,
  inboundPort: (portNumber: number): string => `inbound/${portNumber}`,
} as const;

/** A route configuration is named as the listener that uses it. */
export const routeName = {
  outboundProxy: 'outbound-proxy',
  outboundAddress: (ip: string, portNumber: number): string => listenerName.outboundAddress(ip, portNumber),
  inboundPort: (portNumber: number): string => listenerName.inboundPort(portNumber),
} as const;

export const clusterName = {
  passthrough: 'passthrough',
  inboundPassthrough: 'inbound-passthrough',
  outbound: (namespace: string, service: string, portNumber: number): string =>
    `outbound/${namespace}/${service}/${portNumber}`,
  /** Beside `outbound`, for a port whose protocol is not declared: the connections that turned out not to be HTTP. */
  outboundTcp: (namespace: string, service: string, portNumber: number): string =>
    `outbound/${namespace}/${service}/${portNumber}/tcp`,
  inboundPort: (portNumber: number): string => `inbound/${portNumber}`,
} as const;

/** Names of Envoy's filters and sockets, which are for people: it is the type of their configuration that decides. */
export const filterName = {
  httpConnectionManager: 'envoy.filters.network.http_connection_manager',
  tcpProxy: 'envoy.filters.network.tcp_proxy',
  networkRbac: 'envoy.filters.network.rbac',
  httpRbac: 'envoy.filters.http.rbac',
  router: 'envoy.filters.http.router',
  httpInspector: 'envoy.filters.listener.http_inspector',
  tlsInspector: 'envoy.filters.listener.tls_inspector',
  originalDestination: 'envoy.filters.listener.original_dst',
  tls: 'envoy.transport_sockets.tls',
  rawBuffer: 'envoy.transport_sockets.raw_buffer',
  httpProtocolOptions: 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
} as const;

/** `10.0.0.1:80`, `[::1]:80`. */
export function hostPort(ip: string, portNumber: number): string {
  return ip.includes(':') ? `[${ip}]:${portNumber}` : `${ip}:${portNumber}`;
}

/** The pattern of a RegexMatchAndSubstitute that replaces a path as a whole, whatever matched: Envoy has no other field for it. */
export const WHOLE_PATH = '^/.*$';
