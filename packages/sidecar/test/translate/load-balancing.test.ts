import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type CircuitBreakers, CircuitBreakersSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/circuit_breaker_pb';
import { ClusterSchema, Cluster_LbPolicy as LbPolicy } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb';
import t from 'tap';
import { type Balancing, balancing, breaker } from '../../src/translate/load-balancing.js';

type Init = Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>;

function read(init: Init, isOriginal = false): Balancing | string {
  try {
    return balancing(create(ClusterSchema, init as MessageInitShape<typeof ClusterSchema>), isOriginal);
  } catch (error) {
    return String((error as Error).message);
  }
}

t.test('each policy with its settings', async (t) => {
  const { ROUND_ROBIN, LEAST_REQUEST, RING_HASH, MAGLEV, RANDOM, CLUSTER_PROVIDED } = LbPolicy;
  const ring = (value: { minimumRingSize?: bigint; maximumRingSize?: bigint }): Init => ({
    lbPolicy: RING_HASH,
    lbConfig: { case: 'ringHashLbConfig', value },
  });
  const cases: [Init, Balancing | string][] = [
    [{ lbPolicy: ROUND_ROBIN }, { balancer: 'round-robin' }],
    [{ lbPolicy: LEAST_REQUEST }, { balancer: 'p2c' }],
    [
      { lbPolicy: LEAST_REQUEST, lbConfig: { case: 'leastRequestLbConfig', value: { choiceCount: 5 } } },
      { balancer: 'least-request', leastRequest: { choiceCount: 5 } },
    ],
    [
      { lbPolicy: LEAST_REQUEST, lbConfig: { case: 'leastRequestLbConfig', value: { choiceCount: 1 } } },
      'least_request_lb_config.choice_count: must be at least 2',
    ],
    [{ lbPolicy: RING_HASH }, { balancer: 'ring-hash' }],
    [
      ring({ minimumRingSize: 8n, maximumRingSize: 8_388_608n }),
      { balancer: 'ring-hash', ringHash: { minimumRingSize: 8, maximumRingSize: 65_536 } },
    ],
    [{ lbPolicy: MAGLEV }, { balancer: 'maglev' }],
    [
      { lbPolicy: MAGLEV, lbConfig: { case: 'maglevLbConfig', value: { tableSize: 251n } } },
      { balancer: 'maglev', maglev: { tableSize: 251 } },
    ],
    [{ ...ring({}), lbPolicy: MAGLEV }, 'ring_hash_lb_config: needs lb_policy RING_HASH'],
    [{ lbPolicy: RANDOM }, 'lb_policy: RANDOM is not understood'],
    [{ lbPolicy: CLUSTER_PROVIDED }, 'lb_policy: CLUSTER_PROVIDED needs type ORIGINAL_DST'],
  ];
  for (const [init, expected] of cases) t.same(read(init), expected);
});

t.test(
  'outlier detection: what is not said is Envoy’s default, and what is not done must be switched off',
  async (t) => {
    const off = { enforcingSuccessRate: 0 };
    const cases: [NonNullable<Init['outlierDetection']>, object | string][] = [
      [off, { consecutive5xx: 5, consecutiveGatewayFailure: 0 }],
      [
        { ...off, enforcingConsecutive5xx: 0, enforcingConsecutiveGatewayFailure: 100, consecutiveGatewayFailure: 2 },
        { consecutive5xx: 0, consecutiveGatewayFailure: 2 },
      ],
      [
        { ...off, splitExternalLocalOriginErrors: true, enforcingLocalOriginSuccessRate: 0 },
        {
          consecutive5xx: 5,
          consecutiveGatewayFailure: 0,
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailure: 5,
        },
      ],
      [
        { ...off, interval: durationFromMs(1), maxEjectionPercent: 0, alwaysEjectOneHost: true },
        {
          consecutive5xx: 5,
          consecutiveGatewayFailure: 0,
          intervalMs: 1,
          maxEjectionPercent: 0,
          alwaysEjectOneHost: true,
        },
      ],
      [{}, 'outlier_detection.enforcing_success_rate: must be 0: success rates are not looked at'],
      [
        { ...off, splitExternalLocalOriginErrors: true },
        'outlier_detection.enforcing_local_origin_success_rate: must be 0: success rates are not looked at',
      ],
      [{ ...off, enforcingConsecutive5xx: 50 }, 'outlier_detection.enforcing_consecutive_5xx: must be 0 or 100'],
      [{ ...off, maxEjectionPercent: 101 }, 'outlier_detection.max_ejection_percent: must be at most 100'],
      [{ ...off, baseEjectionTime: durationFromMs(0) }, 'outlier_detection.base_ejection_time: must be more than 0'],
    ];
    for (const [outlierDetection, expected] of cases) {
      const found = read({ outlierDetection });
      t.same(typeof found === 'string' ? found : found.outlierDetection, expected);
    }
    t.equal(
      read({ outlierDetection: off, lbPolicy: LbPolicy.CLUSTER_PROVIDED }, true),
      'outlier_detection: needs type EDS or STATIC',
    );
  },
);

t.test('the panic threshold is a whole percentage', async (t) => {
  const panic = (value: number) => read({ commonLbConfig: { healthyPanicThreshold: { value } } });
  t.match(panic(33.9), { panicThresholdPercent: 33 });
  t.match(panic(0), { panicThresholdPercent: 0 });
  t.equal(panic(101), 'common_lb_config.healthy_panic_threshold: must be 0 to 100');
});

t.test('a retry budget comes before a number of retries', async (t) => {
  type Thresholds = Exclude<MessageInitShape<typeof CircuitBreakersSchema>, CircuitBreakers>['thresholds'];
  const of = (thresholds: Thresholds) => breaker(create(CircuitBreakersSchema, { thresholds }));
  t.same(of([{ maxRetries: 3 }]), { maxRetries: 3 });
  t.same(of([{ maxRetries: 3, retryBudget: {} }]), { retryBudget: {} });
  t.same(of([{ retryBudget: { budgetPercent: { value: 12.5 }, minRetryConcurrency: 0 } }]), {
    retryBudget: { budgetPercent: 13, minRetryConcurrency: 0 },
  });
  t.throws(() => of([{ retryBudget: { budgetPercent: { value: 200 } } }]), /budget_percent: must be 0 to 100/);
});
