/** Programs that were not written here, as they are: curl, Python's client and server, nginx, a protocol in which the server speaks first. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Mesh, startMesh, temporaryFolder } from './mesh.js';
import { findProgram, noNamespaces } from './possible.js';

t.setTimeout(480_000);

/** A pod with one program, its service, and its service account. */
function pod(name: string, command: readonly string[], port: number): string {
  return `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${name}
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector:
    app: ${name}
  ports:
    - name: http
      port: 80
      targetPort: ${port}
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels:
    app: ${name}
spec:
  serviceAccountName: ${name}
  containers:
    - name: app
      command: ${JSON.stringify(command)}
      ports:
        - name: http
          containerPort: ${port}
---
`;
}

const scratch = temporaryFolder(t, 'foreign');
const curl = findProgram('curl');
const python = findProgram('python3');
const nginx = findProgram('nginx');
const page = randomBytes(300_000);
const www = join(scratch, 'www');
mkdirSync(www);
writeFileSync(join(www, 'page.bin'), page, { mode: 0o644 });
const big = join(scratch, 'big.bin');
writeFileSync(big, randomBytes(5_000_000), { mode: 0o644 });

const nginxConf = join(scratch, 'nginx.conf');
writeFileSync(
  nginxConf,
  `${process.getuid?.() === 0 ? 'user root;\n' : ''}daemon off; pid ${scratch}/nginx.pid; error_log stderr; worker_processes 1;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${scratch}/body; proxy_temp_path ${scratch}/proxy; fastcgi_temp_path ${scratch}/fastcgi;
  uwsgi_temp_path ${scratch}/uwsgi; scgi_temp_path ${scratch}/scgi;
  server { listen 8088; root ${www}; location = /hello { return 200 "hello from nginx\\n"; } }
}
`,
  { mode: 0o644 },
);

const files = {
  'python.yaml':
    python === undefined ? '' : pod('python', [python, '-u', '-m', 'http.server', '8089', '--directory', www], 8089),
  'nginx.yaml': nginx === undefined ? '' : pod('nginx', [nginx, '-c', nginxConf], 8088),
};
if (files['python.yaml'] === '') delete (files as Partial<typeof files>)['python.yaml'];
if (files['nginx.yaml'] === '') delete (files as Partial<typeof files>)['nginx.yaml'];

const none = (name: string, program: string | undefined): string | false =>
  program === undefined ? `${name} is not on this machine` : false;

/** Runs a program in the client's pod; its standard output. */
async function said(t: Test, mesh: Mesh, argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await mesh.run('client', argv);
  t.equal(code, 0, argv.slice(0, 6).join(' '), { stderr });
  return stdout;
}

t.test('foreign programs', { skip: await noNamespaces() }, async (t) => {
  const mesh = await startMesh(t, 'foreign', { provider: 'netns', files });

  await t.test('curl asks by every name', { skip: none('curl', curl) }, async (t) => {
    for (const host of [
      'server',
      'server.default',
      'server.default.svc.cluster.local',
      await mesh.clusterIp('server'),
    ]) {
      t.match(await said(t, mesh, ['curl', '-sS', `http://${host}/`]), /^hello from server-v/, host);
    }
  });

  await t.test('curl keeps its connection', { skip: none('curl', curl) }, async (t) => {
    const urls = ['http://server/one', 'http://server/two', 'http://server/three'];
    const counts = await said(t, mesh, [
      'curl',
      '-sS',
      '-o',
      '/dev/null',
      '-w',
      '%{num_connects} ',
      urls[0],
      '-o',
      '/dev/null',
      urls[1],
      '-o',
      '/dev/null',
      urls[2],
    ]);
    t.equal(counts.trim(), '1 0 0');
  });

  await t.test('curl asks for a head only', { skip: none('curl', curl) }, async (t) => {
    const head = await said(t, mesh, ['curl', '-sSI', '--max-time', '60', 'http://server/head']);
    t.match(head, /^HTTP\/1\.1 403/, 'the policy of the demo allows GET and POST');
    if (nginx !== undefined) {
      const length = await said(t, mesh, ['curl', '-sSI', '--max-time', '60', 'http://nginx/page.bin']);
      t.match(length, new RegExp(`^HTTP/1\\.1 200[^]*content-length: ${page.length}\\r\\n`, 'i'));
    }
  });

  await t.test('curl uploads a file, with a length and in chunks', { skip: none('curl', curl) }, async (t) => {
    const expected = createHash('sha256')
      .update(await import('node:fs').then((fs) => fs.readFileSync(big)))
      .digest('hex');
    for (const more of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      const answer = await said(t, mesh, ['curl', '-sS', '-X', 'POST', ...more, '-T', big, 'http://server/hash']);
      t.same(JSON.parse(answer), { sha256: expected, length: 5_000_000 });
    }
  });

  await t.test('curl asks for leave before it sends', { skip: none('curl', curl) }, async (t) => {
    const answer = await said(t, mesh, [
      'curl',
      '-sS',
      '-H',
      'Expect: 100-continue',
      '--data-binary',
      `@${big}`,
      'http://server/hash',
    ]);
    t.equal(JSON.parse(answer).length, 5_000_000);
  });

  await t.test('curl speaks HTTP/1.0', { skip: none('curl', curl) }, async (t) => {
    t.match(await said(t, mesh, ['curl', '-sS', '--http1.0', 'http://server/']), /^hello/);
  });

  await t.test("Python's urllib asks and posts", { skip: none('python3', python) }, async (t) => {
    const script = `
import json, urllib.request as u
print(u.urlopen('http://server/python').read().decode().strip())
print(json.load(u.urlopen('http://server.default:80/hash', data=b'x' * 100000))['length'])
try:
  u.urlopen('http://server/admin')
except u.HTTPError as e:
  print(e.code, e.headers['x-tulle-reason'])
`;
    const [hello, length, denied] = (await said(t, mesh, ['python3', '-c', script])).trim().split('\n');
    t.match(hello, /^hello from server-v/);
    t.equal(length, '100000');
    t.equal(denied, '403 access-denied');
  });

  for (const [name, program] of [
    ['python', python],
    ['nginx', nginx],
  ] as const) {
    await t.test(`${name} serves a file, through two sidecars`, { skip: none(name, program) }, async (t) => {
      const { status, body } = await mesh.world.request('client', { url: `http://${name}/nothing-here` });
      t.equal(status, 404, 'its own errors are its own');
      t.notMatch(body, /no route/i);
      const url = `http://${name}/page.bin`;
      const script = `fetch(${JSON.stringify(url)}).then((r) => r.arrayBuffer()).then((b) => console.log(require('crypto').createHash('sha256').update(Buffer.from(b)).digest('hex')))`;
      const hash = await said(t, mesh, [process.execPath, '-e', script]);
      t.equal(hash.trim(), createHash('sha256').update(page).digest('hex'), 'the file is whole');
      const lines = await mesh.logWith(name, (all) => all.some(({ path }) => path === '/page.bin'));
      const line = lines.find(({ path }) => path === '/page.bin');
      t.match(line, { direction: 'inbound', tls: true, peer: /sa\/client$/, status: 200 });
    });
  }

  await t.test('a server that speaks first is heard at once', async (t) => {
    const script = `
const socket = require('net').connect({ host: 'greeter', port: 7000 });
const start = performance.now();
let text = '';
socket.on('data', (chunk) => {
  if (text === '') { console.log(Math.round(performance.now() - start)); socket.write('and I say this\\n'); }
  text += chunk;
  if (text.includes('say this')) { console.log(JSON.stringify(text)); socket.end(); }
});
`;
    // Where the greeting waits until it is plain that the client says nothing, a second, it does so every time.
    const waits: number[] = [];
    while (waits.length < 10 && !waits.some((ms) => ms < 1000)) {
      const [ms, text] = (await said(t, mesh, [process.execPath, '-e', script])).trim().split('\n');
      t.match(JSON.parse(text), /^hello, speak and I repeat\nand I say this\n$/);
      waits.push(Number(ms));
    }
    const ms = Math.min(...waits);
    t.ok(ms < 1000, 'its greeting did not wait for the client', { waits });
    t.comment(`greeted after ${ms} ms`);
  });
});
