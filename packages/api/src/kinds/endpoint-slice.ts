import { z } from 'zod';
import { ignored, ignoring, ipAddress, nonEmpty, portNumber, strict } from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

/** The label that says which Service an EndpointSlice is for. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export interface EndpointSlice {
  apiVersion: 'discovery.k8s.io/v1';
  kind: 'EndpointSlice';
  metadata: ObjectMeta;
  addressType: 'IPv4' | 'IPv6';
  endpoints: SliceEndpoint[];
  ports: SlicePort[];
}

export interface SliceEndpoint {
  addresses: string[];
  conditions: { ready?: boolean; serving?: boolean; terminating?: boolean };
  targetRef?: { kind?: string; name?: string; namespace?: string };
}

export interface SlicePort {
  /** The name of the Service's port; empty for the only port of a Service that gave it no name. */
  name: string;
  protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Undefined: all ports, which no Service that a mesh serves means. */
  port?: number;
}

const condition = z
  .boolean()
  .nullish()
  .transform((value) => value ?? undefined);

const endpoint: z.ZodType<SliceEndpoint> = strict({
  addresses: z.array(ipAddress).min(1),
  conditions: strict({ ready: condition, serving: condition, terminating: condition }).prefault({}),
  targetRef: strict({
    kind: z.string().optional(),
    name: nonEmpty.optional(),
    namespace: nonEmpty.optional(),
    ...ignoring('apiVersion', 'uid', 'resourceVersion', 'fieldPath'),
  }).optional(),
  ...ignoring('hostname', 'nodeName', 'zone', 'hints', 'deprecatedTopology'),
});

const port: z.ZodType<SlicePort> = strict({
  name: z
    .string()
    .nullish()
    .transform((name) => name ?? ''),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: portNumber.optional(),
  appProtocol: ignored,
});

export const endpointSliceSchema: z.ZodType<EndpointSlice> = strict({
  apiVersion: z.literal('discovery.k8s.io/v1'),
  kind: z.literal('EndpointSlice'),
  metadata: metadataOf(),
  addressType: z.enum(['IPv4', 'IPv6'], {
    error: (issue) =>
      issue.input === 'FQDN'
        ? says('address type FQDN is not supported', 'List IP addresses, with addressType IPv4 or IPv6.')
        : undefined,
  }),
  endpoints: z.array(endpoint).default([]),
  ports: z.array(port).default([]),
});
