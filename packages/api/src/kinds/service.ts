import { z } from 'zod';
import {
  dnsLabel,
  ignored,
  ignoring,
  ipAddress,
  nonEmpty,
  portName,
  portNumber,
  strict,
  stringMap,
  unsupported,
} from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

export interface Service {
  apiVersion: 'v1';
  kind: 'Service';
  metadata: ObjectMeta;
  spec: ServiceSpec;
}

export interface ServiceSpec {
  type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  /** `None`: a headless Service. Undefined: none was assigned yet, see `assignClusterIps`. */
  clusterIP?: string;
  /** Undefined: somebody else writes its EndpointSlices. */
  selector?: Record<string, string>;
  ports: ServicePort[];
  publishNotReadyAddresses: boolean;
}

export interface ServicePort {
  /** Undefined only where the Service has a single port. */
  name?: string;
  protocol: 'TCP' | 'UDP' | 'SCTP';
  port: number;
  /** The number, or the name of a port of the pod's containers. Undefined: as `port`. */
  targetPort?: number | string;
  appProtocol?: string;
}

const servicePort: z.ZodType<ServicePort> = strict({
  name: dnsLabel.optional(),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: portNumber,
  targetPort: z
    .union([portNumber, portName], {
      error: () =>
        says('targetPort is neither a port number nor the name of a port', 'Write 8080, or a name such as http.'),
    })
    .optional(),
  appProtocol: nonEmpty.optional(),
  nodePort: ignored,
});

const clusterIP: z.ZodType<string> = z.union([z.literal('None'), z.literal(''), ipAddress], {
  error: () => says('clusterIP is neither an IP address nor None', 'Remove it to have one assigned, or write None.'),
});

const spec = strict({
  type: z
    .enum(['ClusterIP', 'NodePort', 'LoadBalancer'], {
      error: (issue) =>
        issue.input === 'ExternalName'
          ? says(
              'Services of type ExternalName are not supported',
              'Remove it: applications can dial the external name.',
            )
          : undefined,
    })
    .default('ClusterIP'),
  clusterIP: clusterIP.optional(),
  selector: stringMap.optional(),
  ports: z.array(servicePort).min(1),
  publishNotReadyAddresses: z.boolean().default(false),
  sessionAffinity: z
    .literal('None', {
      error: () =>
        says('session affinity is not supported', 'Remove sessionAffinity: the mesh balances every request.'),
    })
    .optional(),
  internalTrafficPolicy: z
    .literal('Cluster', {
      error: () => says('only internalTrafficPolicy Cluster is supported', 'Remove it: the mesh uses all endpoints.'),
    })
    .optional(),
  externalName: unsupported('externalName', 'Remove it: applications can dial the external name.'),
  // What concerns addresses from outside the cluster, and what the API server fills in.
  ...ignoring(
    'clusterIPs',
    'ipFamilies',
    'ipFamilyPolicy',
    'externalIPs',
    'externalTrafficPolicy',
    'loadBalancerIP',
    'loadBalancerClass',
    'loadBalancerSourceRanges',
    'allocateLoadBalancerNodePorts',
    'healthCheckNodePort',
    'sessionAffinityConfig',
    'trafficDistribution',
  ),
}).superRefine((value, context) => {
  const names = new Set<string | undefined>();
  const numbers = new Set<string>();
  for (const [index, port] of value.ports.entries()) {
    const path = ['ports', index];
    if (value.ports.length > 1 && port.name === undefined) {
      const message = says('a port of a Service with several ports needs a name', 'Add a name, such as http.');
      context.addIssue({ code: 'custom', path, message });
    } else if (names.has(port.name)) {
      const message = says(`the name ${port.name} is used twice`, 'Give each port a name of its own.');
      context.addIssue({ code: 'custom', path: [...path, 'name'], message });
    }
    names.add(port.name);
    const number = `${port.protocol} ${port.port}`;
    if (numbers.has(number)) {
      const message = says(`port ${number} is listed twice`, 'Remove one of the two.');
      context.addIssue({ code: 'custom', path: [...path, 'port'], message });
    }
    numbers.add(number);
  }
});

export const serviceSchema: z.ZodType<Service> = strict({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: metadataOf(dnsLabel),
  spec: spec.transform((value) => ({ ...value, clusterIP: value.clusterIP || undefined })),
  status: ignored,
});
