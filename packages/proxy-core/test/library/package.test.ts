// The packed package, installed into an empty folder by npm, as a user has it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { httpServer } from '../proxy/fixture.js';
import { installed, pack, packageFolder } from './installed.js';

/** Bytes of the tarball: noticed when something gets in that does not belong there. */
const maxPackedBytes = 400_000;
const { PATH, HOME } = process.env;
const env = { PATH, HOME };
/** node as it is, without what the test runner puts into every node that is started. */
const bare = ['-u', 'NODE_OPTIONS', process.execPath];

void t.test('the tarball has what is run, its types, its texts, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-pack-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const { files, size } = pack(packageFolder, folder);
  const paths = files.map(({ path }) => path);
  const strange = paths.filter(
    (path) => !/^(?:dist\/.*\.(?:js|d\.ts)|examples\/[\w-]+\.mjs|LICENSE|README\.md|package\.json)$/.test(path),
  );
  t.same(strange, []);
  for (const path of ['dist/index.js', 'dist/index.d.ts', 'dist/threads/linux-thread.js', 'LICENSE', 'README.md']) {
    t.ok(paths.includes(path), path);
  }
  t.ok(size < maxPackedBytes, `${size} bytes`);
});

void t.test('installed into an empty folder', { timeout: 300_000 }, async (t) => {
  const app = installed(t);
  await t.test('the lines of the README forward', (t) => quickStart(t, app, /^$/));
  await t.test('the examples do what they say', (t) => examples(t, app));
  await t.test('it is imported without anything being opened, started or loaded', (t) => importOnly(t, app));
  await t.test('types resolve, with either resolution of modules and without those of Node', (t) => types(t, app));
  rmSync(join(app, 'node_modules/koffi'), { recursive: true });
  await t.test('without koffi it forwards too, and says what is missing', (t) =>
    quickStart(
      t,
      app,
      /TulleWarning: the portable engine is used, which is slower: koffi cannot be loaded \(.+\); install it/,
    ),
  );
});

/** Runs the README's program with ports that are free. */
async function quickStart(t: Test, app: string, warning: RegExp): Promise<void> {
  const upstream = await httpServer(t, (_request, response) => response.end('forwarded'));
  const [, readme] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(packageFolder, 'README.md'), 'utf8')) ?? [];
  t.equal(readme.trimEnd().split('\n').length, 10, 'ten lines');
  const program = readme
    .replace('127.0.0.1:8080', '127.0.0.1:0')
    .replaceAll(/127\.0\.0\.1:300\d/g, `127.0.0.1:${upstream}`);
  writeFileSync(join(app, 'quick-start.mjs'), `${program}\nconsole.log(proxy.address().port);\n`);
  const child = spawn('env', [...bare, 'quick-start.mjs'], { cwd: app, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = once(child, 'close');
  let err = '';
  child.stderr.on('data', (part) => {
    err += String(part);
  });
  let out = '';
  child.stdout.on('data', (part) => {
    out += String(part);
  });
  while (!/^\d+\n/.test(out) && child.exitCode === null) await Promise.race([once(child.stdout, 'data'), exited]);
  const answer = await fetch(`http://127.0.0.1:${Number.parseInt(out, 10)}/a/path`, {
    headers: { connection: 'close' },
  });
  t.equal(await answer.text(), 'forwarded');
  child.kill('SIGTERM');
  t.same(await exited, [0, null]);
  t.match(out, /^GET \/a\/path 200$/m);
  t.match(err, warning);
}

const expected: Record<string, string> = {
  // Called by filter.mjs; on its own it does nothing.
  'add-header-filter.mjs': '',
  'filter.mjs': '200 tenant blue, served by the example\n404 not found\n',
  'access-log.mjs': 'GET /some/path?with=query 200, 5 bytes, measured: true\n',
  'mtls-pair.mjs': 'hello from spiffe://example.org/far\nhello from spiffe://example.org/far/renewed\n',
  'reverse-proxy.mjs': '10 of 10 requests were answered\ntoo slow: 504 request-timeout\n',
  'tcp-forwarder.mjs': 'through the proxy: hello\n',
};

async function examples(t: Test, app: string): Promise<void> {
  const folder = join(app, 'node_modules/@tulle/proxy-core/examples');
  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  for (const name of readdirSync(folder)) {
    if (name === 'mtls-pair.mjs' && !hasOpenssl) {
      await t.test(name, { skip: 'openssl is not installed' }, async () => {});
      continue;
    }
    const args = name === 'in-a-test.mjs' ? ['--test', join(folder, name)] : [join(folder, name)];
    const { status, stdout, stderr } = spawnSync('env', [...bare, ...args], {
      cwd: app,
      env,
      encoding: 'utf8',
      timeout: 120_000,
    });
    t.equal(status, 0, `${name} ends in order`);
    t.equal(stderr, '', `${name} has nothing to complain of`);
    if (name === 'in-a-test.mjs') t.match(stdout, /pass 1\n/, name);
    else t.equal(stdout, expected[name], name);
  }
}

const onlyImport = `
import { Module } from 'node:module';
import * as core from '@tulle/proxy-core';
const loaded = Object.keys(Module._cache).filter((file) => file.includes('koffi'));
const report = { loaded, resources: process.getActiveResourcesInfo(), events: process.eventNames(), exports: Object.keys(core).length };
process.stdout.write(JSON.stringify(report));
`;

async function importOnly(t: Test, app: string): Promise<void> {
  writeFileSync(join(app, 'import.mjs'), onlyImport);
  const out = execFileSync('env', [...bare, 'import.mjs'], { cwd: app, env, encoding: 'utf8', timeout: 60_000 });
  writeFileSync(join(app, 'nothing.mjs'), onlyImport.replace(/^import \* as core.*$/m, 'const core = {};'));
  const nothing = execFileSync('env', [...bare, 'nothing.mjs'], { cwd: app, env, encoding: 'utf8', timeout: 60_000 });
  const { exports, ...left } = JSON.parse(out) as { exports: number };
  const { exports: none, ...before } = JSON.parse(nothing) as { exports: number };
  t.same(left, before, 'what a program without it has');
  t.ok(exports > none);
}

const consumer = `
import { type AccessLogEntry, createProxy, type FilterModule, type FilterRequest, forward, type Proxy, type ProxyConfig, ProxyError, reasons } from '@tulle/proxy-core';

const config: ProxyConfig = forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:1'], accessLog: (entry: AccessLogEntry) => console.log(entry.status) });
const proxy: Proxy = await createProxy(config, { engine: 'auto', onWarning: (message: string) => console.warn(message) });
const port: number = proxy.address().port;
console.log(port, reasons['no-route'].status);
try {
  await proxy.update(config);
} catch (error) {
  if (error instanceof ProxyError) console.error(error.code);
}
// @ts-expect-error an option that does not exist
forward({ listen: '127.0.0.1:0', to: [], protcol: 'http' });
{
  await using other = await createProxy(config);
  console.log(other.engine);
}
await proxy.close();

export const filter: FilterModule = {
  onRequest(request: FilterRequest) {
    request.setHeader('x-method', request.method);
    // @ts-expect-error what was routed is what is forwarded
    request.path = '/other';
  },
};
`;

async function types(t: Test, app: string): Promise<void> {
  writeFileSync(join(app, 'consumer.ts'), consumer);
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'lib/tsc.js');
  const common = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    'false',
    '--target',
    'ES2022',
    '--lib',
    'ES2022,DOM',
    '--types',
    '',
  ];
  for (const [module, resolution] of [
    ['NodeNext', 'NodeNext'],
    ['ESNext', 'Bundler'],
  ]) {
    const args = [tsc, ...common, '--module', module, '--moduleResolution', resolution, 'consumer.ts'];
    const { status, stdout, stderr } = spawnSync('env', [...bare, ...args], { cwd: app, env, encoding: 'utf8' });
    t.equal(stdout + stderr, '', resolution);
    t.equal(status, 0, resolution);
  }
}
