import {
  type BackendRef,
  durationMs,
  type HttpRoute,
  type HttpRouteRule,
  type ParentRef,
  type ParsedResource,
  type Path,
  type Problem,
  type ReferenceGrant,
} from '@tulle/api';
import type { PortInBuilding } from './building.js';
import { type Collected, keyOf } from './collect.js';
import type { ModelBackend, ModelPort, ModelRoute, ModelRule } from './model.js';
import { byPrecedence, type RankedRule } from './precedence.js';
import { isGranted, missingPort, missingService } from './reference.js';
import type { ServiceGraph } from './services.js';

/**
 * Binds the routes to the ports of Services: what a port's own namespace says goes to `producerRules`, what another says to the
 * clients in it to `consumerRules`. Both in order of precedence.
 */
export function bindRoutes(collected: Collected, graph: ServiceGraph): { routes: ModelRoute[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const bound = new Map<PortInBuilding, Map<string, RankedRule[]>>();
  const routes = collected.routes.map((parsed): ModelRoute => {
    const { namespace, name } = parsed.resource.metadata;
    const parents = parentPorts(parsed, graph, problems);
    const ranked = rankRules(parsed, { graph, grants: collected.grants, problems });
    for (const port of parents) {
      const byNamespace = bound.get(port) ?? new Map<string, RankedRule[]>();
      bound.set(port, byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), ...ranked]));
    }
    const names = [...parents].map((port) => `${port.namespace}/${port.service}:${port.port}`);
    return { namespace, name, parents: names, rules: parsed.resource.spec.rules.length };
  });
  for (const [port, byNamespace] of bound) {
    const consumers = new Map<string, readonly ModelRule[]>();
    for (const [namespace, ranked] of byNamespace) {
      const rules = ranked.sort(byPrecedence).map(({ rule }) => rule);
      if (namespace === port.namespace) port.producerRules = rules;
      else consumers.set(namespace, rules);
    }
    port.consumerRules = consumers;
  }
  return { routes, problems };
}

/** Each port once, though several references may mean it. */
function parentPorts(parsed: ParsedResource<HttpRoute>, graph: ServiceGraph, problems: Problem[]): Set<PortInBuilding> {
  const ports = new Set<PortInBuilding>();
  for (const [index, ref] of parsed.resource.spec.parentRefs.entries()) {
    const path = ['spec', 'parentRefs', index];
    const namespace = ref.namespace ?? parsed.resource.metadata.namespace;
    const service = graph.byKey.get(`${namespace}/${ref.name}`);
    if (service === undefined) {
      problems.push(missingService(parsed, [...path, 'name'], namespace, ref.name, graph));
      continue;
    }
    const meant = service.ports.filter((port) => means(ref, port));
    if (meant.length === 0) {
      const field = ref.port === undefined && ref.sectionName !== undefined ? 'sectionName' : 'port';
      problems.push(missingPort(parsed, [...path, field], service));
    }
    const named = ref.port !== undefined || ref.sectionName !== undefined;
    const http = meant.filter((port) => carriesHttp(port));
    if (http.length < meant.length && (named || http.length === 0)) {
      const opaque = meant.find((port) => !carriesHttp(port))!;
      problems.push(notHttp(parsed, path, opaque));
    }
    for (const port of http) ports.add(port);
  }
  return ports;
}

function means(ref: ParentRef, port: ModelPort): boolean {
  return (
    (ref.port === undefined || ref.port === port.port) &&
    (ref.sectionName === undefined || ref.sectionName === port.name)
  );
}

/** HTTP/2 is carried as it is, without being understood: nothing of it can be routed. */
function carriesHttp(port: ModelPort): boolean {
  return port.protocol === 'http' || port.protocol === 'auto';
}

function notHttp(parsed: ParsedResource<HttpRoute>, path: Path, port: ModelPort): Problem {
  const message = `port ${port.port} of Service ${port.namespace}/${port.service} carries ${port.protocol}, not HTTP/1.1`;
  return parsed.problemAt(
    path,
    message,
    'Name the port of the Service http or http-…, or set its appProtocol to http.',
  );
}

/** What backends are looked up in, and where it is told that they are not there. */
interface Binding {
  graph: ServiceGraph;
  grants: readonly ParsedResource<ReferenceGrant>[];
  problems: Problem[];
}

function rankRules(parsed: ParsedResource<HttpRoute>, binding: Binding): RankedRule[] {
  const route = parsed.resource;
  const created = Date.parse(route.metadata.creationTimestamp ?? '');
  const createdMs = Number.isNaN(created) ? Number.POSITIVE_INFINITY : created;
  return route.spec.rules.flatMap((rule, ruleIndex) => {
    const backends = rule.backendRefs.flatMap((ref, index) => {
      const port = backendPort(parsed, ref, ['spec', 'rules', ruleIndex, 'backendRefs', index], binding);
      return port === undefined ? [] : [{ port, weight: ref.weight }];
    });
    return rule.matches.map((match, matchIndex): RankedRule => {
      const name = `${keyOf(route)}/${ruleIndex}`;
      const built = { ...modelRule(name, rule, backends), match };
      return { rule: built, createdMs, route: keyOf(route), ruleIndex, matchIndex };
    });
  });
}

function modelRule(name: string, rule: HttpRouteRule, backends: ModelBackend[]): Omit<ModelRule, 'match'> {
  const { request, backendRequest } = rule.timeouts;
  return {
    name,
    filters: rule.filters,
    backends,
    requestTimeoutMs: request === undefined ? undefined : durationMs(request),
    backendRequestTimeoutMs: backendRequest === undefined ? undefined : durationMs(backendRequest),
  };
}

function backendPort(
  parsed: ParsedResource<HttpRoute>,
  ref: BackendRef,
  path: Path,
  { graph, grants, problems }: Binding,
): ModelPort | undefined {
  const own = parsed.resource.metadata.namespace;
  const namespace = ref.namespace ?? own;
  if (!isGranted(grants, own, namespace, ref.name)) {
    const message = `no ReferenceGrant in namespace ${namespace} lets HTTPRoutes of namespace ${own} name its Service ${ref.name}`;
    const remedy = `Add one there, or name a Service of namespace ${own}.`;
    problems.push(parsed.problemAt([...path, 'namespace'], message, remedy));
    return undefined;
  }
  const service = graph.byKey.get(`${namespace}/${ref.name}`);
  if (service === undefined) {
    problems.push(missingService(parsed, [...path, 'name'], namespace, ref.name, graph));
    return undefined;
  }
  const port = service.ports.find((candidate) => candidate.port === ref.port);
  if (port === undefined) problems.push(missingPort(parsed, [...path, 'port'], service));
  else if (!carriesHttp(port)) problems.push(notHttp(parsed, [...path, 'port'], port));
  return port;
}
