import { create } from '@bufbuild/protobuf';
import { hostPort, routeName } from '@tulle/xds';
import {
  type Route,
  type VirtualHost,
  VirtualHostSchema,
} from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import type { Model, ModelPort, ModelService } from '../model/model.js';
import { carriageOf } from './carriage.js';
import { defaultRoutes, ruleRoutes } from './rule-routes.js';

/** What the clients of a namespace see of a port: the rules of their own namespace alone, if it has any, else its producer's. */
export function routesFor(port: ModelPort, clientNamespace: string, defaultCluster?: string): Route[] {
  const rules = port.consumerRules.get(clientNamespace) ?? port.producerRules;
  if (rules === undefined) return defaultRoutes(port, defaultCluster);
  return rules.flatMap((rule) => ruleRoutes(rule, port));
}

/** The routes of one address that applications dial, whatever host they name. */
export function addressRoutes(name: string, routes: Route[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [create(VirtualHostSchema, { name, domains: ['*'], routes })],
  });
}

/** The routes of a sidecar that is dialled as an HTTP proxy: one virtual host for each Service port, found by the host. */
export function proxyRoutes(model: Model, clientNamespace: string): RouteConfiguration {
  const virtualHosts = model.services.flatMap((service) =>
    service.ports
      .filter((port) => carriageOf(port.protocol) !== 'tcp')
      .map((port) => proxyHost(service, port, clientNamespace)),
  );
  return create(RouteConfigurationSchema, { name: routeName.outboundProxy, virtualHosts });
}

/** What an `http` URL without a port means (RFC 9110 section 4.2.1). */
const DEFAULT_HTTP_PORT = 80;

function proxyHost(service: ModelService, port: ModelPort, clientNamespace: string): VirtualHost {
  const { namespace, name, clusterIp } = service;
  const qualified = `${name}.${namespace}`;
  const names = [qualified, `${qualified}.svc`, `${qualified}.svc.cluster.local`];
  if (namespace === clientNamespace) names.unshift(name);
  if (clusterIp !== undefined) names.push(clusterIp);
  const domains = names.flatMap((host) => {
    const withPort = hostPort(host, port.port);
    return port.port === DEFAULT_HTTP_PORT ? [host, withPort] : [withPort];
  });
  return create(VirtualHostSchema, {
    name: `${namespace}/${name}:${port.port}`,
    domains,
    routes: routesFor(port, clientNamespace),
  });
}
