import t from 'tap';
import { docs, modelOf, policy, service, slice } from '../manifests.js';
import { json, named, shop, translated, valuesOf } from './translated.js';

const ANY = 'type.googleapis.com/envoy.extensions';

t.test('a Service of HTTP: its listener is found by address and takes its routes from RDS', async (t) => {
  const { listeners } = translated(modelOf(shop));
  t.same(json(named(listeners, 'outbound/10.96.0.5:80')), {
    name: 'outbound/10.96.0.5:80',
    address: { socketAddress: { address: '10.96.0.5', portValue: 80 } },
    bindToPort: false,
    trafficDirection: 'OUTBOUND',
    filterChains: [
      {
        name: 'http',
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typedConfig: {
              '@type': `${ANY}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              statPrefix: 'outbound/10.96.0.5:80',
              rds: {
                configSource: { ads: {}, resourceApiVersion: 'V3' },
                routeConfigName: 'outbound/10.96.0.5:80',
              },
              httpFilters: [
                {
                  name: 'envoy.filters.http.router',
                  typedConfig: { '@type': `${ANY}.filters.http.router.v3.Router` },
                },
              ],
              generateRequestId: true,
              normalizePath: true,
              mergeSlashes: true,
              pathWithEscapedSlashesAction: 'REJECT_REQUEST',
            },
          },
        ],
      },
    ],
  });
});

t.test('a Service of HTTP: its cluster speaks mesh TLS to mesh pods, and expects those that may answer', async (t) => {
  const { clusters } = translated(modelOf(shop));
  t.same(json(named(clusters, 'outbound/default/web/80')), {
    name: 'outbound/default/web/80',
    type: 'EDS',
    edsClusterConfig: {
      edsConfig: { ads: {}, resourceApiVersion: 'V3' },
      serviceName: 'outbound/default/web/80',
    },
    connectTimeout: '5s',
    lbPolicy: 'LEAST_REQUEST',
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: 10000,
          maxPendingRequests: 1024,
          maxRequests: 10000,
          retryBudget: { budgetPercent: { value: 20 }, minRetryConcurrency: 16 },
        },
      ],
    },
    transportSocketMatches: [
      {
        name: 'mesh',
        match: { 'tulle.dev/mtls': 'true' },
        transportSocket: {
          name: 'envoy.transport_sockets.tls',
          typedConfig: {
            '@type': `${ANY}.transport_sockets.tls.v3.UpstreamTlsContext`,
            commonTlsContext: {
              tlsParams: { tlsMinimumProtocolVersion: 'TLSv1_3', tlsMaximumProtocolVersion: 'TLSv1_3' },
              alpnProtocols: ['tulle-http/1.1'],
              tlsCertificateSdsSecretConfigs: [{ name: 'identity' }],
              combinedValidationContext: {
                defaultValidationContext: {
                  matchTypedSubjectAltNames: [
                    { sanType: 'URI', matcher: { exact: 'spiffe://cluster.local/ns/default/sa/web' } },
                  ],
                },
                validationContextSdsSecretConfig: {
                  name: 'trust',
                  sdsConfig: { ads: {}, resourceApiVersion: 'V3' },
                },
              },
            },
          },
        },
      },
      {
        name: 'plain',
        match: {},
        transportSocket: {
          name: 'envoy.transport_sockets.raw_buffer',
          typedConfig: { '@type': `${ANY}.transport_sockets.raw_buffer.v3.RawBuffer` },
        },
      },
    ],
  });
});

t.test('endpoints say who they are, and which of them speak mesh TLS', async (t) => {
  const { endpoints } = translated(modelOf(shop));
  t.same(json(endpoints[0]), {
    clusterName: 'outbound/default/web/80',
    endpoints: [
      {
        lbEndpoints: [
          {
            endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 8080 } } },
            healthStatus: 'HEALTHY',
            metadata: {
              filterMetadata: {
                'envoy.transport_socket_match': { 'tulle.dev/mtls': 'true' },
                'tulle.dev': { workload: 'default/a', service_account: 'default/web' },
              },
            },
          },
          {
            endpoint: { address: { socketAddress: { address: '10.0.0.2', portValue: 8080 } } },
            healthStatus: 'HEALTHY',
            metadata: { filterMetadata: { 'tulle.dev': { workload: 'default/b', service_account: 'default/plain' } } },
          },
        ],
      },
    ],
  });
});

t.test('the roots are a secret; the sidecar’s own certificate is not', async (t) => {
  const { secrets } = translated(modelOf(shop));
  t.same(secrets.map(json), [{ name: 'trust', validationContext: { trustedCa: { inlineString: 'ROOTS' } } }]);
});

t.test('what nobody knows passes as it is', async (t) => {
  const { listeners, clusters } = translated(modelOf(''));
  t.match(json(named(listeners, 'outbound')), {
    address: { socketAddress: { address: '0.0.0.0', portValue: 15001 } },
    useOriginalDst: true,
    trafficDirection: 'OUTBOUND',
    defaultFilterChain: {
      filters: [{ name: 'envoy.filters.network.tcp_proxy', typedConfig: { cluster: 'passthrough' } }],
    },
  });
  t.match(json(named(clusters, 'passthrough')), { type: 'ORIGINAL_DST', lbPolicy: 'CLUSTER_PROVIDED' });
});

t.test('where no mesh pod is known, no certificate is good enough', async (t) => {
  const model = modelOf(service('web', 'ports: [{name: http, port: 80}]'));
  const cluster = JSON.stringify(json(named(translated(model).clusters, 'outbound/default/web/80')));
  t.match(cluster, '"matcher":{"exact":"spiffe://cluster.local/ns/default/sa/"}');
});

t.test('opaque TCP is passed on as it is, under its own ALPN', async (t) => {
  const ip = 'clusterIP: 10.96.0.7';
  for (const name of ['tcp-db', 'tls', 'grpc', 'http2']) {
    const { listeners, clusters, routes } = translated(
      modelOf(service('db', `${ip}, ports: [{name: ${name}, port: 5432}]`)),
    );
    const { filterChains, listenerFilters } = named(listeners, 'outbound/10.96.0.7:5432');
    t.equal(listenerFilters.length, 0, 'the server may speak first');
    t.match(filterChains.map(json), [{ filters: [{ typedConfig: { cluster: 'outbound/default/db/5432' } }] }], name);
    t.match(JSON.stringify(json(named(clusters, 'outbound/default/db/5432'))), '"alpnProtocols":["tulle-tcp"]');
    t.same(routes, []);
  }
});

t.test('an undeclared protocol is found out, and what is not HTTP goes its own way', async (t) => {
  const { listeners, clusters, endpoints } = translated(
    modelOf(service('x', 'clusterIP: 10.96.0.8, ports: [{port: 9000}]')),
  );
  t.match(json(named(listeners, 'outbound/10.96.0.8:9000')), {
    listenerFilters: [{ name: 'envoy.filters.listener.http_inspector' }],
    continueOnListenerFiltersTimeout: true,
    filterChains: [
      {
        filterChainMatch: { applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'] },
        filters: [{ name: 'envoy.filters.network.http_connection_manager' }],
      },
      { filterChainMatch: undefined, filters: [{ typedConfig: { cluster: 'outbound/default/x/9000/tcp' } }] },
    ],
  });
  const names = ['outbound/default/x/9000', 'outbound/default/x/9000/tcp'];
  t.same(
    endpoints.map((it) => it.clusterName),
    names,
  );
  t.match(JSON.stringify(json(named(clusters, names[0]))), 'tulle-http/1.1');
  t.match(JSON.stringify(json(named(clusters, names[1]))), 'tulle-tcp');
});

t.test('a headless Service is dialled endpoint by endpoint, and each is the only one', async (t) => {
  const headless = service('db', 'clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]');
  const model = modelOf(docs(shop, headless, slice('db', '{name: http, port: 8080}', ['10.0.0.1=a', '10.0.0.2=b'])));
  const { listeners, routes, clusters, endpoints } = translated(model);
  named(listeners, 'outbound/10.0.0.1:8080');
  t.match(json(named(routes, 'outbound/10.0.0.1:8080')), {
    virtualHosts: [{ domains: ['*'], routes: [{ route: { cluster: 'outbound/10.0.0.1:8080' } }] }],
  });
  t.match(JSON.stringify(json(named(clusters, 'outbound/10.0.0.1:8080'))), 'spiffe://cluster.local/ns/default/sa/web');
  const only = endpoints.find((it) => it.clusterName === 'outbound/10.0.0.1:8080');
  t.equal(only?.endpoints[0].lbEndpoints.length, 1);
  t.ok(
    endpoints.some((it) => it.clusterName === 'outbound/default/db/8080'),
    'as a backend of a route it is one Service',
  );
});

t.test('a TrafficPolicy changes what it names', async (t) => {
  const traffic = `targetRefs: [{kind: Service, name: web}], timeouts: {connect: 300ms},
    circuitBreaker: {maxConnections: 7}, loadBalancer: RoundRobin`;
  const { clusters } = translated(modelOf(docs(shop, policy('TrafficPolicy', 'p', traffic))));
  t.match(json(named(clusters, 'outbound/default/web/80')), {
    connectTimeout: '0.300s',
    lbPolicy: undefined,
    circuitBreakers: { thresholds: [{ maxConnections: 7, maxPendingRequests: 1024 }] },
  });
});

t.test('a TrafficPolicy says how endpoints are chosen, left out, and asked again', async (t) => {
  const cluster = (spec: string) => {
    const traffic = policy('TrafficPolicy', 'p', `targetRefs: [{kind: Service, name: web}], ${spec}`);
    return json(named(translated(modelOf(docs(shop, traffic))).clusters, 'outbound/default/web/80'));
  };
  t.match(cluster('loadBalancer: RingHash, hashOn: {header: x-user}'), { lbPolicy: 'RING_HASH' });
  t.match(cluster('loadBalancer: Maglev, hashOn: {sourceAddress: true}'), { lbPolicy: 'MAGLEV' });
  t.match(cluster('loadBalancer: LeastRequest'), {
    lbPolicy: 'LEAST_REQUEST',
    leastRequestLbConfig: { choiceCount: 2 },
  });
  t.match(cluster('circuitBreaker: {maxRetries: 0}'), {
    circuitBreakers: { thresholds: [{ maxRetries: 0, retryBudget: undefined }] },
  });
  t.match(cluster('retries: {attempts: 1, budget: {percent: 50}}'), {
    circuitBreakers: { thresholds: [{ retryBudget: { budgetPercent: { value: 50 }, minRetryConcurrency: 3 } }] },
  });
  t.match(cluster('outlierDetection: {consecutive5xx: 0, consecutiveGatewayErrors: 3, baseEjectionTime: 1m}'), {
    commonLbConfig: { healthyPanicThreshold: { value: 50 } },
    outlierDetection: {
      consecutive5xx: undefined,
      enforcingConsecutive5xx: 0,
      consecutiveGatewayFailure: 3,
      enforcingConsecutiveGatewayFailure: 100,
      enforcingSuccessRate: 0,
      splitExternalLocalOriginErrors: undefined,
      interval: '10s',
      baseEjectionTime: '60s',
      maxEjectionTime: '300s',
      maxEjectionPercent: 50,
    },
  });
  t.match(cluster('outlierDetection: {consecutiveLocalOriginFailures: 2}'), {
    outlierDetection: {
      consecutive5xx: 5,
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: 2,
      enforcingLocalOriginSuccessRate: 0,
    },
  });
});

t.test('an idle timeout is for opaque connections and for requests; of a port to be found out, for both', async (t) => {
  const idle = (portName: string) => {
    const db = service('db', `clusterIP: 10.96.0.7, ports: [{${portName} port: 1}]`);
    const traffic = policy('TrafficPolicy', 'p', 'targetRefs: [{kind: Service, name: db}], timeouts: {idle: 1m}');
    const { listeners, routes } = translated(modelOf(docs(db, traffic)));
    return valuesOf([...listeners, ...routes].map(json), 'idleTimeout');
  };
  t.same(idle('name: tcp,'), ['60s']);
  t.same(idle('name: http,'), ['60s']);
  t.same(idle(''), ['60s', '60s']);
});

t.test('without interception all Services are hosts of one HTTP proxy', async (t) => {
  const text = docs(
    shop,
    service('other', 'clusterIP: 10.96.0.6, ports: [{name: http, port: 8080}]', 'far'),
    service('db', 'ports: [{name: tcp, port: 80}]'),
  );
  const { listeners, routes } = translated(modelOf(text), { interception: 'none' });
  t.same(
    listeners.map(({ name }) => name),
    ['outbound-proxy'],
  );
  t.match(json(listeners[0]), { address: { socketAddress: { address: '127.0.0.1', portValue: 15002 } } });
  t.same(
    routes[0].virtualHosts.map(({ domains }) => domains),
    [
      [
        ...['web', 'web:80', 'web.default', 'web.default:80', 'web.default.svc', 'web.default.svc:80'],
        ...['web.default.svc.cluster.local', 'web.default.svc.cluster.local:80', '10.96.0.5', '10.96.0.5:80'],
      ],
      ['other.far:8080', 'other.far.svc:8080', 'other.far.svc.cluster.local:8080', '10.96.0.6:8080'],
    ],
  );
});

t.test('a MeshPolicy says to all sidecars, at both ends, how escaped slashes are read', async (t) => {
  const actionsOf = (value: string | undefined, interception: 'redirect' | 'none') => {
    const more = value === undefined ? [] : [policy('MeshPolicy', 'mesh', `paths: {escapedSlashes: ${value}}`)];
    const server = { pod: 'a', serviceAccount: 'web', podIp: '10.0.0.1', interception };
    const { listeners } = translated(modelOf(docs(shop, ...more)), server);
    const all = listeners.map(json);
    return new Set([...valuesOf(all, 'pathWithEscapedSlashesAction'), ...valuesOf(all, 'mergeSlashes')]);
  };
  for (const interception of ['redirect', 'none'] as const) {
    for (const [value, action] of [
      [undefined, 'REJECT_REQUEST'],
      ['Reject', 'REJECT_REQUEST'],
      ['Keep', 'KEEP_UNCHANGED'],
      ['Unescape', 'UNESCAPE_AND_FORWARD'],
    ]) {
      t.same(actionsOf(value, interception), new Set([action, true]));
    }
  }
});
