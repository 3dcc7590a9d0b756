import { type DescMessage, type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import { registry } from '@tulle/xds';
import type { TrustBundle } from '../../src/ca/trust.js';
import type { Model } from '../../src/model/model.js';
import { type NodeIdentity, type NodeResources, translateFor } from '../../src/translate/resources.js';
import { docs, injectedNamespace, pod, service, slice } from '../manifests.js';

export const trust: TrustBundle = { trustDomain: 'cluster.local', rootsPem: 'ROOTS', generation: 1 };

/** A Service `web` with a mesh pod `a` (8080) and a plain pod `b`, and a client pod. */
export const shop: string = docs(
  injectedNamespace,
  service('web', 'clusterIP: 10.96.0.5, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]'),
  pod('a', { ip: '10.0.0.1', labels: 'app: web', ports: '{containerPort: 8080}', serviceAccount: 'web' }),
  pod('b', { ip: '10.0.0.2', labels: 'app: web, tulle.dev/inject: disabled', serviceAccount: 'plain' }),
  pod('client', { ip: '10.0.0.9', serviceAccount: 'client' }),
  slice('web', '{name: http, port: 8080}', ['10.0.0.1=a', '10.0.0.2=b']),
);

export function translated(model: Model, facts: Partial<NodeIdentity> = {}): NodeResources {
  const node = { pod: 'client', namespace: 'default', serviceAccount: 'client', podIp: '10.0.0.9' };
  return translateFor(model, { ...node, interception: 'redirect', ...facts }, trust);
}

/** A resource as its JSON, in which what is in an Any can be read. */
export function json(message: Message): JsonValue {
  return toJson(registry.getMessage(message.$typeName) as DescMessage, message, { registry });
}

export function named<T extends { name: string }>(resources: readonly T[], name: string): T {
  const found = resources.find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${resources.map((it) => it.name).join(', ')}`);
  return found;
}

/** All values under a key, however deep. */
export function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => (name === key ? [child] : valuesOf(child, key)));
}
