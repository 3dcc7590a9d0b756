import { create, type JsonObject } from '@bufbuild/protobuf';
import { type Node, NodeSchema } from './gen/envoy/config/core/v3/base_pb.js';

/** How connections come to the sidecar: the kernel redirects them, or the application dials the sidecar's own port. */
export type Interception = 'REDIRECT' | 'NONE';

/** What a sidecar says about itself in the first request of a stream. */
export interface NodeFacts {
  pod: string;
  namespace: string;
  serviceAccount: string;
  podIp: string;
  interception: Interception;
}

/** The keys of `Node.metadata`. */
export const nodeMetadata = {
  pod: 'POD',
  namespace: 'NAMESPACE',
  serviceAccount: 'SERVICE_ACCOUNT',
  podIp: 'POD_IP',
  interception: 'INTERCEPTION',
} as const;

/** `sidecar~<pod IP>~<pod>.<ns>~<ns>.svc.cluster.local`. */
export function nodeId(facts: NodeFacts): string {
  return `sidecar~${facts.podIp}~${facts.pod}.${facts.namespace}~${facts.namespace}.svc.cluster.local`;
}

/** @param version of the sidecar program, for people who look at what is connected. */
export function encodeNode(facts: NodeFacts, version: string): Node {
  return create(NodeSchema, {
    id: nodeId(facts),
    cluster: `${facts.serviceAccount}.${facts.namespace}`,
    userAgentName: 'tulle',
    userAgentVersionType: { case: 'userAgentVersion', value: version },
    metadata: {
      [nodeMetadata.pod]: facts.pod,
      [nodeMetadata.namespace]: facts.namespace,
      [nodeMetadata.serviceAccount]: facts.serviceAccount,
      [nodeMetadata.podIp]: facts.podIp,
      [nodeMetadata.interception]: facts.interception,
    },
  });
}

/** The longest name that Kubernetes has; nothing longer is kept or repeated in errors. */
const MAX_TEXT = 253;

/** Reads what a sidecar said of itself. The facts are claims: check them against the certificate of the connection. */
export function decodeNode(node: Node): { facts: NodeFacts } | { error: string } {
  const metadata: JsonObject = node.metadata ?? {};
  const text = (key: string): string => (typeof metadata[key] === 'string' ? metadata[key] : '');
  for (const key of Object.values(nodeMetadata)) {
    const { length } = text(key);
    if (length === 0) return { error: `node.metadata.${key}: missing or not a string` };
    if (length > MAX_TEXT) return { error: `node.metadata.${key}: longer than ${MAX_TEXT} characters` };
  }
  const interception = text(nodeMetadata.interception);
  if (interception !== 'REDIRECT' && interception !== 'NONE') {
    return { error: `node.metadata.${nodeMetadata.interception}: expected REDIRECT or NONE` };
  }
  const facts: NodeFacts = {
    pod: text(nodeMetadata.pod),
    namespace: text(nodeMetadata.namespace),
    serviceAccount: text(nodeMetadata.serviceAccount),
    podIp: text(nodeMetadata.podIp),
    interception,
  };
  return { facts };
}
