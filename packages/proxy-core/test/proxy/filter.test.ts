// Filters in running proxies: loaded into data threads of either engine, measured, switched off.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createProxy, type FilterConfig, forward, type ProxyConfig } from '@tulle/proxy-core';
import t, { type Test } from 'tap';
import { ask, httpServer, onEveryEngine } from './fixture.js';

function moduleOf(t: Test, text: string, name = 'filter.mjs'): string {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-filter-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const filtering = (port: number, upstream: number, ...filters: readonly FilterConfig[]): ProxyConfig =>
  forward({ listen: `127.0.0.1:${port}`, to: [`127.0.0.1:${upstream}`], protocol: 'http', filters });

onEveryEngine(t, 'a filter changes requests and answers, and answers itself', async (t, engine) => {
  const upstream = await httpServer(t, (request, response) => {
    response.setHeader('x-secret', 'of the server');
    response.end(JSON.stringify(request.headers));
  });
  const module = moduleOf(
    t,
    `export function onRequest(request, { tenant }) {
      if (request.path === '/gone') return request.answer(410, 'gone\\n', { 'x-by': 'filter' });
      request.setHeader('x-tenant', tenant);
      request.removeHeader('user-agent');
    }
    export function onResponse(response) {
      response.removeHeader('x-secret');
      response.setHeader('x-status', String(response.status));
    }`,
  );
  const proxy = await createProxy(
    filtering(0, upstream, { name: 'it', module, options: { tenant: 'blue' }, budgetMs: 60_000 }),
    { engine },
  );
  t.teardown(() => proxy.close());
  const { port } = proxy.address();
  const passed = await ask({ port, headers: { 'x-tenant': 'red', 'user-agent': 'tester' } });
  const headers = JSON.parse(passed.body) as Record<string, string>;
  t.equal(headers['x-tenant'], 'blue');
  t.notOk('user-agent' in headers);
  t.equal(passed.headers['x-status'], '200');
  t.notOk('x-secret' in passed.headers);
  const answered = await ask({ port, path: '/gone' });
  t.match(answered, { status: 410, body: 'gone\n', headers: { 'x-by': 'filter' } });
  const metrics = proxy.metrics();
  t.match(metrics, /^tulle_filter_calls_total\{filter="it",hook="request"\} 2$/m);
  t.match(metrics, /^tulle_filter_calls_total\{filter="it",hook="response"\} 1$/m);
  t.match(metrics, /^tulle_filter_switched_off\{filter="it"\} 0$/m);
});

onEveryEngine(
  t,
  'a filter that fails is counted and switched off, and stays so through updates of other things',
  async (t, engine) => {
    const upstream = await httpServer(t, (_request, response) => response.end('reached'));
    const module = pathToFileURL(
      moduleOf(t, 'exports.onRequest = () => { throw new Error("a defect"); };', 'filter.cjs'),
    ).href;
    const warnings: string[] = [];
    const filter: FilterConfig = { name: 'bad', module, maxFaults: 2 };
    const proxy = await createProxy(filtering(0, upstream, filter), {
      engine,
      onWarning: (message) => warnings.push(message),
    });
    t.teardown(() => proxy.close());
    const { port } = proxy.address();
    for (let i = 0; i < 3; i++) {
      const answer = await ask({ port });
      t.equal(answer.status, 500);
      t.equal(answer.headers['x-tulle-reason'], 'filter-failed');
    }
    const other = await httpServer(t, (_request, response) => response.end('other'));
    await proxy.update(filtering(port, other, filter));
    t.equal((await ask({ port })).status, 500);
    const metrics = proxy.metrics();
    t.match(metrics, /^tulle_filter_calls_total\{filter="bad",hook="request"\} 2$/m, 'not called once it was off');
    t.match(metrics, /^tulle_filter_faults_total\{filter="bad",hook="request",kind="error"\} 2$/m);
    t.match(metrics, /^tulle_filter_switched_off\{filter="bad"\} 1$/m);
    t.match(warnings, [/^filter bad: onRequest threw Error: a defect$/, /^filter bad is switched off after 2 faults/]);
    await proxy.update(filtering(port, other, { ...filter, onFault: 'open' }));
    t.equal((await ask({ port })).body, 'other', 'configured anew it is tried anew, and fails open');
    t.match(proxy.metrics(), /^tulle_filter_switched_off\{filter="bad"\} 0$/m);
  },
);

onEveryEngine(t, 'a module that is none is refused with what is wrong, and nothing changes', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const proxy = await createProxy(filtering(0, upstream), { engine });
  t.teardown(() => proxy.close());
  const { port } = proxy.address();
  const refused = async (module: string, message: RegExp, code = 'ERR_TULLE_FILTER'): Promise<void> => {
    await t.rejects(proxy.update(filtering(port, upstream, { name: 'it', module })), { code, message });
  };
  await refused('/nowhere/filter.mjs', /^filter it: \/nowhere\/filter\.mjs cannot be loaded: Cannot find module/);
  await refused(moduleOf(t, 'export const other = 1;'), /exports neither onRequest nor onResponse/);
  await refused(moduleOf(t, 'export const onRequest = 5;'), /exports onRequest, which is no function/);
  await refused(moduleOf(t, 'await 1; export function onRequest() {}'), /has a top-level await/);
  await refused(moduleOf(t, 'export function onRequest( {}'), /cannot be loaded/);
  await refused(moduleOf(t, 'throw new Error("while loading");'), /cannot be loaded: while loading/);
  t.equal((await ask({ port })).body, 'ok');
  const bad = (filter: unknown): ProxyConfig => ({ ...filtering(port, upstream), filters: [filter as FilterConfig] });
  await t.rejects(proxy.update(bad({ name: 'it', module: './relative.js' })), {
    message: /filters\[0\]\.module must be a file: URL or an absolute path/,
  });
  await t.rejects(proxy.update(bad({ name: 'it', module: '/x', options: { f: () => {} } })), {
    message: /filters\[0\]\.options must be plain data/,
  });
  const unknown = filtering(port, upstream, { name: 'it', module: '/x' });
  await t.rejects(proxy.update({ ...unknown, filters: [] }), {
    code: 'ERR_TULLE_CONFIG',
    message: /http\.filters\[0\] refers to "it"/,
  });
  t.throws(() => forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:1'], filters: [{ name: 'it', module: 'x' }] }), {
    code: 'ERR_TULLE_OPTION',
    message: /filters\[0\]\.module/,
  });
});
