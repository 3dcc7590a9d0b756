import t from 'tap';
import { endpointsByHand, endpointsOf, selects } from '../src/cluster/endpoints.js';
import { endpointSliceManifests } from '../src/cluster/manifests.js';
import { placedPod, pod, service } from './suite/cluster-fixture.js';

t.test(
  'a selector matches when each of its labels is there with that value, and an empty one selects nothing',
  async (t) => {
    t.equal(selects({ app: 'a' }, { app: 'a', tier: 'x' }), true);
    t.equal(selects({ app: 'a', tier: 'y' }, { app: 'a', tier: 'x' }), false);
    t.equal(selects({}, { app: 'a' }), false);
  },
);

t.test('endpoints are the pods of the namespace that match, with the port that each gives the name', async (t) => {
  const one = placedPod(
    pod({ name: 'one', labels: { app: 's' }, ports: [{ name: 'web', containerPort: 8080 }] }),
    '10.244.0.5',
  );
  const two = placedPod(
    pod({ name: 'two', labels: { app: 's' }, ports: [{ name: 'web', containerPort: 9090 }] }),
    '10.244.0.6',
    false,
  );
  const nameless = placedPod(pod({ name: 'three', labels: { app: 's' } }), '10.244.0.7');
  const elsewhere = placedPod(pod({ namespace: 'other', name: 'one', labels: { app: 's' } }), '10.244.0.8');
  const [port] = endpointsOf(service({ selector: { app: 's' }, ports: [{ port: 80, targetPort: 'web' }] }), [
    one,
    two,
    nameless,
    elsewhere,
  ]);
  t.same(port.endpoints, [
    { ip: '10.244.0.5', port: 8080, ready: true, pod: 'default/one' },
    { ip: '10.244.0.6', port: 9090, ready: false, pod: 'default/two' },
  ]);
});

t.test('an endpoint is where its sidecar listens when that is elsewhere', async (t) => {
  const placed = {
    ...placedPod(pod({ name: 'one', labels: { app: 's' } }), '127.64.0.5'),
    reachedAt: () => ({ ip: '127.64.0.5', port: 21_001 }),
  };
  const [port] = endpointsOf(service({ selector: { app: 's' }, ports: [{ port: 80, targetPort: 8080 }] }), [placed]);
  t.same(port.endpoints, [{ ip: '127.64.0.5', port: 21_001, ready: true, pod: 'default/one' }]);
});

t.test(
  'a service without a selector has the endpoints that were written for it, found by the name of the port',
  async (t) => {
    const external = service({ name: 'db', selector: null, ports: [{ name: 'sql', port: 5432 }] });
    const written = [
      {
        namespace: 'default',
        service: 'db',
        ports: [{ name: 'sql', port: 15_432 }],
        addresses: ['192.0.2.1', '192.0.2.2'],
      },
      { namespace: 'other', service: 'db', ports: [{ name: 'sql', port: 1 }], addresses: ['192.0.2.3'] },
    ];
    t.same(
      endpointsByHand(external, written)[0].endpoints.map((endpoint) => `${endpoint.ip}:${endpoint.port}`),
      ['192.0.2.1:15432', '192.0.2.2:15432'],
    );
  },
);

t.test('a slice holds endpoints that share their port number, named after the port of the service', async (t) => {
  const one = placedPod(
    pod({ name: 'one', labels: { app: 's' }, ports: [{ name: 'web', containerPort: 8080 }] }),
    '10.244.0.5',
  );
  const two = placedPod(
    pod({ name: 'two', labels: { app: 's' }, ports: [{ name: 'web', containerPort: 9090 }] }),
    '10.244.0.6',
  );
  const ports = endpointsOf(
    service({ selector: { app: 's' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] }),
    [one, two],
  );
  const slices = endpointSliceManifests(ports);
  t.match(slices, [
    {
      kind: 'EndpointSlice',
      metadata: { name: 'server-0', labels: { 'kubernetes.io/service-name': 'server' } },
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [
        {
          addresses: ['10.244.0.5'],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', namespace: 'default', name: 'one' },
        },
      ],
    },
    { metadata: { name: 'server-1' }, ports: [{ port: 9090 }], endpoints: [{ addresses: ['10.244.0.6'] }] },
  ]);
  t.equal(slices.length, 2);
});
