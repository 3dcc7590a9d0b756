import { type Problem, parseManifest } from '@tulle/api';
import { buildModel } from '../src/model/build.js';
import type { Model } from '../src/model/model.js';

/** The problems of folders, each given by the text of its one file. Files are named `0.yaml`, `1.yaml` and so on. */
export function problemsOf(...folders: string[]): readonly Problem[] {
  return result(folders).problems;
}

/** The model of folders that have no problem. */
export function modelOf(...folders: string[]): Model {
  const { model, problems } = result(folders);
  if (model === undefined) throw new Error(JSON.stringify(problems, null, 2));
  return model;
}

function result(folders: string[]) {
  const manifests = folders.map((text, index) => parseManifest(`${index}.yaml`, text));
  const problems = manifests.flatMap((manifest) => manifest.problems);
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 2));
  return buildModel(
    1,
    manifests.map(({ resources }) => resources),
  );
}

export function docs(...texts: string[]): string {
  return texts.join('\n---\n');
}

export const injectedNamespace =
  '{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {tulle.dev/inject: enabled}}}';

/** @param spec the inside of the Service's spec, in YAML's flow style. */
export function service(name: string, spec: string, namespace = 'default'): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: ${namespace}}, spec: {${spec}}}`;
}

export interface PodFacts {
  ip?: string;
  labels?: string;
  annotations?: string;
  ports?: string;
  serviceAccount?: string;
  namespace?: string;
}

export function pod(name: string, facts: PodFacts = {}): string {
  const { ip, labels = '', annotations = '', ports = '', serviceAccount = 'default', namespace = 'default' } = facts;
  return `{apiVersion: v1, kind: Pod,
    metadata: {name: ${name}, namespace: ${namespace}, labels: {${labels}}, annotations: {${annotations}}},
    spec: {serviceAccountName: ${serviceAccount}, containers: [{name: app, ports: [${ports}]}]},
    status: {${ip === undefined ? '' : `podIP: ${ip}`}}}`;
}

/** @param endpoints `<ip>` or `<ip>=<pod>`, and `!` behind for one that is not ready. */
export function slice(serviceName: string, port: string, endpoints: string[], suffix = 'a'): string {
  const items = endpoints.map((text) => {
    const [ip, podName] = text.replace('!', '').split('=');
    const target = podName === undefined ? '' : `, targetRef: {kind: Pod, name: ${podName}}`;
    return `{addresses: [${ip}], conditions: {ready: ${!text.endsWith('!')}}${target}}`;
  });
  return `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
    metadata: {name: ${serviceName}-${suffix}, labels: {kubernetes.io/service-name: ${serviceName}}},
    endpoints: [${items.join(', ')}], ports: [${port}]}`;
}

export interface RouteFacts {
  namespace?: string;
  /** Of the Service. */
  parentNamespace?: string;
  parentPort?: number;
  created?: string;
}

export function route(name: string, parent: string, rules: string, facts: RouteFacts = {}): string {
  const { namespace = 'default', parentNamespace, parentPort, created } = facts;
  const time = created === undefined ? '' : `, creationTimestamp: "${created}"`;
  const port = parentPort === undefined ? '' : `, port: ${parentPort}`;
  const where = parentNamespace === undefined ? '' : `, namespace: ${parentNamespace}`;
  return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: ${name}, namespace: ${namespace}${time}},
    spec: {parentRefs: [{group: "", kind: Service, name: ${parent}${where}${port}}], rules: [${rules}]}}`;
}

export function policy(
  kind: 'AuthorizationPolicy' | 'TrafficPolicy' | 'MeshPolicy',
  name: string,
  spec: string,
): string {
  return `{apiVersion: policy.tulle.dev/v1alpha1, kind: ${kind}, metadata: {name: ${name}}, spec: {${spec}}}`;
}
