import fc from 'fast-check';
import t from 'tap';
import { formatProblem, parseManifest } from '../src/index.js';

/** The problems of a text, each as `line:column path: message | remedy`. */
function problemsOf(text: string): string[] {
  return parseManifest('a.yaml', text).problems.map(
    ({ line, column, path, message, remedy }) => `${line}:${column} ${path}: ${message} | ${remedy}`,
  );
}

const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: server
spec:
  selector:
    app: server
  ports:
    - port: 80
`;

t.test('a Service gets the defaults of Kubernetes', async (t) => {
  const { resources, problems } = parseManifest('a.yaml', SERVICE);
  t.same(problems, []);
  t.match(resources[0].resource, {
    kind: 'Service',
    metadata: { name: 'server', namespace: 'default', labels: {}, annotations: {} },
    spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], publishNotReadyAddresses: false },
  });
});

t.test('a resource cannot be changed after it was read', async (t) => {
  const [{ resource }] = parseManifest('a.yaml', SERVICE).resources;
  t.throws(() => {
    resource.metadata.labels.app = 'other';
  }, TypeError);
});

t.test('an unknown field stands at its key, with the field that was meant', async (t) => {
  t.same(problemsOf(SERVICE.replace('selector', 'selectr')), [
    '6:3 spec.selectr: unknown field `selectr` | Did you mean `selector`? Otherwise remove it.',
  ]);
});

t.test('an unknown field that is like none names those that may stand there', async (t) => {
  const [problem] = problemsOf(SERVICE.replace('- port: 80', '- {port: 80, colour: red}'));
  t.match(
    problem,
    /^9:18 spec\.ports\[0\]\.colour: unknown field `colour` \| Remove it\. Fields .*name, protocol, port/,
  );
});

t.test('each mistake is told, in the order of the text', async (t) => {
  const text = SERVICE.replace('name: server', 'name: Server').replace('port: 80', 'port: "80"');
  t.same(problemsOf(text), [
    '4:9 metadata.name: "Server" is not a valid name | Use at most 63 lower-case letters, digits and dashes, and begin and end with a letter or digit.',
    '9:13 spec.ports[0].port: expected a number, found "80" | Remove the quotes: 80.',
  ]);
});

t.test('a number where text belongs is to be put in quotes', async (t) => {
  t.same(problemsOf(SERVICE.replace('app: server', 'version: 1')), [
    '7:14 spec.selector.version: expected a string, found 1 | Put it in quotes: "1".',
  ]);
});

t.test('a missing field stands at what it is missing from', async (t) => {
  t.same(problemsOf(SERVICE.replace('- port: 80', '- name: http')), [
    '9:7 spec.ports[0].port: required field is missing | Add it. Write a number.',
  ]);
});

t.test('a value left empty stands at its key', async (t) => {
  t.match(problemsOf(SERVICE.replace('    - port: 80', ''))[0], /^8:3 spec\.ports: expected a list, found nothing/);
});

t.test('an unknown kind names the one that was meant', async (t) => {
  t.match(
    problemsOf('apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRout\n')[0],
    /^2:7 kind: unknown kind "HTTPRout" \| Did you mean `HTTPRoute`\?/,
  );
});

t.test('a known kind of another version names the version', async (t) => {
  t.same(problemsOf('apiVersion: gateway.networking.k8s.io/v1beta1\nkind: HTTPRoute\n'), [
    '1:13 apiVersion: HTTPRoute of gateway.networking.k8s.io/v1beta1 is not known | Write apiVersion: gateway.networking.k8s.io/v1.',
  ]);
});

t.test('what is no resource at all is told', async (t) => {
  t.match(problemsOf('- a\n- b\n')[0], /^1:1 : a resource is a mapping, this is a list/);
  t.match(problemsOf('kind: Service\n')[0], /apiVersion is missing/);
  t.match(problemsOf('apiVersion: v1\nkind: 7\n')[0], /^2:7 kind: kind is 7/);
});

t.test('bad YAML is one problem for its document, and the others are read', async (t) => {
  const text = `a: [1, 2\n---\n${SERVICE}`;
  const { problems, resources } = parseManifest('a.yaml', text);
  t.equal(problems.length, 1);
  t.match(problems[0], { line: 2, message: /not valid YAML/, remedy: /\.$/ });
  t.equal(resources.length, 1);
});

t.test('a key given twice is bad YAML', async (t) => {
  t.match(
    problemsOf(SERVICE.replace('    app: server', '    app: server\n    app: other'))[0],
    /^8:5 : .*\| Remove one/,
  );
});

t.test('a bomb of aliases is refused', async (t) => {
  let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
  for (let i = 1; i < 9; i++)
    text += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`;
  t.match(problemsOf(text)[0], /not valid YAML: Excessive alias count/);
});

t.test('a problem behind an alias stands at the anchor', async (t) => {
  const text = SERVICE.replace('    - port: 80', '    - &p {port: x}\n    - *p');
  t.match(problemsOf(text)[0], /^9:17 spec\.ports\[0\]\.port: expected a number/);
});

t.test('empty documents and comments are nothing', async (t) => {
  t.same(parseManifest('a.yaml', '# nothing\n---\n---\n\n'), { resources: [], problems: [] });
  t.same(parseManifest('a.yaml', ''), { resources: [], problems: [] });
});

t.test('the items of a List are resources, with paths of their own', async (t) => {
  const text = `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ServiceAccount
    metadata: {name: a}
  - apiVersion: v1
    kind: ServiceAccount
    metadata: {nam: b}
`;
  const { resources, problems } = parseManifest('a.yaml', text);
  t.equal(resources.length, 1);
  t.match(problems.map(formatProblem).join('\n'), /a\.yaml:9:16: metadata\.nam: unknown field `nam`/);
});

t.test('JSON is read like YAML', async (t) => {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } });
  t.equal(parseManifest('a.json', text).resources.length, 1);
});

t.test('a key called __proto__ is an unknown field like any other', async (t) => {
  t.match(problemsOf(SERVICE.replace('  selector:', '  __proto__:'))[0], /unknown field `__proto__`/);
});

t.test('others can speak about a place in a resource', async (t) => {
  const [{ problemAt }] = parseManifest('a.yaml', SERVICE).resources;
  t.same(problemAt(['spec', 'ports', 0, 'port'], 'taken', 'Use another.'), {
    file: 'a.yaml',
    line: 9,
    column: 13,
    path: 'spec.ports[0].port',
    message: 'taken',
    remedy: 'Use another.',
  });
});

t.test('whatever the text is, reading it does not throw, and each problem has a place and a remedy', async () => {
  const lines = fc.constantFrom(
    ...SERVICE.split('\n'),
    '---',
    '  - *a',
    '&a x',
    '? [1]',
    '!!binary x',
    '"',
    '\t',
    '{}',
    ': ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(lines).map((all) => all.join('\n')),
      ),
      (text) => {
        for (const problem of parseManifest('a.yaml', text).problems) {
          if (problem.line < 1 || problem.column < 1 || !problem.remedy.endsWith('.'))
            throw new Error(formatProblem(problem));
        }
      },
    ),
    { numRuns: 500 },
  );
});

t.test('a file that is no text is one short problem with its place', async (t) => {
  const { problems, resources } = parseManifest('a.yaml', `kind: Pod\nPK\u0003\u0004${'x'.repeat(100_000)}\0`);
  t.same(resources, []);
  t.same(problems, [
    {
      file: 'a.yaml',
      line: 2,
      column: 3,
      path: '',
      message: 'the file is not text: it holds the character U+0003',
      remedy: 'Take it out of the folder, or give it a name that does not end in .yaml or .yml.',
    },
  ]);
});

t.test('what is not understood is not quoted at length', async (t) => {
  const long = 'x'.repeat(100_000);
  for (const text of [
    long,
    `"${long}`,
    `${long}: [`,
    `a: *${long}`,
    `apiVersion: v1\nkind: ${long}`,
    `apiVersion: v1\nkind: Pod\n${long}: 1`,
  ]) {
    const { problems } = parseManifest('a.yaml', text);
    t.ok(problems.length > 0);
    for (const { message, path, remedy } of problems)
      t.ok(`${message}${path}${remedy}`.length < 2000, message.slice(0, 100));
  }
});
