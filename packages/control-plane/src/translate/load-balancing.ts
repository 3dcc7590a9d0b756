/** How a cluster's endpoints are chosen, bounded and left out: the fields of a Cluster that a TrafficPolicy fills. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { CircuitBreakersSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js';
import { type ClusterSchema, Cluster_LbPolicy as LbPolicy } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { OutlierDetectionSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/outlier_detection_pb.js';
import type { OutlierSettings, TrafficSettings } from '../model/model.js';
import {
  MAX_CONNECTIONS,
  MAX_PENDING_REQUESTS,
  MAX_REQUESTS,
  MIN_RETRY_CONCURRENCY,
  RETRY_BUDGET_PERCENT,
  UNLIMITED,
} from './limits.js';

type ClusterFields = Pick<
  Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>,
  'lbPolicy' | 'lbConfig' | 'outlierDetection' | 'commonLbConfig'
>;

/** The balancer, and who is left out. */
export function loadBalancing({ loadBalancer = 'P2C', outlierDetection }: TrafficSettings): ClusterFields {
  const common = outlierDetection && {
    outlierDetection: detection(outlierDetection),
    commonLbConfig: { healthyPanicThreshold: { value: outlierDetection.panicThresholdPercent } },
  };
  switch (loadBalancer) {
    case 'P2C':
      return { ...common, lbPolicy: LbPolicy.LEAST_REQUEST };
    case 'LeastRequest':
      // The number that Envoy takes unless told otherwise. Said, it tells a sidecar of ours to count requests and not to measure latency.
      return {
        ...common,
        lbPolicy: LbPolicy.LEAST_REQUEST,
        lbConfig: { case: 'leastRequestLbConfig', value: { choiceCount: 2 } },
      };
    case 'RoundRobin':
      return { ...common, lbPolicy: LbPolicy.ROUND_ROBIN };
    case 'RingHash':
      return { ...common, lbPolicy: LbPolicy.RING_HASH };
    case 'Maglev':
      return { ...common, lbPolicy: LbPolicy.MAGLEV };
  }
}

/** Envoy detects by success rates too unless that is switched off; a policy speaks of failures in a row only. */
function detection(settings: OutlierSettings): MessageInitShape<typeof OutlierDetectionSchema> {
  const { consecutive5xx, consecutiveGatewayErrors, consecutiveLocalOriginFailures } = settings;
  return {
    ...(consecutive5xx === 0 ? { enforcingConsecutive5xx: 0 } : { consecutive5xx }),
    ...(consecutiveGatewayErrors === 0
      ? {}
      : { consecutiveGatewayFailure: consecutiveGatewayErrors, enforcingConsecutiveGatewayFailure: 100 }),
    enforcingSuccessRate: 0,
    ...(consecutiveLocalOriginFailures === undefined
      ? {}
      : {
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailure: consecutiveLocalOriginFailures,
          enforcingLocalOriginSuccessRate: 0,
        }),
    interval: durationFromMs(settings.intervalMs),
    baseEjectionTime: durationFromMs(settings.baseEjectionTimeMs),
    maxEjectionTime: durationFromMs(settings.maxEjectionTimeMs),
    maxEjectionPercent: settings.maxEjectionPercent,
  };
}

/** What one sidecar may ask of one Service port. */
export function circuitBreakers(traffic: TrafficSettings): MessageInitShape<typeof CircuitBreakersSchema> {
  const { retries, maxRetries } = traffic;
  const budget = retries?.budget ?? { percent: RETRY_BUDGET_PERCENT, minConcurrency: MIN_RETRY_CONCURRENCY };
  return {
    thresholds: [
      {
        maxConnections: traffic.maxConnections ?? MAX_CONNECTIONS,
        maxPendingRequests: traffic.maxPendingRequests ?? MAX_PENDING_REQUESTS,
        maxRequests: traffic.maxRequests ?? MAX_REQUESTS,
        ...(maxRetries === undefined
          ? { retryBudget: { budgetPercent: { value: budget.percent }, minRetryConcurrency: budget.minConcurrency } }
          : { maxRetries }),
      },
    ],
  };
}

/** Towards the application itself nothing is bounded: its clients' sidecars are, and who else calls has a right to be heard by it. */
export function noCircuitBreaker(): MessageInitShape<typeof CircuitBreakersSchema> {
  const limits = { maxConnections: UNLIMITED, maxPendingRequests: UNLIMITED, maxRequests: UNLIMITED };
  return { thresholds: [limits] };
}
