import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { folderSource } from '../../src/source/folder-source.js';
import { translateFor } from '../../src/translate/resources.js';
import { docs, modelOf, pod, policy, route, service, slice } from '../manifests.js';
import { json, shop, translated, trust, valuesOf } from './translated.js';

const everything = docs(
  shop,
  service('auto', 'selector: {app: web}, ports: [{port: 9000, targetPort: 8080}]'),
  service('headless', 'clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]'),
  service('db', 'ports: [{name: tcp-db, port: 5432}]', 'far'),
  slice('headless', '{name: http, port: 8080}', ['10.0.0.1=a']),
  route('r', 'web', '{backendRefs: [{name: web, port: 80, weight: 3}, {name: auto, port: 9000}]}'),
  policy('AuthorizationPolicy', 'p', 'rules: [{from: [{serviceAccounts: [client]}]}]'),
);

t.test('whatever is referred to is there', async (t) => {
  for (const interception of ['redirect', 'none'] as const) {
    const resources = translated(modelOf(everything), { interception, pod: 'a' });
    const clusters = new Set(resources.clusters.map(({ name }) => name));
    const routes = new Set(resources.routes.map(({ name }) => name));
    const all = [...resources.listeners, ...resources.routes].map(json);
    const weighted = valuesOf(all, 'weightedClusters').flatMap((it) => valuesOf(it, 'name'));
    for (const name of [...valuesOf(all, 'cluster'), ...weighted]) t.ok(clusters.has(String(name)), `cluster ${name}`);
    t.same(new Set(valuesOf(all, 'routeConfigName')), routes);
    t.same(
      resources.endpoints.map(({ clusterName }) => clusterName),
      valuesOf(resources.clusters.map(json), 'serviceName'),
      'each cluster by EDS has its endpoints',
    );
  }
});

t.test('each list is sorted by name, and a name is there once', async (t) => {
  for (const interception of ['redirect', 'none'] as const) {
    const { clusters, listeners, routes, endpoints } = translated(modelOf(everything), { interception, pod: 'a' });
    for (const names of [
      ...[clusters, listeners, routes].map((list) => list.map(({ name }) => name)),
      endpoints.map(({ clusterName }) => clusterName),
    ]) {
      t.same(names, [...new Set(names)].sort());
    }
  }
});

t.test('the order of the files does not matter', async () => {
  const texts = everything.split('\n---\n');
  const expected = JSON.stringify(
    Object.values(translated(modelOf(everything), { pod: 'a' })).map((list) => list.map(json)),
  );
  fc.assert(
    fc.property(fc.shuffledSubarray(texts, { minLength: texts.length }), (shuffled) => {
      const found = Object.values(translated(modelOf(docs(...shuffled)), { pod: 'a' })).map((list) => list.map(json));
      if (JSON.stringify(found) !== expected) throw new Error('differs');
    }),
    { numRuns: 20 },
  );
});

t.test('what is the same for all nodes is one object for all of them', async (t) => {
  const model = modelOf(everything);
  const [a, b] = ['a', 'client'].map((name) => translated(model, { pod: name }));
  t.equal(a.endpoints[0], b.endpoints[0]);
  t.equal(a.routes[0], b.routes[0]);
  t.equal(
    a.listeners.find(({ name }) => name === 'outbound'),
    b.listeners.find(({ name }) => name === 'outbound'),
  );
  t.equal(translated(model, { pod: 'a' }).listeners[0], a.listeners[0], 'and for one node each time it asks');
  t.not(
    translated(modelOf(everything), { pod: 'a' }).listeners[0],
    a.listeners[0],
    'but not from one model to another',
  );
});

t.test('new roots make new resources', async (t) => {
  const model = modelOf(everything);
  const node = {
    pod: 'a',
    namespace: 'default',
    serviceAccount: 'web',
    podIp: '10.0.0.1',
    interception: 'redirect' as const,
  };
  const before = translateFor(model, node, trust);
  const after = translateFor(model, node, { ...trust, rootsPem: 'NEW\nROOTS', generation: 2 });
  t.match(json(after.secrets[0]), { validationContext: { trustedCa: { inlineString: 'NEW\nROOTS' } } });
  t.match(json(before.secrets[0]), { validationContext: { trustedCa: { inlineString: 'ROOTS' } } });
});

t.test('a thousand sidecars of five hundred Services are translated without making anything twice', async (t) => {
  const texts = ['{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {tulle.dev/inject: enabled}}}'];
  for (let i = 0; i < 500; i++) {
    texts.push(
      service(`s${i}`, `selector: {app: a${i}}, ports: [{name: http, port: 80}]`),
      pod(`p${i}`, { labels: `app: a${i}`, ip: `10.1.${i >> 8}.${i & 255}` }),
      pod(`q${i}`, { labels: `app: a${i}`, ip: `10.2.${i >> 8}.${i & 255}` }),
      slice(`s${i}`, '{name: http, port: 80}', [`10.1.${i >> 8}.${i & 255}=p${i}`, `10.2.${i >> 8}.${i & 255}=q${i}`]),
    );
  }
  const model = modelOf(docs(...texts));
  const seen = new Set<object>();
  for (const { name, podIp } of model.pods) {
    const { clusters, endpoints, listeners, routes } = translated(model, { pod: name, podIp: podIp! });
    for (const resource of [...clusters, ...endpoints, ...listeners, ...routes]) seen.add(resource);
  }
  // For all: a cluster, endpoints, a listener and routes for each Service, and two for what is unknown.
  // For each: its inbound listener, the cluster of its port, and the one for other ports.
  t.equal(seen.size, 500 * 4 + 2 + 1000 * 3);
});

t.test('the demo’s configuration is understood', async (t) => {
  const source = folderSource({ dirs: [join(import.meta.dirname, '../../../../examples/demo')] });
  t.teardown(() => source.close());
  await source.start();
  const { model, problems } = source.current();
  t.same(problems, []);
  t.same(
    model?.pods.filter(({ injected }) => injected).map(({ name }) => name),
    ['client', 'greeter', 'server-v1', 'server-v2'],
  );
  const [port] = model!.findService('default', 'server')!.ports;
  t.same(
    port.producerRules?.map(({ match, backends }) => [match.headers.length, backends.map(({ weight }) => weight)]),
    [
      [1, [1]],
      [0, [90, 10]],
    ],
  );
});
