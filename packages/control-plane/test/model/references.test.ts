import t from 'tap';
import { docs, modelOf, pod, policy, problemsOf, route, service } from '../manifests.js';

const web = service('web', 'selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp-admin, port: 81}]');

function told(...folders: string[]): string[] {
  return problemsOf(...folders).map(({ file, path, message, remedy }) => `${file} ${path}: ${message} | ${remedy}`);
}

t.test(
  'a route to a Service that does not exist names the file, the line and the Service that was meant',
  async (t) => {
    const [problem] = problemsOf(docs(web, route('r', 'web', '{backendRefs: [{name: wbe, port: 80}]}')));
    t.match(problem, {
      file: '0.yaml',
      line: 4,
      path: 'spec.rules[0].backendRefs[0].name',
      message: 'there is no Service default/wbe',
      remedy: /Did you mean `web`\?/,
    });
  },
);

t.test('a route of a Service that does not exist is refused', async (t) => {
  t.match(told(route('r', 'web', '{}')), [
    /parentRefs\[0\]\.name: there is no Service default\/web \| Add a Service web/,
  ]);
});

t.test('a Service of that name elsewhere is pointed at', async (t) => {
  t.match(told(docs(service('web', 'ports: [{port: 80}]', 'shop'), route('r', 'web', '{}'))), [
    /one in namespace shop/,
  ]);
});

t.test('a port that the Service has not names those that it has', async (t) => {
  const text = docs(web, route('r', 'web', '{backendRefs: [{name: web, port: 8080}]}', { parentPort: 90 }));
  t.match(told(text), [
    /parentRefs\[0\]\.port: Service default\/web has no such TCP port \| Use one of its ports: 80 \(http\), 81 \(tcp-admin\)\./,
    /backendRefs\[0\]\.port: Service default\/web has no such TCP port/,
  ]);
});

t.test('a route cannot be bound to opaque TCP, nor lead there', async (t) => {
  t.match(told(docs(web, route('r', 'web', '{}', { parentPort: 81 }))), [
    /port 81 of Service default\/web carries tcp/,
  ]);
  t.match(told(docs(web, route('r', 'web', '{backendRefs: [{name: web, port: 81}]}'))), [
    /backendRefs\[0\]\.port: port 81/,
  ]);
  t.same(told(docs(web, route('r', 'web', '{}'))), [], 'without a port, the ports that carry HTTP are meant');
});

t.test('a backend in another namespace needs a ReferenceGrant there', async (t) => {
  const other = service('v1', 'ports: [{name: http, port: 80}]', 'b');
  const text = docs(web, other, route('r', 'web', '{backendRefs: [{name: v1, namespace: b, port: 80}]}'));
  const grant = (namespace: string, from: string, to: string, kind = 'HTTPRoute') =>
    `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: ${namespace}},
      spec: {from: [{group: gateway.networking.k8s.io, kind: ${kind}, namespace: ${from}}], to: [{group: "", kind: Service${to}}]}}`;
  const refused =
    /no ReferenceGrant in namespace b lets HTTPRoutes of namespace default name its Service v1 \| Add one there/;
  t.match(told(text), [refused]);
  for (const [namespace, from, to] of [
    ['default', 'default', ''],
    ['b', 'c', ''],
    ['b', 'default', ', name: v2'],
  ]) {
    t.match(told(docs(text, grant(namespace, from, to))), [refused], `${namespace} ${from} ${to}`);
  }
  t.match(told(docs(text, grant('b', 'default', '', 'TCPRoute'))), [refused], 'a grant for other kinds');
  for (const to of ['', ', name: v1']) {
    const [port] = modelOf(docs(text, grant('b', 'default', to))).findService('default', 'web')!.ports;
    t.match(port.producerRules![0].backends, [{ port: { namespace: 'b', service: 'v1', port: 80 }, weight: 1 }]);
  }
});

t.test('a TrafficPolicy needs its target, and is alone with it', async (t) => {
  const of = (name: string, target: string) =>
    policy('TrafficPolicy', name, `targetRefs: [{kind: Service, ${target}}]`);
  t.match(told(docs(web, of('a', 'name: wob'))), [
    /targetRefs\[0\]\.name: there is no Service default\/wob \| Did you mean `web`/,
  ]);
  t.match(told(docs(web, of('a', 'name: web, port: 82'))), [/targetRefs\[0\]\.port/]);
  t.match(told(docs(web, of('a', 'name: web'), of('b', 'name: web'))), [
    /TrafficPolicy default\/a is for the same target/,
  ]);
  t.same(told(docs(web, of('a', 'name: web'), of('b', 'name: web, port: 80'))), []);
});

t.test('a key in a header is refused where no header is read', async (t) => {
  const of = (target: string) =>
    told(
      docs(
        web,
        policy(
          'TrafficPolicy',
          'p',
          `targetRefs: [{kind: Service, ${target}}], loadBalancer: Maglev, hashOn: {header: x-user}`,
        ),
      ),
    );
  t.match(of('name: web, port: 81'), [
    /spec\.hashOn\.header: .*not read as HTTP.* \| Write hashOn: \{sourceAddress: true\}\./,
  ]);
  t.same(of('name: web'), [], 'it counts for the port that is HTTP');
});

t.test('a resource is there once; only a Pod may be replaced, by a later folder', async (t) => {
  t.match(told(docs(web, web)), [/Service default\/web is also in 0\.yaml, line 1 \| Remove one of the two/]);
  t.match(told(web, web), [/^1\.yaml metadata\.name: Service default\/web is also in 0\.yaml/]);
  t.match(told(docs(pod('p'), pod('p'))), [/Pod default\/p is also in 0\.yaml/]);
  t.same(told(pod('p'), pod('p')), []);
});

t.test('an address belongs to one Service', async (t) => {
  const at = (name: string) => service(name, 'clusterIP: 10.96.7.7, ports: [{port: 80}]');
  t.match(told(docs(at('a'), at('b'))), [/spec\.clusterIP: 10\.96\.7\.7 is already the address of Service default\/a/]);
});

t.test('an annotation that means nothing is told at its place', async (t) => {
  t.match(told(pod('p', { annotations: 'tulle.dev/exclude-inbound-ports: x' })), [
    /metadata\.annotations\["tulle\.dev\/exclude-inbound-ports"\]: "x" is not understood/,
  ]);
});

t.test('problems come in the order of files and lines', async (t) => {
  const text = docs(web, route('r', 'no', '{backendRefs: [{name: none, port: 80}]}'), web);
  const lines = problemsOf(text, route('q', 'no', '{}')).map(({ file, line }) => `${file}:${line}`);
  t.same(lines, ['0.yaml:4', '0.yaml:4', '0.yaml:6', '1.yaml:2']);
});

t.test('a mesh has one MeshPolicy at most', async (t) => {
  const mesh = (name: string) => policy('MeshPolicy', name, 'paths: {escapedSlashes: Keep}');
  t.equal(modelOf(mesh('a')).paths.escapedSlashes, 'Keep');
  t.equal(modelOf(web).paths.escapedSlashes, 'Reject');
  t.match(problemsOf(docs(mesh('a'), mesh('b'))), [
    { message: 'a second MeshPolicy: a in 0.yaml is one already', remedy: 'Merge the two: a mesh has one at most.' },
  ]);
});
