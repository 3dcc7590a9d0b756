/** What a person writes in a TrafficPolicy, as the proxy of a client is told it: through the control plane's translation and the sidecar's. */
import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { checkConfig, type ProxyConfig, type RouteActionConfig } from '@tulle/proxy-core';
import { packAny, registry } from '@tulle/xds';
import t from 'tap';
import { docs, modelOf, policy, service } from '../../../control-plane/test/manifests.js';
import { shop, translated } from '../../../control-plane/test/translate/translated.js';
import { assemble, type OwnFacts } from '../../src/translate/proxy-config.js';
import { ResourceStore } from '../../src/xds/resource-store.js';

const pem = '-----BEGIN ';
const facts: OwnFacts = {
  trustDomain: 'cluster.local',
  podIp: '10.0.0.9',
  isRedirected: true,
  outboundProxy: undefined,
  accessLog: { target: 'off', format: 'json' },
  identity: { certificateChainPem: pem, privateKeyPem: pem, trustPem: pem },
};

function packed(messages: readonly Message[]) {
  return messages.map((message) => {
    const schema = registry.getMessage(message.$typeName) as DescMessage;
    return packAny(schema, create(schema, message as never));
  });
}

/** The proxy's configuration under TrafficPolicies with these specs, each for Service `web` of HTTP or `db` of TCP. */
function proxied(...specs: [target: 'web' | 'db', spec: string][]): ProxyConfig {
  const db = service('db', 'clusterIP: 10.96.0.7, ports: [{name: tcp, port: 5432}]');
  const policies = specs.map(([target, spec], i) =>
    policy('TrafficPolicy', `p${i}`, `targetRefs: [{kind: Service, name: ${target}}], ${spec}`),
  );
  const resources = translated(modelOf(docs(shop, db, ...policies)));
  const store = new ResourceStore();
  // The roots came with the certificate.
  const sent = {
    cds: resources.clusters,
    lds: resources.listeners,
    eds: resources.endpoints,
    rds: resources.routes,
  };
  for (const type of ['cds', 'lds', 'eds', 'rds'] as const) {
    const refusals = store.accept(type, '1', packed(sent[type]));
    if (refusals.length > 0) throw new Error(refusals.join('\n'));
  }
  const assembled = assemble(store.parts(), facts, store);
  if ('missing' in assembled) throw new Error(`missing ${assembled.missing}`);
  checkConfig(assembled.config);
  return assembled.config;
}

function clusterOf(config: ProxyConfig, name: string) {
  const found = config.clusters.find((cluster) => cluster.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  const { balancer, leastRequest, outlierDetection, panicThresholdPercent, circuitBreaker, connectTimeoutMs } = found;
  return { balancer, leastRequest, outlierDetection, panicThresholdPercent, circuitBreaker, connectTimeoutMs };
}

function actionOf(config: ProxyConfig): Extract<RouteActionConfig, { kind: 'forward' }> {
  const table = config.routes.find(({ name }) => name === 'outbound/10.96.0.5:80');
  const action = table?.virtualHosts[0].routes[0].action;
  if (action?.kind !== 'forward') throw new Error('no forward action');
  return action;
}

const web = 'outbound/default/web/80';

t.test('without a policy: careful defaults', async (t) => {
  const config = proxied();
  t.same(clusterOf(config, web), {
    balancer: 'p2c',
    leastRequest: undefined,
    outlierDetection: undefined,
    panicThresholdPercent: undefined,
    circuitBreaker: {
      maxConnections: 10_000,
      maxPendingRequests: 1_024,
      maxRequests: 10_000,
      retryBudget: { budgetPercent: 20, minRetryConcurrency: 16 },
    },
    connectTimeoutMs: 5_000,
  });
  const { retry, timeoutMs, idleTimeoutMs, hashPolicy } = actionOf(config);
  t.same(
    [retry, timeoutMs, idleTimeoutMs, hashPolicy],
    [{ attempts: 2, on: ['connect-failure'] }, 0, undefined, undefined],
  );
});

t.test('everything that a policy can say of HTTP reaches the proxy', async (t) => {
  const config = proxied([
    'web',
    `timeouts: {request: 10s, connect: 1s, idle: 1m},
     retries: {attempts: 3, on: [reset, 5xx], perTryTimeout: 2s, backOff: {baseInterval: 10ms, maxInterval: 1s}, budget: {percent: 30, minConcurrency: 5}},
     circuitBreaker: {maxConnections: 7, maxPendingRequests: 8, maxRequests: 9},
     loadBalancer: RingHash, hashOn: {header: X-User},
     outlierDetection: {consecutive5xx: 3, consecutiveGatewayErrors: 2, consecutiveLocalOriginFailures: 4, interval: 1s, baseEjectionTime: 2s,
       maxEjectionTime: 20s, maxEjectionPercent: 40, panicThresholdPercent: 30}`,
  ]);
  t.same(clusterOf(config, web), {
    balancer: 'ring-hash',
    leastRequest: undefined,
    outlierDetection: {
      consecutive5xx: 3,
      consecutiveGatewayFailure: 2,
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: 4,
      intervalMs: 1_000,
      baseEjectionTimeMs: 2_000,
      maxEjectionTimeMs: 20_000,
      maxEjectionPercent: 40,
    },
    panicThresholdPercent: 30,
    circuitBreaker: {
      maxConnections: 7,
      maxPendingRequests: 8,
      maxRequests: 9,
      retryBudget: { budgetPercent: 30, minRetryConcurrency: 5 },
    },
    connectTimeoutMs: 1_000,
  });
  const { retry, timeoutMs, idleTimeoutMs, hashPolicy } = actionOf(config);
  t.same(retry, {
    attempts: 3,
    on: ['reset', '5xx'],
    perTryTimeoutMs: 2_000,
    backOff: { baseIntervalMs: 10, maxIntervalMs: 1_000 },
  });
  t.same([timeoutMs, idleTimeoutMs], [10_000, 60_000]);
  t.same(hashPolicy, [{ kind: 'header', name: 'X-User' }]);
});

t.test('each balancer by its name', async (t) => {
  for (const [loadBalancer, balancer] of [
    ['P2C', 'p2c'],
    ['LeastRequest', 'least-request'],
    ['RoundRobin', 'round-robin'],
    ['RingHash, hashOn: {sourceAddress: true}', 'ring-hash'],
    ['Maglev, hashOn: {sourceAddress: true}', 'maglev'],
  ])
    t.equal(clusterOf(proxied(['web', `loadBalancer: ${loadBalancer}`]), web).balancer, balancer);
});

t.test('what a policy says of opaque connections', async (t) => {
  const config = proxied([
    'db',
    'timeouts: {idle: 0s}, loadBalancer: Maglev, hashOn: {sourceAddress: true}, circuitBreaker: {maxRetries: 0}',
  ]);
  const chain = config.listeners
    .flatMap(({ chains }) => chains)
    .find(({ tcp }) => tcp?.clusters[0].cluster === 'outbound/default/db/5432');
  t.match(chain?.tcp, { idleTimeoutMs: 0, hashPolicy: 'source-address' });
  t.match(clusterOf(config, 'outbound/default/db/5432'), { balancer: 'maglev', circuitBreaker: { maxRetries: 0 } });
});

t.test('towards the application itself nothing is bounded', async (t) => {
  const inbound = proxied().clusters.filter(({ endpoints }) => endpoints === 'original');
  t.ok(inbound.length > 0);
  for (const { circuitBreaker } of inbound) t.equal(circuitBreaker?.maxRequests, 2 ** 31 - 1);
});
