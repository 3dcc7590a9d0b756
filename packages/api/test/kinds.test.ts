import t from 'tap';
import { type HttpRoute, parseManifest } from '../src/index.js';

function problemsOf(text: string): string[] {
  return parseManifest('a.yaml', text).problems.map(({ path, message, remedy }) => `${path}: ${message} | ${remedy}`);
}

function route(rule: string, more = ''): string {
  return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {
    parentRefs: [{group: "", kind: Service, name: server, port: 80}], ${more} rules: [${rule}]}}`;
}

function policy(kind: string, spec: string): string {
  return `{apiVersion: policy.tulle.dev/v1alpha1, kind: ${kind}, metadata: {name: p}, spec: ${spec}}`;
}

t.test('a Pod as the API server gives it is read, and what is not the mesh’s is left alone', async (t) => {
  const text = `
apiVersion: v1
kind: Pod
metadata:
  name: web-7d4b9c-x2x1
  namespace: shop
  creationTimestamp: "2026-01-02T03:04:05Z"
  generateName: web-7d4b9c-
  labels: {app: web}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-7d4b9c, uid: 1-2}]
  managedFields: [{manager: kubelet}]
  resourceVersion: "12"
  uid: 3-4
spec:
  containers:
    - name: app
      image: registry.example/web:1
      imagePullPolicy: IfNotPresent
      env:
        - {name: A, value: ""}
        - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
      livenessProbe: {httpGet: {path: /, port: http}}
      readinessProbe: {httpGet: {path: /, port: http}}
      resources: {limits: {memory: 1Gi}}
      securityContext: {runAsNonRoot: true}
      ports: [{name: http, containerPort: 8080}]
      volumeMounts: [{name: data, mountPath: /data}]
  serviceAccount: web
  nodeName: node-1
  tolerations: []
  volumes: [{name: data, emptyDir: {}}]
status:
  phase: Running
  podIP: 10.0.0.7
  podIPs: [{ip: 10.0.0.7}]
  conditions: [{type: Ready, status: "True"}]
`;
  const { resources, problems } = parseManifest('a.yaml', text);
  t.same(problems, []);
  t.match(resources[0].resource, {
    spec: {
      serviceAccountName: 'web',
      containers: [{ ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }],
    },
    status: { podIP: '10.0.0.7' },
  });
});

t.test('a Service of several ports needs names that differ', async (t) => {
  const service = (ports: string) => `{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: ${ports}}}`;
  t.same(problemsOf(service('[{port: 80, name: a}, {port: 81, name: b}]')), []);
  t.match(problemsOf(service('[{port: 80}, {port: 81}]')), [/ports\[0\].*needs a name/, /ports\[1\].*needs a name/]);
  t.match(problemsOf(service('[{port: 80, name: a}, {port: 81, name: a}]')), [
    /ports\[1\]\.name: the name a is used twice/,
  ]);
  t.match(problemsOf(service('[{port: 80, name: a}, {port: 80, name: b}]')), [
    /ports\[1\]\.port: port TCP 80 is listed/,
  ]);
});

t.test('what a Service may ask for and the mesh cannot do is refused', async (t) => {
  const service = (field: string) =>
    `{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}], ${field}}}`;
  t.match(problemsOf(service('sessionAffinity: ClientIP')), [/session affinity is not supported/]);
  t.match(problemsOf(service('type: ExternalName')), [/ExternalName are not supported/]);
  t.match(problemsOf(service('externalName: a.b')), [/externalName is not supported/]);
  t.match(problemsOf(service('clusterIP: 10.1')), [/neither an IP address nor None/]);
  t.same(problemsOf(service('sessionAffinity: None, ipFamilies: [IPv4], clusterIP: "", type: LoadBalancer')), []);
});

t.test('an HTTPRoute without matches means every request', async (t) => {
  const { resources } = parseManifest('a.yaml', route('{backendRefs: [{name: v1, port: 80}]}'));
  t.same((resources[0].resource as HttpRoute).spec.rules[0], {
    matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] }],
    filters: [],
    backendRefs: [{ name: 'v1', port: 80, weight: 1 }],
    timeouts: {},
  });
});

t.test('of several header matches with one name the first counts', async (t) => {
  const text = route('{matches: [{headers: [{name: A, value: "1"}, {name: a, value: "2"}]}]}');
  const { resources } = parseManifest('a.yaml', text);
  t.same((resources[0].resource as HttpRoute).spec.rules[0].matches[0].headers, [
    { type: 'Exact', name: 'A', value: '1' },
  ]);
});

t.test('weights that sum to zero are refused', async (t) => {
  t.match(problemsOf(route('{backendRefs: [{name: v1, port: 80, weight: 0}, {name: v2, port: 80, weight: 0}]}')), [
    /^spec\.rules\[0\]\.backendRefs: the weights sum to zero \| Give at least one backend a weight above 0\.$/,
  ]);
  t.same(problemsOf(route('{backendRefs: [{name: v1, port: 80, weight: 0}, {name: v2, port: 80}]}')), []);
});

t.test('what the Gateway API knows and the mesh cannot do is refused with a way out', async (t) => {
  const cases: [string, RegExp][] = [
    [route('{filters: [{type: RequestMirror, requestMirror: {}}]}'), /type "RequestMirror" are not supported/],
    [route('{retry: {attempts: 2}}'), /TrafficPolicy with retries/],
    [route('{sessionPersistence: {}}'), /session persistence is not supported/],
    [route('{}', 'hostnames: [a.b],'), /hostname in a route of a Service/],
    [route('{backendRefs: [{name: v1, port: 80, filters: []}]}'), /Move it to the filters of the rule/],
    [route('{backendRefs: [{kind: Bucket, name: v1, port: 80}]}'), /only Services can be backends/],
    [route('{}').replace('kind: Service', 'kind: Gateway'), /attached to Services only/],
  ];
  for (const [text, expected] of cases) t.match(problemsOf(text), [expected], text);
});

t.test(
  'regular expressions match paths, headers and parameters; those that no proxy can use are refused',
  async (t) => {
    const match =
      '{path: {type: RegularExpression, value: "/v[0-9]+(/.*)?"}, headers: [{type: RegularExpression, name: a, value: "b|c"}], queryParams: [{type: RegularExpression, name: q, value: "\\\\d+"}]}';
    const { resources } = parseManifest('a.yaml', route(`{matches: [${match}]}`));
    t.same((resources[0].resource as HttpRoute).spec.rules[0].matches, [
      {
        path: { type: 'RegularExpression', value: '/v[0-9]+(/.*)?' },
        headers: [{ type: 'RegularExpression', name: 'a', value: 'b|c' }],
        queryParams: [{ type: 'RegularExpression', name: 'q', value: '\\d+' }],
      },
    ]);
    const cases: [string, RegExp][] = [
      [
        '{path: {type: RegularExpression, value: "(a)\\\\1"}}',
        /^spec\.rules\[0\]\.matches\[0\]\.path\.value: "\(a\)\\\\1" is not a regular expression that can be used: at character 4: a backreference, .* \| Write out what it repeats\.$/,
      ],
      ['{path: {type: RegularExpression}}', /path\.value: required field is missing/],
      [
        '{path: {type: Regex, value: /a}}',
        /path\.type: "Regex" is not a type of match \| Use Exact, PathPrefix or RegularExpression\.$/,
      ],
      [
        '{headers: [{type: RegularExpression, name: a, value: "a{2000}"}]}',
        /headers\[0\]\.value: .* a repetition beyond 1000/,
      ],
      [
        '{queryParams: [{type: RegularExpression, name: a, value: "(a{1000}){3}"}]}',
        /queryParams\[0\]\.value: .* 3001 instructions/,
      ],
      [
        '{headers: [{type: Prefix, name: a, value: b}]}',
        /headers\[0\]\.type: "Prefix" is not a type of match \| Use Exact or RegularExpression\.$/,
      ],
      ['{headers: [a]}', /headers\[0\]: expected a mapping/],
      ['{headers: [{name: a, value: b, kind: c}]}', /unknown field `kind`/],
    ];
    for (const [text, expected] of cases) t.match(problemsOf(route(`{matches: [${text}]}`)), [expected], text);
    const replace = '{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}';
    const expression = '[{path: {type: RegularExpression, value: /a.*}}]';
    t.match(problemsOf(route(`{matches: ${expression}, filters: [${replace}]}`)), [
      /a match of the rule is RegularExpression/,
    ]);
  },
);

t.test('rules that contradict themselves are refused', async (t) => {
  const redirect = '{type: RequestRedirect, requestRedirect: {port: 81}}';
  const rewrite = '{type: URLRewrite, urlRewrite: {hostname: a}}';
  t.match(problemsOf(route(`{filters: [${redirect}, ${rewrite}]}`)), [/cannot redirect and rewrite/]);
  t.match(problemsOf(route(`{filters: [${redirect}], backendRefs: [{name: a, port: 80}]}`)), [/reaches no backend/]);
  t.match(problemsOf(route(`{filters: [${rewrite}, ${rewrite}]}`)), [/a second URLRewrite/]);
  t.match(problemsOf(route('{timeouts: {request: 1s, backendRequest: 2s}}')), [/longer than the whole request/]);
  t.same(problemsOf(route('{timeouts: {request: 0s, backendRequest: 2s}}')), []);
});

t.test('paths that no normalised request has are refused', async (t) => {
  for (const path of ['a', '/a//b', '/a/../b', '/.', '/a%2fb', '/..%3Bx', '/a?b', '/a#b', '/ä']) {
    t.match(
      problemsOf(route(`{matches: [{path: {value: "${path}"}}]}`)),
      [/is not a path that a request can have/],
      path,
    );
  }
  for (const path of ['/', '/a', '/a/', '/a.b/..c', '/a%20b']) {
    t.same(problemsOf(route(`{matches: [{path: {value: "${path}"}}]}`)), [], path);
  }
});

t.test('headers that belong to the connection cannot be edited, and values cannot split a line', async (t) => {
  const edit = (name: string, value: string) =>
    route(
      `{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: ${name}, value: ${value}}]}}]}`,
    );
  t.same(problemsOf(edit('x-a', 'b')), []);
  for (const name of ['Content-Length', 'content_length', 'Keep-Alive', 'expect', 'Proxy_Connection']) {
    t.match(problemsOf(edit(name, '"1"')), [/belongs to the connection/], name);
  }
  t.match(problemsOf(edit('x-a', '"b\\r\\nc: d"')), [/is not a header value/]);
  t.match(problemsOf(edit('"x a"', 'b')), [/is not a header name/]);
});

t.test('what no head of a request can hold is refused where it is written', async (t) => {
  const query = (name: string, value: string) =>
    route(`{matches: [{queryParams: [{name: ${name}, value: ${value}}]}]}`);
  t.match(problemsOf(query('q', '"a b"')), [/queryParams\[0\]\.value: .*is not a value .*as in a%20b/]);
  t.match(problemsOf(query('ü', '"1"')), [/queryParams\[0\]\.name: "ü" is not a name of a query parameter/]);
  t.same(problemsOf(query('q', 'a%20b')), []);
  const header = (value: string) => route(`{matches: [{headers: [{name: x-city, value: ${value}}]}]}`);
  t.match(problemsOf(header('東京')), [/headers\[0\]\.value: "東京" is not a header value .* beyond Latin-1/]);
  t.same(problemsOf(header('köln')), []);
});

t.test('a policy for a path that is never compared is refused, and told its normal form', async (t) => {
  const path = (value: string) => policy('AuthorizationPolicy', `{rules: [{to: [{paths: ['${value}']}]}]}`);
  const spellings: [string, string][] = [
    ['//admin', '/admin'],
    ['/%61dmin', '/admin'],
    ['/a//b/*', '/a/b/*'],
    ['/a/./b/../c', '/a/c'],
    ['/a/..', '/'],
    ['/a%3ab', '/a%3Ab'],
    ['/käse', '/k%C3%A4se'],
    ['/%2e%2e*', '/..*'],
  ];
  for (const [written, normal] of spellings) {
    const [problem] = problemsOf(path(written));
    t.match(problem, 'is not a path that a request can have', written);
    t.ok(problem.endsWith(`write ${normal}.`), problem);
    t.same(problemsOf(path(normal)), [], normal);
  }
  const impossible = ['/a%2Fb', '/a%5cb', '/a%00', '/a%', '/a%4', '/a%zz', '/..', '/a/..;x/b', '/a?b', '/a#b', 'a', ''];
  for (const each of impossible) t.match(problemsOf(path(each)), [/Begin with \/, and leave out/], each);
  for (const each of ['/', '/*', '*', '/.well-known*', '/.*', '/a/', '/a;b=c/d', '/{id}']) {
    t.same(problemsOf(path(each)), [], each);
  }
});

t.test('an AuthorizationPolicy says whom and what it means', async (t) => {
  const good = `{selector: {matchLabels: {app: a}}, action: Deny, rules: [{
    from: [{serviceAccounts: [client, shop/web], namespaces: [shop]}, {principals: ["spiffe://a/ns/*", "*"]}],
    to: [{methods: [GET], paths: [/a, "/b*"], ports: [80]}]}]}`;
  t.same(problemsOf(policy('AuthorizationPolicy', good)), []);
  const cases: [string, RegExp][] = [
    ['{action: Audit}', /"Audit" is not allowed here \| Use one of Allow, Deny/],
    ['{action: allow}', /Did you mean `Allow`\?/],
    ['{rules: [{from: []}]}', /the list is empty/],
    ['{rules: [{from: [{}]}]}', /names nobody/],
    ['{rules: [{to: [{}]}]}', /names no request/],
    ['{rules: [{to: [{paths: ["/a*b"]}]}]}', /A \* may stand at the end only/],
    ['{rules: [{to: [{methods: [get]}]}]}', /Did you mean `GET`\?/],
    ['{rules: [{from: [{principals: [client]}]}]}', /is not a SPIFFE id/],
    ['{rules: [{when: []}]}', /unknown field `when`/],
  ];
  for (const [spec, expected] of cases) t.match(problemsOf(policy('AuthorizationPolicy', spec)), [expected], spec);
});

t.test('a TrafficPolicy says how patient clients are', async (t) => {
  const good = `{targetRefs: [{kind: Service, name: a, port: 80}], timeouts: {request: 1m30s, connect: 100ms, idle: 0s},
    retries: {attempts: 3, on: [reset, 5xx], perTryTimeout: 1s}, circuitBreaker: {maxConnections: 5}, loadBalancer: P2C}`;
  t.same(problemsOf(policy('TrafficPolicy', good)), []);
  const more = `{targetRefs: [{kind: Service, name: a}], loadBalancer: RingHash, hashOn: {header: x-user},
    retries: {attempts: 1, backOff: {baseInterval: 10ms, maxInterval: 1s}, budget: {percent: 10}},
    outlierDetection: {consecutiveLocalOriginFailures: 3}}`;
  t.same(problemsOf(policy('TrafficPolicy', more)), []);
  const cases: [string, RegExp][] = [
    ['{targetRefs: []}', /the list is empty/],
    ['{targetRefs: [{kind: Service, name: a}], timeouts: {request: 5}}', /5 is not a duration \| Write it as 5s/],
    ['{targetRefs: [{kind: Service, name: a}], timeouts: {request: 5 s}}', /is not a duration \| Write it as 5s/],
    ['{targetRefs: [{kind: Service, name: a}], timeouts: {connect: 0s}}', /cannot go on forever/],
    ['{targetRefs: [{kind: Service, name: a}], retries: {attempts: 99}}', /more than 10/],
    [
      '{targetRefs: [{kind: Service, name: a}], loadBalancer: Random}',
      /Use one of P2C, RoundRobin, LeastRequest, RingHash, Maglev/,
    ],
    ...(
      [
        ['loadBalancer: Maglev', /spec\.hashOn: required field is missing \| .*header: <name>/],
        ['hashOn: {header: x-user}', /spec\.hashOn: nothing is hashed \| Set loadBalancer to RingHash or Maglev/],
        ['loadBalancer: Maglev, hashOn: {}', /spec\.hashOn: one of header and sourceAddress must be set/],
        ['loadBalancer: Maglev, hashOn: {header: a b}', /spec\.hashOn\.header: "a b" is not a header name/],
        ['loadBalancer: Maglev, hashOn: {header: a, sourceAddress: true}', /one of header and sourceAddress/],
        ['outlierDetection: {consecutive5xx: 0}', /spec\.outlierDetection: nothing is looked at/],
        ['outlierDetection: {maxEjectionPercent: 101}', /maxEjectionPercent: .*more than 100/],
        ['outlierDetection: {interval: 0s}', /interval: the time between two looks cannot be zero/],
        [
          'circuitBreaker: {maxRetries: 1}, retries: {attempts: 1, budget: {}}',
          /circuitBreaker\.maxRetries: retries\.budget says/,
        ],
        [
          'retries: {attempts: 1, backOff: {baseInterval: 2s, maxInterval: 1s}}',
          /backOff: maxInterval is less than baseInterval/,
        ],
        ['retries: {attempts: 1, budget: {percentage: 5}}', /budget.*percentage/],
      ] as [string, RegExp][]
    ).map(([spec, expected]): [string, RegExp] => [`{targetRefs: [{kind: Service, name: a}], ${spec}}`, expected]),
  ];
  for (const [spec, expected] of cases) t.match(problemsOf(policy('TrafficPolicy', spec)), [expected], spec);
});
