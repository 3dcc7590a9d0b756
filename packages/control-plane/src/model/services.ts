import {
  assignClusterIps,
  type EndpointSlice,
  type ParsedResource,
  type Problem,
  type Service,
  serviceProtocol,
} from '@tulle/api';
import type { Building, PodInBuilding, PortInBuilding } from './building.js';
import { type Collected, keyOf } from './collect.js';
import { endpointsOf, slicesByService } from './endpoints.js';
import type { ModelPod, ModelService } from './model.js';
import type { PodGraph } from './pods.js';

export interface ServiceInBuilding extends Omit<Building<ModelService>, 'ports'> {
  ports: PortInBuilding[];
}

export interface ServiceGraph {
  services: ServiceInBuilding[];
  byKey: Map<string, ServiceInBuilding>;
  problems: Problem[];
}

export function buildServices(collected: Collected, pods: PodGraph): ServiceGraph {
  const graph: ServiceGraph = { services: [], byKey: new Map(), problems: sharedAddresses(collected.services) };
  const slices = slicesByService(collected.slices);
  for (const service of assignClusterIps(collected.services.map(({ resource }) => resource))) {
    const key = keyOf(service);
    const built = buildService(service, slices.get(key) ?? [], pods);
    graph.services.push(built);
    graph.byKey.set(key, built);
  }
  return graph;
}

function buildService(service: Service, slices: readonly EndpointSlice[], graph: PodGraph): ServiceInBuilding {
  const { metadata, spec } = service;
  const selected = graph.selected.get(keyOf(service)) ?? [];
  const ports = spec.ports
    .filter((port) => port.protocol === 'TCP')
    .map((port): PortInBuilding => {
      const endpoints = endpointsOf(slices, port.name ?? '', graph, spec.publishNotReadyAddresses);
      return {
        namespace: metadata.namespace,
        service: metadata.name,
        port: port.port,
        name: port.name,
        protocol: serviceProtocol(port),
        endpoints,
        serviceAccounts: serviceAccountsOf(
          selected,
          endpoints.map(({ pod }) => pod),
        ),
        producerRules: undefined,
        consumerRules: new Map(),
        traffic: {},
      };
    });
  const clusterIp = spec.clusterIP === 'None' ? undefined : spec.clusterIP;
  return { namespace: metadata.namespace, name: metadata.name, clusterIp, ports };
}

/** Also of pods that are not ready: a client must know whom to expect before the first connection to them. */
function serviceAccountsOf(selected: readonly PodInBuilding[], pods: readonly (ModelPod | undefined)[]): string[] {
  const accounts = new Set<string>();
  for (const pod of [...selected, ...pods]) if (pod?.injected) accounts.add(`${pod.namespace}/${pod.serviceAccount}`);
  return [...accounts].sort();
}

function sharedAddresses(services: readonly ParsedResource<Service>[]): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  for (const { resource, problemAt } of services) {
    const { clusterIP } = resource.spec;
    if (clusterIP === undefined || clusterIP === 'None') continue;
    const owner = owners.get(clusterIP);
    if (owner === undefined) owners.set(clusterIP, keyOf(resource));
    else {
      const message = `${clusterIP} is already the address of Service ${owner}`;
      problems.push(problemAt(['spec', 'clusterIP'], message, 'Remove clusterIP to have another address assigned.'));
    }
  }
  return problems;
}
