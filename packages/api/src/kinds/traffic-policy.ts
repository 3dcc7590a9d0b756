import { z } from 'zod';
import { duration } from '../schema/duration.js';
import { dnsLabel, ignored, portNumber, strict } from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

/** How clients behave towards a Service of the policy's own namespace. */
export interface TrafficPolicy {
  apiVersion: 'policy.tulle.dev/v1alpha1';
  kind: 'TrafficPolicy';
  metadata: ObjectMeta;
  spec: {
    targetRefs: TargetRef[];
    /**
     * Durations of the Gateway API; `0s` means no limit. `request` is of HTTP, from its start to the end of the answer. `idle` is of TCP: a
     * connection over which nothing goes for this long is closed.
     */
    timeouts: { request?: string; connect?: string; idle?: string };
    retries?: RetrySettings;
    circuitBreaker: { maxConnections?: number; maxPendingRequests?: number; maxRequests?: number };
    loadBalancer?: 'P2C' | 'RoundRobin' | 'LeastRequest';
  };
}

export interface TargetRef {
  kind: 'Service';
  name: string;
  /** Undefined: all ports. A policy for one port wins over one for all. */
  port?: number;
}

export interface RetrySettings {
  /** How often a request is sent again, the first time not counted. */
  attempts: number;
  on: RetryReason[];
  perTryTimeout?: string;
}

/**
 * `connect-failure`: no connection came about, so nothing was sent. `reset`: the connection ended before an answer. `5xx`: any such
 * answer, or none. `gateway-error`: 502, 503, 504. All but the first may repeat a request that the application has seen.
 */
export type RetryReason = 'connect-failure' | 'reset' | '5xx' | 'gateway-error';

/** Past this many, retries only add load to what is already failing. */
const MAX_ATTEMPTS = 10;

/** What an unsigned field of 32 bits in Envoy's Cluster can hold. */
const MAX_COUNT = 4_294_967_295;

const count = z.int().min(1).max(MAX_COUNT);

const connect = duration.refine((text) => /[1-9]/.test(text), {
  error: () => says('a connection attempt cannot go on forever', 'Write a duration above zero, such as 5s.'),
});

const retries: z.ZodType<RetrySettings> = strict({
  attempts: z.int().min(0).max(MAX_ATTEMPTS),
  on: z
    .array(z.enum(['connect-failure', 'reset', '5xx', 'gateway-error']))
    .min(1)
    .default(['connect-failure']),
  perTryTimeout: duration.optional(),
});

export const trafficPolicySchema: z.ZodType<TrafficPolicy> = strict({
  apiVersion: z.literal('policy.tulle.dev/v1alpha1'),
  kind: z.literal('TrafficPolicy'),
  metadata: metadataOf(),
  spec: strict({
    targetRefs: z
      .array(
        strict({
          group: z.literal('').optional(),
          kind: z.literal('Service'),
          name: dnsLabel,
          port: portNumber.optional(),
        }),
      )
      .min(1),
    timeouts: strict({ request: duration.optional(), connect: connect.optional(), idle: duration.optional() }).default(
      {},
    ),
    retries: retries.optional(),
    circuitBreaker: strict({
      maxConnections: count.optional(),
      maxPendingRequests: count.optional(),
      maxRequests: count.optional(),
    }).default({}),
    loadBalancer: z.enum(['P2C', 'RoundRobin', 'LeastRequest']).optional(),
  }),
  status: ignored,
});
