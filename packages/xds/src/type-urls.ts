/** What the type URL of a message starts with inside `google.protobuf.Any`. */
export const TYPE_URL_PREFIX = 'type.googleapis.com/';

/** The type URLs of the resources that xDS carries, under the short names of the xDS documentation. */
export const typeUrl = {
  cds: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  eds: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  sds: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  lds: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  rds: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
} as const;

export type XdsType = keyof typeof typeUrl;

/**
 * Make before break: a cluster is known before the endpoints in it, both before the listener or route that names it.
 * (xDS protocol, "Eventual consistency considerations".)
 */
export const XDS_PUSH_ORDER: readonly XdsType[] = ['cds', 'eds', 'sds', 'lds', 'rds'];

/** The short name of a resource type; undefined for a type that xDS carries but Tulle does not. */
export function xdsTypeOf(url: string): XdsType | undefined {
  return XDS_PUSH_ORDER.find((type) => typeUrl[type] === url);
}
