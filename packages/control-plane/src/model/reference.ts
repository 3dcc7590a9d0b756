import { didYouMean, type ParsedResource, type Path, type Problem, type ReferenceGrant } from '@tulle/api';
import type { ServiceGraph, ServiceInBuilding } from './services.js';

/** A reference to a Service that is not in the configuration. */
export function missingService(
  parsed: ParsedResource,
  path: Path,
  namespace: string,
  name: string,
  graph: ServiceGraph,
): Problem {
  const names = graph.services.filter((service) => service.namespace === namespace).map((service) => service.name);
  const elsewhere = graph.services.find((service) => service.name === name);
  const near = didYouMean(name, names);
  let remedy = `Add a Service ${name} to namespace ${namespace}, or name one that is there.`;
  if (near !== undefined)
    remedy = `Did you mean \`${near}\`? Otherwise add a Service ${name} to namespace ${namespace}.`;
  else if (elsewhere !== undefined)
    remedy = `There is one in namespace ${elsewhere.namespace}: is that the one you mean?`;
  return parsed.problemAt(path, `there is no Service ${namespace}/${name}`, remedy);
}

/** A reference to a port that the Service has not. */
export function missingPort(parsed: ParsedResource, path: Path, service: ServiceInBuilding): Problem {
  const ports = service.ports.map((port) => (port.name === undefined ? `${port.port}` : `${port.port} (${port.name})`));
  const message = `Service ${service.namespace}/${service.name} has no such TCP port`;
  const remedy = ports.length > 0 ? `Use one of its ports: ${ports.join(', ')}.` : 'Add a TCP port to the Service.';
  return parsed.problemAt(path, message, remedy);
}

/** Whether a Service may be a backend of an HTTPRoute in that namespace: it is in the same, or a ReferenceGrant beside it says so. */
export function isGranted(
  grants: readonly ParsedResource<ReferenceGrant>[],
  from: string,
  namespace: string,
  name: string,
): boolean {
  if (from === namespace) return true;
  return grants.some(
    ({ resource: { metadata, spec } }) =>
      metadata.namespace === namespace &&
      spec.from.some((each) => isHttpRoute(each) && each.namespace === from) &&
      spec.to.some((each) => isService(each) && (each.name === undefined || each.name === name)),
  );
}

interface GroupKind {
  group: string;
  kind: string;
}

function isHttpRoute({ group, kind }: GroupKind): boolean {
  return group === 'gateway.networking.k8s.io' && kind === 'HTTPRoute';
}

function isService({ group, kind }: GroupKind): boolean {
  return (group === '' || group === 'core') && kind === 'Service';
}
