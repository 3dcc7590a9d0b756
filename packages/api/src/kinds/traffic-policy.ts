import { z } from 'zod';
import { durationMs } from '../facts/duration.js';
import { duration } from '../schema/duration.js';
import { dnsLabel, headerName, ignored, portNumber, strict } from '../schema/fields.js';
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
     * Durations of the Gateway API; `0s` means no limit. `request` is of HTTP, from its start to the end of the answer. `idle`: a connection of TCP, or a request,
     * over which nothing goes in either direction for this long is ended.
     */
    timeouts: { request?: string; connect?: string; idle?: string };
    retries?: RetrySettings;
    /** Of one client. `maxRetries`: requests that are sent again at a time; `retries.budget` says the same as a part. */
    circuitBreaker: { maxConnections?: number; maxPendingRequests?: number; maxRequests?: number; maxRetries?: number };
    /** `P2C`, the default: the less loaded of two by latency. `RingHash` and `Maglev` send what is equal in `hashOn` to the same endpoint. */
    loadBalancer?: LoadBalancer;
    hashOn?: HashOn;
    outlierDetection?: OutlierDetection;
  };
}

export type LoadBalancer = 'P2C' | 'RoundRobin' | 'LeastRequest' | 'RingHash' | 'Maglev';

/** What of a request is its key. One of the two. */
export interface HashOn {
  /** The value of this header field; requests without it go anywhere. HTTP only. */
  header?: string;
  /** The address that a client connects from: its pod's. */
  sourceAddress?: true;
}

/** Endpoints that keep failing are left out for a while. */
export interface OutlierDetection {
  /** Answers of 500 and above in a row, and failures to get one; 0: not looked at. */
  consecutive5xx: number;
  /** The same of 502, 503 and 504. */
  consecutiveGatewayErrors: number;
  /** Failures to connect, resets and timeouts in a row, which then count among the others no more. */
  consecutiveLocalOriginFailures?: number;
  /** How often it is looked whether an endpoint may come back. */
  interval: string;
  /** The first time out; each further one is longer by as much, up to the maximum. */
  baseEjectionTime: string;
  maxEjectionTime: string;
  /** Of all endpoints, out at a time. */
  maxEjectionPercent: number;
  /** With less than this share of the endpoints left, all are used. */
  panicThresholdPercent: number;
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
  /** The n-th wait is of random length, up to (2^n - 1) × base. */
  backOff?: { baseInterval: string; maxInterval?: string };
  /** Of the requests of one client to one port that are under way, so many may be such that are sent again. */
  budget?: { percent: number; minConcurrency: number };
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
const countOrNone = z.int().min(0).max(MAX_COUNT);
const percent = z.int().min(0).max(100);

/** @param what cannot be nothing or for ever. */
function positive(what: string): z.ZodType<string> {
  return duration.refine((text) => /[1-9]/.test(text), {
    error: () => says(what, 'Write a duration above zero, such as 5s.'),
  });
}

const connect = positive('a connection attempt cannot go on forever');

const retries: z.ZodType<RetrySettings> = strict({
  attempts: z.int().min(0).max(MAX_ATTEMPTS),
  on: z
    .array(z.enum(['connect-failure', 'reset', '5xx', 'gateway-error']))
    .min(1)
    .default(['connect-failure']),
  perTryTimeout: duration.optional(),
  backOff: strict({
    baseInterval: positive('a wait of nothing is none'),
    maxInterval: positive('a wait of nothing is none').optional(),
  })
    .refine(
      ({ baseInterval, maxInterval }) =>
        maxInterval === undefined || durationMs(maxInterval) >= durationMs(baseInterval),
      {
        error: () => says('maxInterval is less than baseInterval', 'Make it as long at least.'),
      },
    )
    .optional(),
  budget: strict({ percent: percent.default(20), minConcurrency: countOrNone.default(3) }).optional(),
});

/** Envoy's defaults, but for the share: of three endpoints a tenth would be none. */
const outlierDetection: z.ZodType<OutlierDetection> = strict({
  consecutive5xx: countOrNone.default(5),
  consecutiveGatewayErrors: countOrNone.default(0),
  consecutiveLocalOriginFailures: count.optional(),
  interval: positive('the time between two looks cannot be zero').default('10s'),
  baseEjectionTime: positive('an ejection for no time is none').default('30s'),
  maxEjectionTime: positive('an ejection for no time is none').default('5m'),
  maxEjectionPercent: percent.default(50),
  panicThresholdPercent: percent.default(50),
}).refine(
  ({ consecutive5xx, consecutiveGatewayErrors, consecutiveLocalOriginFailures = 0 }) =>
    consecutive5xx + consecutiveGatewayErrors + consecutiveLocalOriginFailures > 0,
  { error: () => says('nothing is looked at', 'Set consecutive5xx or another threshold above zero, or remove it.') },
);

const hashOn: z.ZodType<HashOn> = strict({
  header: headerName.optional(),
  sourceAddress: z.literal(true).optional(),
}).refine(({ header, sourceAddress }) => (header === undefined) !== (sourceAddress === undefined), {
  error: () => says('one of header and sourceAddress must be set', 'Say what is the key of a request, once.'),
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
      maxRetries: countOrNone.optional(),
    }).default({}),
    loadBalancer: z.enum(['P2C', 'RoundRobin', 'LeastRequest', 'RingHash', 'Maglev']).optional(),
    hashOn: hashOn.optional(),
    outlierDetection: outlierDetection.optional(),
  })
    .refine(({ loadBalancer, hashOn: key }) => key !== undefined || !isHashing(loadBalancer), {
      path: ['hashOn'],
      error: () =>
        says(
          'required field is missing',
          'Say what is the key of a request: {header: <name>} or {sourceAddress: true}.',
        ),
    })
    .refine(({ loadBalancer, hashOn: key }) => key === undefined || isHashing(loadBalancer), {
      path: ['hashOn'],
      error: () => says('nothing is hashed', 'Set loadBalancer to RingHash or Maglev, or remove it.'),
    })
    .refine(
      ({ circuitBreaker, retries: wanted }) => circuitBreaker.maxRetries === undefined || wanted?.budget === undefined,
      {
        path: ['circuitBreaker', 'maxRetries'],
        error: () => says('retries.budget says the same in another way', 'Remove one of the two.'),
      },
    ),
  status: ignored,
});

function isHashing(loadBalancer: LoadBalancer | undefined): boolean {
  return loadBalancer === 'RingHash' || loadBalancer === 'Maglev';
}
