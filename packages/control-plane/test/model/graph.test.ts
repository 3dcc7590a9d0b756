import t from 'tap';
import { docs, injectedNamespace, modelOf, pod, policy, route, service, slice } from '../manifests.js';

const ports = '{name: http, containerPort: 8080}';

t.test('an endpoint is resolved to its pod, and its pod to who it is', async (t) => {
  const model = modelOf(
    docs(
      injectedNamespace,
      service('web', 'selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]'),
      pod('a', { ip: '10.0.0.1', labels: 'app: web', ports, serviceAccount: 'web' }),
      pod('b', { ip: '10.0.0.2', labels: 'app: web, tulle.dev/inject: disabled', ports }),
      slice('web', '{name: http, port: 8080}', [
        '10.0.0.2=b',
        '10.0.0.1=a',
        '10.0.0.9',
        '10.0.0.4!',
        '10.0.0.5=unknown',
      ]),
    ),
  );
  const [port] = model.findService('default', 'web')!.ports;
  t.same(
    port.endpoints.map((it) => [it.address, it.port, it.pod?.name, it.pod?.injected]),
    [
      ['10.0.0.1', 8080, 'a', true],
      ['10.0.0.2', 8080, 'b', false],
      ['10.0.0.9', 8080, undefined, undefined],
    ],
    'not the one that is not ready, nor the one of a pod that nobody knows',
  );
  t.same(port.serviceAccounts, ['default/web'], 'only those with a sidecar have an identity');
  t.equal(port.endpoints[0].pod, model.findPod('default', 'a'));
});

t.test('pods of one Service may listen on different ports of one name', async (t) => {
  const model = modelOf(
    docs(
      service('web', 'selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]'),
      pod('a', { labels: 'app: web', ports }),
      pod('b', { labels: 'app: web', ports: '{name: http, containerPort: 8081}' }),
      slice('web', '{name: http, port: 8080}', ['10.0.0.1=a'], 'a'),
      slice('web', '{name: http, port: 8081}', ['10.0.0.2=b'], 'b'),
    ),
  );
  t.same(
    model.findService('default', 'web')!.ports[0].endpoints.map((it) => `${it.address}:${it.port}`),
    ['10.0.0.1:8080', '10.0.0.2:8081'],
  );
  t.same(model.findPod('default', 'b')!.ports, [{ port: 8081, protocol: 'http' }]);
});

t.test('without interception an endpoint is dialled where its sidecar listens', async (t) => {
  const annotations = `tulle.dev/inbound-listeners: '[{"port":8080,"listen":"127.64.0.5:21001"}]'`;
  const text = (labels: string) =>
    docs(
      injectedNamespace,
      service('web', 'ports: [{name: http, port: 80, targetPort: 8080}]'),
      pod('a', { annotations, ports, labels }),
      slice('web', '{name: http, port: 8080}', ['127.64.0.4=a']),
    );
  const endpointOf = (labels: string) => modelOf(text(labels)).services[0].ports[0].endpoints[0];
  t.match(endpointOf(''), { address: '127.64.0.5', port: 21001 });
  t.match(endpointOf('tulle.dev/inject: disabled'), { address: '127.64.0.4', port: 8080 });
});

t.test('what a pod’s port carries is what Services say of it; where they disagree it is to be found out', async (t) => {
  const to = (name: string, portName: string) =>
    service(name, `selector: {app: web}, ports: [{name: ${portName}, port: 80, targetPort: 8080}]`);
  const it = pod('a', {
    labels: 'app: web',
    ports: `${ports}, {containerPort: 9000}, {containerPort: 53, protocol: UDP}`,
  });
  t.same(modelOf(docs(it, to('x', 'http'))).pods[0].ports, [
    { port: 8080, protocol: 'http' },
    { port: 9000, protocol: 'auto' },
  ]);
  t.same(modelOf(docs(it, to('x', 'http'), to('y', 'tcp-x'))).pods[0].ports[0], { port: 8080, protocol: 'auto' });
  t.same(modelOf(it).pods[0].ports[0], { port: 8080, protocol: 'auto' });
});

t.test('policies are for the pods that they select, in their own namespace', async (t) => {
  const model = modelOf(
    docs(
      policy('AuthorizationPolicy', 'all', 'action: Allow'),
      policy('AuthorizationPolicy', 'web', 'selector: {matchLabels: {app: web}}'),
      pod('a', { labels: 'app: web' }),
      pod('b'),
      pod('c', { labels: 'app: web', namespace: 'shop' }),
    ),
  );
  const names = (namespace: string, name: string) =>
    model.findPod(namespace, name)!.policies.map((it) => it.metadata.name);
  t.same(names('default', 'a'), ['all', 'web']);
  t.same(names('default', 'b'), ['all']);
  t.same(names('shop', 'c'), []);
});

t.test('a later folder tells what became of a Pod', async (t) => {
  const model = modelOf(pod('a'), pod('a', { ip: '10.0.0.1' }));
  t.equal(model.findPod('default', 'a')?.podIp, '10.0.0.1');
  t.equal(model.pods.length, 1);
});

t.test('routes of the Service’s namespace are for everybody, those of another for its own clients', async (t) => {
  const model = modelOf(
    docs(
      service('web', 'ports: [{name: http, port: 80}]'),
      service('other', 'ports: [{name: http, port: 80}]', 'shop'),
      route('producer', 'web', '{backendRefs: [{name: web, port: 80}]}'),
      route('consumer', 'web', '{backendRefs: [{name: other, port: 80}]}', {
        namespace: 'shop',
        parentNamespace: 'default',
      }),
    ),
  );
  const [port] = model.findService('default', 'web')!.ports;
  t.same(
    port.producerRules?.map((rule) => rule.name),
    ['default/producer/0'],
  );
  t.same(
    [...port.consumerRules].map(([namespace, rules]) => [namespace, rules.map((rule) => rule.name)]),
    [['shop', ['shop/consumer/0']]],
  );
  t.same([...model.consumerNamespaces], ['shop']);
  t.same(model.routes[0], { namespace: 'default', name: 'producer', parents: ['default/web:80'], rules: 1 });
});

t.test('a TrafficPolicy for one port wins over one for all', async (t) => {
  const model = modelOf(
    docs(
      service('web', 'ports: [{name: http, port: 80}, {name: http-x, port: 81}]'),
      policy('TrafficPolicy', 'all', 'targetRefs: [{kind: Service, name: web}], timeouts: {request: 1s}'),
      policy('TrafficPolicy', 'one', 'targetRefs: [{kind: Service, name: web, port: 81}], retries: {attempts: 1}'),
    ),
  );
  const [all, one] = model.findService('default', 'web')!.ports.map((port) => port.traffic);
  t.match(all, { requestTimeoutMs: 1000, retries: undefined });
  t.match(one, { requestTimeoutMs: undefined, retries: { attempts: 1, on: ['connect-failure'] } });
});
