import t from 'tap';
import { docs, modelOf, pod, policy, service } from '../manifests.js';
import { json, named, shop, translated, valuesOf } from './translated.js';

interface Chain {
  name: string;
  filterChainMatch?: Record<string, unknown>;
  transportSocket?: unknown;
  filters: { name: string; typedConfig: Record<string, unknown> }[];
}

function inboundOf(text: string, podName: string, interception: 'redirect' | 'none' = 'redirect') {
  const resources = translated(modelOf(text), { pod: podName, podIp: '10.0.0.1', interception });
  const listeners = resources.listeners.filter(({ name }) => name.startsWith('inbound')).map(json) as {
    name: string;
    address: unknown;
    filterChains: Chain[];
    defaultFilterChain: Chain;
  }[];
  return { listeners, clusters: resources.clusters };
}

/** `name: what is matched -> what is done`. */
function told({ name, filterChainMatch: match = {}, transportSocket, filters }: Chain): string {
  const socket = transportSocket === undefined ? '' : ' [mesh TLS]';
  const done = filters.map((filter) => {
    const cluster = valuesOf(filter.typedConfig, 'cluster').join();
    const inner = (filter.typedConfig.httpFilters as { name: string }[] | undefined)?.map((it) =>
      it.name.split('.').pop(),
    );
    return `${filter.name.split('.').pop()}${inner === undefined ? '' : `(${inner})`}${cluster === '' ? '' : ` ${cluster}`}`;
  });
  return `${name}: ${[match.destinationPort, match.transportProtocol, match.applicationProtocols].filter(Boolean).join(' ')} -> ${done.join(', ')}${socket}`;
}

t.test('a port of HTTP: mesh TLS by its ALPN, plain as HTTP, and everything else to where it was going', async (t) => {
  const { listeners } = inboundOf(shop, 'a');
  t.same(listeners.length, 1);
  t.match(listeners[0], {
    name: 'inbound',
    address: { socketAddress: { address: '0.0.0.0', portValue: 15006 } },
    useOriginalDst: true,
    trafficDirection: 'INBOUND',
    listenerFilters: [
      { name: 'envoy.filters.listener.tls_inspector' },
      { name: 'envoy.filters.listener.http_inspector' },
    ],
  });
  t.same(listeners[0].filterChains.map(told), [
    'mesh-http/8080: 8080 tls tulle-http/1.1 -> http_connection_manager(router) inbound/8080 [mesh TLS]',
    'mesh-tcp/8080: 8080 tls tulle-tcp -> tcp_proxy inbound/8080 [mesh TLS]',
    'own-tls/8080: 8080 tls -> tcp_proxy inbound/8080',
    'plain-http/8080: 8080 raw_buffer -> http_connection_manager(router) inbound/8080',
    'mesh-other: tls tulle-http/1.1,tulle-tcp -> tcp_proxy inbound-passthrough [mesh TLS]',
  ]);
  t.equal(told(listeners[0].defaultFilterChain), 'plain-other:  -> tcp_proxy inbound-passthrough');
});

t.test('mesh TLS asks for a certificate of the mesh, TLS 1.3 and one ALPN', async (t) => {
  const { listeners } = inboundOf(shop, 'a');
  t.match(listeners[0].filterChains[0].transportSocket, {
    typedConfig: {
      requireClientCertificate: true,
      commonTlsContext: {
        tlsParams: { tlsMinimumProtocolVersion: 'TLSv1_3', tlsMaximumProtocolVersion: 'TLSv1_3' },
        alpnProtocols: ['tulle-http/1.1'],
        tlsCertificateSdsSecretConfigs: [{ name: 'identity' }],
        validationContextSdsSecretConfig: { name: 'trust' },
      },
    },
  });
});

t.test('a port of TCP is opaque, an undeclared one is found out', async (t) => {
  const plain = (portName: string) =>
    inboundOf(
      docs(
        service('s', `selector: {a: b}, ports: [{${portName} port: 1, targetPort: 9000}]`),
        pod('p', { labels: 'a: b' }),
      ),
      'p',
    )
      .listeners[0].filterChains.map(told)
      .filter((it) => it.startsWith('plain'));
  t.same(plain('name: tcp-x,'), ['plain-tcp/9000: 9000 raw_buffer -> tcp_proxy inbound/9000']);
  t.same(plain(''), [
    'plain-http/9000: 9000 raw_buffer http/1.0,http/1.1 -> http_connection_manager(router) inbound/9000',
    'plain-tcp/9000: 9000 raw_buffer -> tcp_proxy inbound/9000',
  ]);
});

t.test('policies stand before everything that reaches the application', async (t) => {
  const allow = policy('AuthorizationPolicy', 'p', 'rules: [{from: [{serviceAccounts: [client]}]}]');
  const deny = policy('AuthorizationPolicy', 'q', 'action: Deny, rules: [{to: [{paths: ["/admin*"]}]}]');
  const { listeners } = inboundOf(docs(shop, allow, deny), 'a');
  t.same(listeners[0].filterChains.map(told), [
    'mesh-http/8080: 8080 tls tulle-http/1.1 -> http_connection_manager(rbac,rbac,router) inbound/8080 [mesh TLS]',
    'mesh-tcp/8080: 8080 tls tulle-tcp -> rbac, rbac, tcp_proxy inbound/8080 [mesh TLS]',
    'own-tls/8080: 8080 tls -> rbac, rbac, tcp_proxy inbound/8080',
    'plain-http/8080: 8080 raw_buffer -> http_connection_manager(rbac,rbac,router) inbound/8080',
    'mesh-other: tls tulle-http/1.1,tulle-tcp -> rbac, rbac, tcp_proxy inbound-passthrough [mesh TLS]',
  ]);
  t.equal(told(listeners[0].defaultFilterChain), 'plain-other:  -> rbac, rbac, tcp_proxy inbound-passthrough');
});

t.test('a policy for one port is not there at another', async (t) => {
  const deny = policy('AuthorizationPolicy', 'p', 'action: Deny, rules: [{to: [{ports: [8080]}]}]');
  const { listeners } = inboundOf(docs(pod('p', { ports: '{containerPort: 8080}, {containerPort: 9000}' }), deny), 'p');
  const guarded = listeners[0].filterChains.filter((chain) => told(chain).includes('rbac')).map(({ name }) => name);
  t.same(guarded, [
    'mesh-http/8080',
    'mesh-tcp/8080',
    'own-tls/8080',
    'plain-http/8080',
    'plain-tcp/8080',
    'mesh-other',
  ]);
});

t.test('a pod that nobody knows lets nothing in', async (t) => {
  const { listeners } = inboundOf(shop, 'nobody');
  t.same(listeners[0].filterChains.map(told), [
    'mesh-other: tls tulle-http/1.1,tulle-tcp -> rbac, tcp_proxy inbound-passthrough [mesh TLS]',
  ]);
  t.same(listeners[0].defaultFilterChain.filters[0].typedConfig.rules, {});
});

t.test('with interception clusters lead to where a connection was going', async (t) => {
  const { clusters } = inboundOf(shop, 'a');
  t.match(json(named(clusters, 'inbound/8080')), { type: 'ORIGINAL_DST', lbPolicy: 'CLUSTER_PROVIDED' });
  t.match(json(named(clusters, 'inbound-passthrough')), { type: 'ORIGINAL_DST' });
});

t.test(
  'without interception there is a listener for each address of the annotation, and it leads to the pod',
  async (t) => {
    const annotations = `tulle.dev/inbound-listeners: '[{"port":8080,"listen":"127.64.0.5:21001"}]'`;
    const text = docs(
      service('s', 'selector: {a: b}, ports: [{name: http, port: 80, targetPort: 8080}]'),
      pod('p', { labels: 'a: b', annotations }),
    );
    const { listeners, clusters } = inboundOf(text, 'p', 'none');
    t.match(listeners, [
      {
        name: 'inbound/8080',
        address: { socketAddress: { address: '127.64.0.5', portValue: 21001 } },
        useOriginalDst: undefined,
      },
    ]);
    t.equal(listeners[0].defaultFilterChain, undefined, 'nothing is left');
    t.same(listeners[0].filterChains.map(told), [
      'mesh-http/8080: tls tulle-http/1.1 -> http_connection_manager(router) inbound/8080 [mesh TLS]',
      'mesh-tcp/8080: tls tulle-tcp -> tcp_proxy inbound/8080 [mesh TLS]',
      'own-tls/8080: tls -> tcp_proxy inbound/8080',
      'plain-http/8080: raw_buffer -> http_connection_manager(router) inbound/8080',
    ]);
    t.match(json(named(clusters, 'inbound/8080')), {
      type: 'STATIC',
      loadAssignment: {
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 8080 } } } }] },
        ],
      },
    });
    t.same(
      clusters.filter(({ name }) => name.includes('passthrough')),
      [],
    );
  },
);
