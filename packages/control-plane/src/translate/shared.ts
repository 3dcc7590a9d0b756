import { clusterName } from '@tulle/xds';
import type { Cluster } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { Listener } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import type { RouteConfiguration } from '@tulle/xds/gen/envoy/config/route/v3/route_pb.js';
import type { Secret } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { TrustBundle } from '../ca/trust.js';
import type { Model } from '../model/model.js';
import { carriageOf } from './carriage.js';
import { clustersOfPort, originalDestinationCluster } from './clusters.js';
import { loadAssignment } from './endpoints.js';
import type { Inbound } from './inbound.js';
import {
  addressListener,
  catchAllListener,
  type Dialled,
  dialledAddresses,
  headlessClusters,
  proxyListener,
} from './outbound.js';
import { addressRoutes, proxyRoutes, routesFor } from './route-configs.js';
import { trustSecret } from './secrets.js';

/** What all nodes of one model have in common, made once, and what single nodes need, made when it is first asked for. */
export class SharedResources {
  readonly trust: TrustBundle;
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** Of sidecars with interception. */
  readonly listeners: readonly Listener[];
  /** Of sidecars with interception: in addition to `clusters`. */
  readonly passthrough: Cluster = originalDestinationCluster(clusterName.passthrough);
  /** Of sidecars without interception. */
  readonly proxyListener: Listener;
  readonly secrets: readonly Secret[];
  /** By what a node is; see `translateFor`. */
  readonly inbound: Map<string, Inbound> = new Map();
  readonly #model: Model;
  readonly #dialled: readonly Dialled[];
  readonly #producerRoutes: ReadonlyMap<string, RouteConfiguration>;
  readonly #routes = new Map<string, readonly RouteConfiguration[]>();
  readonly #proxyRoutes = new Map<string, RouteConfiguration>();

  constructor(model: Model, trust: TrustBundle) {
    const { trustDomain } = trust;
    this.trust = trust;
    this.#model = model;
    this.#dialled = dialledAddresses(model);
    const ports = model.services.flatMap((service) => service.ports);
    const ofPorts = ports.map((port) => {
      const clusters = clustersOfPort(port, trustDomain);
      return { clusters, endpoints: clusters.map(({ name }) => loadAssignment(name, port.endpoints)) };
    });
    const all = [...ofPorts, ...this.#dialled.map((dialled) => headlessClusters(dialled, trustDomain))];
    this.clusters = byName(all.flatMap(({ clusters }) => clusters));
    this.endpoints = all.flatMap(({ endpoints }) => endpoints).sort((a, b) => order(a.clusterName, b.clusterName));
    const addresses = this.#dialled.map((dialled) => addressListener(dialled, model.paths));
    this.listeners = byName([catchAllListener(), ...addresses]);
    this.proxyListener = proxyListener(model.paths);
    // No namespace is called this: whatever has no rules of its own sees the producer's.
    this.#producerRoutes = new Map(this.#http().map((dialled) => [dialled.name, routesOf(dialled, '')]));
    this.secrets = [trustSecret(trust)];
  }

  /** The routes of sidecars with interception, for the clients of a namespace. */
  routesFor(namespace: string): readonly RouteConfiguration[] {
    const key = this.#model.consumerNamespaces.has(namespace) ? namespace : '';
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const routes = this.#http().map((dialled) =>
      dialled.port.consumerRules.has(key) ? routesOf(dialled, key) : this.#producerRoutes.get(dialled.name)!,
    );
    this.#routes.set(key, byName(routes));
    return routes;
  }

  /** The routes of sidecars without interception, for the clients of a namespace. */
  proxyRoutesFor(namespace: string): RouteConfiguration {
    const known = this.#proxyRoutes.get(namespace);
    if (known !== undefined) return known;
    const routes = proxyRoutes(this.#model, namespace);
    this.#proxyRoutes.set(namespace, routes);
    return routes;
  }

  #http(): Dialled[] {
    return this.#dialled.filter(({ port }) => carriageOf(port.protocol) !== 'tcp');
  }
}

function routesOf({ name, port, httpCluster }: Dialled, namespace: string): RouteConfiguration {
  return addressRoutes(name, routesFor(port, namespace, httpCluster));
}

export function byName<T extends { name: string }>(resources: T[]): T[] {
  return resources.sort((a, b) => order(a.name, b.name));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
