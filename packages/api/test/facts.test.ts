import fc from 'fast-check';
import t from 'tap';
import {
  assignClusterIps,
  didYouMean,
  durationMs,
  isDuration,
  isInjected,
  matchesLabels,
  type Namespace,
  type Pod,
  parseManifest,
  readPodAnnotations,
  type Service,
  serviceProtocol,
  targetPortOf,
} from '../src/index.js';

function pod(text: string): Pod {
  const containers =
    '[{name: a, ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}]';
  const manifest = `{apiVersion: v1, kind: Pod, metadata: {name: p, ${text}}, spec: {containers: ${containers}}}`;
  return parseManifest('p.yaml', manifest).resources[0].resource as Pod;
}

function service(name: string, clusterIP?: string): Service {
  const ip = clusterIP === undefined ? '' : `clusterIP: ${clusterIP},`;
  const manifest = `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {${ip} ports: [{port: 80}]}}`;
  return parseManifest('s.yaml', manifest).resources[0].resource as Service;
}

t.test('durations are those of the Gateway API', async (t) => {
  for (const [text, ms] of Object.entries({
    '5s': 5000,
    '1m30s': 90_000,
    '100ms': 100,
    '0s': 0,
    '1h1m1s1ms': 3_661_001,
  })) {
    t.equal(durationMs(text), ms, text);
  }
  for (const text of ['', '5', '1.5s', '-1s', '1d', '5 s', '100000s', '1s1s1s1s1s']) {
    t.equal(isDuration(text), false, text);
    t.throws(() => durationMs(text), RangeError, text);
  }
});

t.test('the protocol of a port comes from appProtocol, then from its name, else it is to be found out', async (t) => {
  const cases: [{ name?: string; appProtocol?: string }, string][] = [
    [{ appProtocol: 'http', name: 'tcp' }, 'http'],
    [{ appProtocol: 'kubernetes.io/ws' }, 'http'],
    [{ appProtocol: 'kubernetes.io/h2c' }, 'http2'],
    [{ appProtocol: 'example.com/custom', name: 'http' }, 'tcp'],
    [{ name: 'http' }, 'http'],
    [{ name: 'http-metrics' }, 'http'],
    [{ name: 'https' }, 'tls'],
    [{ name: 'grpc-api' }, 'grpc'],
    [{ name: 'tcp-db' }, 'tcp'],
    [{ name: 'httpx' }, 'auto'],
    [{ name: 'constructor' }, 'auto'],
    [{}, 'auto'],
  ];
  for (const [port, expected] of cases) t.equal(serviceProtocol(port), expected, JSON.stringify(port));
});

t.test('a target port is a number, a name of the pod’s ports, or the port itself', async (t) => {
  const it = pod('');
  t.equal(targetPortOf({ port: 80, protocol: 'TCP' }, it), 80);
  t.equal(targetPortOf({ port: 80, protocol: 'TCP', targetPort: 9 }, it), 9);
  t.equal(targetPortOf({ port: 80, protocol: 'TCP', targetPort: 'http' }, it), 8080);
  t.equal(targetPortOf({ port: 80, protocol: 'TCP', targetPort: 'dns' }, it), undefined, 'of another protocol');
  t.equal(targetPortOf({ port: 80, protocol: 'TCP', targetPort: 'none' }, it), undefined);
});

t.test('a pod decides on its sidecar before its namespace does', async (t) => {
  const namespace = parseManifest(
    'n.yaml',
    '{apiVersion: v1, kind: Namespace, metadata: {name: n, labels: {tulle.dev/inject: enabled}}}',
  ).resources[0].resource as Namespace;
  t.equal(isInjected(pod(''), undefined), false);
  t.equal(isInjected(pod(''), namespace), true);
  t.equal(isInjected(pod('labels: {tulle.dev/inject: disabled}'), namespace), false);
  t.equal(isInjected(pod('annotations: {tulle.dev/inject: disabled}'), namespace), false);
  t.equal(isInjected(pod('labels: {tulle.dev/inject: enabled}'), undefined), true);
  const onHost = pod('');
  t.equal(isInjected({ ...onHost, spec: { ...onHost.spec, hostNetwork: true } }, namespace), false);
});

t.test('a selector matches when every label is there', async (t) => {
  t.equal(matchesLabels({ a: '1' }, { a: '1', b: '2' }), true);
  t.equal(matchesLabels({ a: '1', c: '3' }, { a: '1', b: '2' }), false);
  t.equal(matchesLabels({}, { a: '1' }), true);
  t.equal(matchesLabels({ constructor: 'x' }, {}), false);
});

t.test(
  'cluster addresses are the same whatever the order, keep what was given, and are never given twice',
  async (t) => {
    const fixed = service('fixed', '10.96.3.4');
    const none = service('none', 'None');
    const many = Array.from({ length: 2000 }, (_, i) => service(`s${i}`));
    const forward = assignClusterIps([fixed, none, ...many]);
    t.equal(forward[0], fixed);
    t.equal(forward[1], none);
    const ips = forward.slice(2).map(({ spec }) => spec.clusterIP);
    t.equal(new Set([...ips, '10.96.3.4']).size, 2001);
    t.ok(ips.every((ip) => /^10\.96\.\d+\.\d+$/.test(ip!)));
    const backward = assignClusterIps([...many].reverse()).reverse();
    t.same(
      backward.map(({ spec }) => spec.clusterIP),
      assignClusterIps(many).map(({ spec }) => spec.clusterIP),
    );
  },
);

t.test('annotations are read, and those that mean nothing are told', async (t) => {
  const { annotations, problems } = readPodAnnotations(
    pod(`annotations: {
      tulle.dev/inbound-listeners: '[{"port":8080,"listen":"127.64.0.5:21001"}]',
      tulle.dev/exclude-inbound-ports: "9090, 9091", tulle.dev/exclude-outbound-ports: "",
      tulle.dev/exclude-outbound-cidrs: 10.0.0.0/8}`),
  );
  t.same(problems, []);
  t.same(annotations, {
    inboundListeners: [{ port: 8080, address: '127.64.0.5', listenPort: 21001 }],
    excludeInboundPorts: [9090, 9091],
    excludeOutboundPorts: [],
    excludeOutboundCidrs: ['10.0.0.0/8'],
  });
  const bad = readPodAnnotations(
    pod(`annotations: {tulle.dev/inbound-listeners: '[{"port":8080}]', tulle.dev/exclude-inbound-ports: "0",
      tulle.dev/exclude-outbound-cidrs: 10.0.0.0/33}`),
  );
  t.same(
    bad.problems.map(({ annotation }) => annotation),
    ['tulle.dev/inbound-listeners', 'tulle.dev/exclude-inbound-ports', 'tulle.dev/exclude-outbound-cidrs'],
  );
});

t.test('a slip is recognised, another word is not', async (t) => {
  t.equal(didYouMean('selectr', ['ports', 'selector']), 'selector');
  t.equal(didYouMean('appProtcol', ['protocol', 'appProtocol']), 'appProtocol');
  t.equal(didYouMean('PORT', ['sport', 'port']), 'port');
  t.equal(didYouMean('colour', ['ports', 'selector']), undefined);
  fc.assert(fc.property(fc.string(), (word) => didYouMean(word, [word]) === undefined));
});

t.test('an address has one spelling, however it was written', async (t) => {
  const spellings: [string, string][] = [
    ['FD00:0:0:0::1', 'fd00::1'],
    ['fd00:0000:0000:0000:0000:0000:0000:0001', 'fd00::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:10.96.1.2', '10.96.1.2'],
    ['10.96.1.2', '10.96.1.2'],
  ];
  for (const [written, canonical] of spellings) {
    const text = `
{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: '${written}', ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}, status: {podIP: '${written}'}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: e}, addressType: IPv6, endpoints: [{addresses: ['${written}']}]}`;
    const { resources, problems } = parseManifest('a.yaml', text);
    t.same(problems, []);
    t.match(
      resources.map(({ resource }) => resource),
      [
        { spec: { clusterIP: canonical } },
        { status: { podIP: canonical } },
        { endpoints: [{ addresses: [canonical] }] },
      ],
    );
  }
});
