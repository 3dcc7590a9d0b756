/** How a cluster's endpoints are chosen, bounded and left out. @throws Refusal, each of these */
import type { CircuitBreakerConfig, ClusterConfig, OutlierDetectionConfig, RetryBudgetConfig } from '@tulle/proxy-core';
import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds_RetryBudget as RetryBudget,
} from '@tulle/xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js';
import { type Cluster, Cluster_LbPolicy as LbPolicy } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { OutlierDetection } from '@tulle/xds/gen/envoy/config/cluster/v3/outlier_detection_pb.js';
import type { Percent } from '@tulle/xds/gen/envoy/type/v3/percent_pb.js';
import { Refusal } from './refusal.js';
import { positiveMilliseconds } from './values.js';

/** What of a cluster decides how an endpoint is chosen. */
export type Balancing = Pick<
  ClusterConfig,
  'balancer' | 'leastRequest' | 'ringHash' | 'maglev' | 'outlierDetection' | 'panicThresholdPercent'
>;

/** The settings of each policy that has some. */
const configOf = {
  ringHashLbConfig: { field: 'ring_hash_lb_config', policy: LbPolicy.RING_HASH },
  maglevLbConfig: { field: 'maglev_lb_config', policy: LbPolicy.MAGLEV },
  leastRequestLbConfig: { field: 'least_request_lb_config', policy: LbPolicy.LEAST_REQUEST },
} as const;

export function balancing(cluster: Cluster, isOriginal: boolean): Balancing {
  const { lbPolicy, lbConfig, outlierDetection, commonLbConfig } = cluster;
  if (lbConfig.case !== undefined && lbConfig.case in configOf) {
    const { field, policy } = configOf[lbConfig.case as keyof typeof configOf];
    if (policy !== lbPolicy) throw new Refusal(field, `needs lb_policy ${LbPolicy[policy]}`);
  }
  if (outlierDetection !== undefined && isOriginal) throw new Refusal('outlier_detection', 'needs type EDS or STATIC');
  const panic = commonLbConfig?.healthyPanicThreshold;
  return {
    ...balancerOf(lbPolicy, lbConfig, isOriginal),
    ...(outlierDetection === undefined ? {} : { outlierDetection: outliers(outlierDetection, 'outlier_detection') }),
    // As in Envoy, what is behind the point does not count.
    ...(panic === undefined
      ? {}
      : { panicThresholdPercent: Math.floor(percent(panic, 'common_lb_config.healthy_panic_threshold')) }),
  };
}

function balancerOf(policy: LbPolicy, config: Cluster['lbConfig'], isOriginal: boolean): Balancing {
  switch (policy) {
    case LbPolicy.ROUND_ROBIN:
      return { balancer: 'round-robin' };
    case LbPolicy.LEAST_REQUEST: {
      // Two by latency, which is what two by requests under way are for; a number that is said is one of requests.
      const choiceCount = config.case === 'leastRequestLbConfig' ? config.value.choiceCount : undefined;
      if (choiceCount === undefined) return { balancer: 'p2c' };
      if (choiceCount < 2) throw new Refusal('least_request_lb_config.choice_count', 'must be at least 2');
      return { balancer: 'least-request', leastRequest: { choiceCount: bounded(choiceCount) } };
    }
    case LbPolicy.RING_HASH:
      return { balancer: 'ring-hash', ...(config.case === 'ringHashLbConfig' ? ringSizes(config.value) : {}) };
    case LbPolicy.MAGLEV: {
      const size = config.case === 'maglevLbConfig' ? config.value.tableSize : undefined;
      return { balancer: 'maglev', ...(size === undefined ? {} : { maglev: { tableSize: Number(size) } }) };
    }
    case LbPolicy.CLUSTER_PROVIDED:
      if (isOriginal) return { balancer: 'p2c' };
      throw new Refusal('lb_policy', 'CLUSTER_PROVIDED needs type ORIGINAL_DST');
    default:
      throw new Refusal('lb_policy', `${LbPolicy[policy] ?? policy} is not understood`);
  }
}

/** What the proxy makes at most; of a maximum beyond it no harm is done. */
const MAX_RING_SIZE = 65_536;

function ringSizes({
  minimumRingSize,
  maximumRingSize,
}: {
  minimumRingSize?: bigint | undefined;
  maximumRingSize?: bigint | undefined;
}): Pick<Balancing, 'ringHash'> {
  return {
    ringHash: {
      ...(minimumRingSize === undefined ? {} : { minimumRingSize: Number(minimumRingSize) }),
      ...(maximumRingSize === undefined ? {} : { maximumRingSize: Math.min(Number(maximumRingSize), MAX_RING_SIZE) }),
    },
  };
}

function outliers(detection: OutlierDetection, path: string): OutlierDetectionConfig {
  const { consecutive5xx, consecutiveGatewayFailure, interval, baseEjectionTime, maxEjectionTime } = detection;
  const { consecutiveLocalOriginFailure, maxEjectionPercent, alwaysEjectOneHost } = detection;
  const splits = detection.splitExternalLocalOriginErrors;
  const rates = ['enforcing_success_rate', ...(splits ? ['enforcing_local_origin_success_rate'] : [])];
  for (const field of rates) {
    const enforcing =
      field === 'enforcing_success_rate' ? detection.enforcingSuccessRate : detection.enforcingLocalOriginSuccessRate;
    // Envoy's default is 100, so that it must be said.
    if (enforcing !== 0) throw new Refusal(`${path}.${field}`, 'must be 0: success rates are not looked at');
  }
  const enforces = (value: number | undefined, unset: boolean, field: string): boolean => {
    if (value === undefined) return unset;
    if (value !== 0 && value !== 100) throw new Refusal(`${path}.${field}`, 'must be 0 or 100');
    return value === 100;
  };
  const errors = enforces(detection.enforcingConsecutive5xx, true, 'enforcing_consecutive_5xx');
  const gateway = enforces(
    detection.enforcingConsecutiveGatewayFailure,
    false,
    'enforcing_consecutive_gateway_failure',
  );
  const local = enforces(
    detection.enforcingConsecutiveLocalOriginFailure,
    true,
    'enforcing_consecutive_local_origin_failure',
  );
  const counted = (isEnforced: boolean, count: number | undefined): number =>
    isEnforced ? bounded(count ?? DEFAULT_COUNT) : 0;
  if (maxEjectionPercent !== undefined && maxEjectionPercent > 100)
    throw new Refusal(`${path}.max_ejection_percent`, 'must be at most 100');
  return {
    consecutive5xx: counted(errors, consecutive5xx),
    consecutiveGatewayFailure: counted(gateway, consecutiveGatewayFailure),
    ...(splits
      ? {
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailure: counted(local, consecutiveLocalOriginFailure),
        }
      : {}),
    ...(interval === undefined ? {} : { intervalMs: positiveMilliseconds(interval, `${path}.interval`) }),
    ...(baseEjectionTime === undefined
      ? {}
      : { baseEjectionTimeMs: positiveMilliseconds(baseEjectionTime, `${path}.base_ejection_time`) }),
    ...(maxEjectionTime === undefined
      ? {}
      : { maxEjectionTimeMs: positiveMilliseconds(maxEjectionTime, `${path}.max_ejection_time`) }),
    ...(maxEjectionPercent === undefined ? {} : { maxEjectionPercent }),
    ...(alwaysEjectOneHost === undefined ? {} : { alwaysEjectOneHost }),
  };
}

/** Of failures in a row, of each kind, where the number is not said. */
const DEFAULT_COUNT = 5;

export function breaker(breakers: CircuitBreakers | undefined): CircuitBreakerConfig | undefined {
  const thresholds = breakers?.thresholds ?? [];
  if (thresholds.length > 1) throw new Refusal('circuit_breakers.thresholds', 'has more than one');
  const [limits] = thresholds;
  if (limits === undefined) return undefined;
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries, retryBudget } = limits;
  return {
    ...(maxConnections === undefined ? {} : { maxConnections: atLeastOne(maxConnections, 'max_connections') }),
    ...(maxPendingRequests === undefined ? {} : { maxPendingRequests: bounded(maxPendingRequests) }),
    ...(maxRequests === undefined ? {} : { maxRequests: atLeastOne(maxRequests, 'max_requests') }),
    // As in Envoy, a budget comes before a number.
    ...(retryBudget !== undefined
      ? { retryBudget: budgetOf(retryBudget) }
      : maxRetries === undefined
        ? {}
        : { maxRetries: bounded(maxRetries) }),
  };
}

function budgetOf({ budgetPercent, minRetryConcurrency }: RetryBudget): RetryBudgetConfig {
  const path = 'circuit_breakers.thresholds[0].retry_budget.budget_percent';
  return {
    ...(budgetPercent === undefined ? {} : { budgetPercent: Math.round(percent(budgetPercent, path)) }),
    ...(minRetryConcurrency === undefined ? {} : { minRetryConcurrency: bounded(minRetryConcurrency) }),
  };
}

function percent({ value }: Percent, path: string): number {
  if (!(value >= 0 && value <= 100)) throw new Refusal(path, 'must be 0 to 100');
  return value;
}

function atLeastOne(value: number, field: string): number {
  if (value === 0) throw new Refusal(`circuit_breakers.thresholds[0].${field}`, 'must be more than 0');
  return bounded(value);
}

/** Envoy's own "no limit" is 2^32 - 1. */
function bounded(value: number): number {
  return Math.min(value, 0x7fff_ffff);
}
