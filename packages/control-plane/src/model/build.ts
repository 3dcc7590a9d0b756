import type { ParsedResource, Problem } from '@tulle/api';
import { collect } from './collect.js';
import { meshSettings } from './mesh.js';
import type { Model, ModelResult } from './model.js';
import { buildPods } from './pods.js';
import { bindRoutes } from './routes.js';
import { buildServices } from './services.js';
import { applyTraffic } from './traffic.js';

/**
 * Builds the graph of one state of the configuration, or says why it cannot be one. Pure.
 *
 * All or nothing: one reference that leads nowhere refuses the whole state, so that no half of a change is ever in force.
 * @param layers the resources of each folder, see `collect`.
 */
export function buildModel(generation: number, layers: readonly (readonly ParsedResource[])[]): ModelResult {
  const { collected, problems: duplicates } = collect(layers);
  const pods = buildPods(collected);
  const services = buildServices(collected, pods);
  const traffic = applyTraffic(collected, services);
  const { routes, problems: broken } = bindRoutes(collected, services);
  const mesh = meshSettings(collected);
  const problems = [
    ...duplicates,
    ...mesh.problems,
    ...pods.problems,
    ...services.problems,
    ...traffic,
    ...broken,
  ].sort(byPlace);
  if (problems.length > 0) return { model: undefined, problems };

  const model: Model = {
    generation,
    services: services.services,
    pods: pods.pods,
    routes,
    paths: mesh.paths,
    policies: collected.authorizationPolicies.map(({ resource }) => resource),
    consumerNamespaces: new Set(
      services.services.flatMap(({ ports }) => ports.flatMap((port) => [...port.consumerRules.keys()])),
    ),
    findPod: (namespace, name) => pods.byKey.get(`${namespace}/${name}`),
    findService: (namespace, name) => services.byKey.get(`${namespace}/${name}`),
  };
  return { model, problems: [] };
}

/** Problems in the order in which a person meets them in the files. */
export function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
