import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProxy } from '@tulle/proxy-core';
import t from 'tap';
import { ask, cluster, config, exchangeBytes, httpServer, onEveryEngine, start } from './fixture.js';

onEveryEngine(t, 'a full disk costs lines, said once and counted, and no request', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const it = config({ clusters: [cluster('up', [upstream])], accessLog: { target: '/dev/full', format: 'json' } });
  const { port, proxy, warnings } = await start(t, engine, it);
  for (let i = 0; i < 20; i++) t.equal((await ask({ port })).body, 'ok');
  await proxy.close();
  t.equal(warnings.length, 1);
  t.match(warnings[0], /access log \/dev\/full: .*ENOSPC/);
  t.match(proxy.metrics(), /tulle_access_log_dropped_total 20\n/);
});

onEveryEngine(t, 'a file is appended to, in both formats, and changing the target loses no line', async (t, engine) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-log-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [first, second] = [join(folder, 'first.log'), join(folder, 'second log')];
  writeFileSync(first, 'before\n');
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const to = (target: string, format: 'json' | 'text'): Parameters<typeof start>[2] =>
    config({ clusters: [cluster('up', [upstream])], accessLog: { target, format } });
  const { port, proxy } = await start(t, engine, to(first, 'json'));
  await ask({ port, path: '/one' });
  await proxy.update(to(second, 'text'));
  await ask({ port, path: '/two?x=1' });
  await proxy.update(to(first, 'json'));
  await ask({ port, path: '/three' });
  await proxy.close();
  const lines = readFileSync(first, 'utf8').trimEnd().split('\n');
  t.equal(lines[0], 'before');
  t.same(
    lines.slice(1).map((line) => (JSON.parse(line) as { path: string }).path),
    ['/one', '/three'],
  );
  t.match(
    readFileSync(second, 'utf8'),
    /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] outbound "GET \/two\?x=1 http\/1\.1" 200 - 0 2 \d+ \d+ "127\.0\.0\.1:\d+" "" "[\da-f-]{36}" 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ "" "to-up" "up" "" 1 ""\n$/,
  );
});

onEveryEngine(t, 'a log that cannot be opened is said at the start, and no update takes it', async (t, engine) => {
  const accessLog = { target: '/nowhere/at/all.log', format: 'json' } as const;
  await t.rejects(createProxy(config({ accessLog }), { engine }), {
    message: /access log \/nowhere\/at\/all\.log: .*name a file that can be written/,
  });
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const { port, proxy, logged } = await start(t, engine, config({ clusters: [cluster('up', [upstream])] }));
  await t.rejects(proxy.update(config({ accessLog })), { message: /access log/ });
  t.equal((await ask({ port })).body, 'ok');
  t.equal((await logged(1)).length, 1, 'the old log goes on');
});

onEveryEngine(
  t,
  'a refused request is logged with what could be read of it, on one line whatever it holds',
  async (t, engine) => {
    const { port, logged } = await start(t, engine, config({}));
    const hostile = '/a"{}\\%0a';
    await exchangeBytes(port, `PUT ${hostile} HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n`);
    await exchangeBytes(port, 'GET /two-lengths HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n');
    await exchangeBytes(port, 'GET\t/nothing HTTP/1.1\r\n\r\n');
    await exchangeBytes(port, `GET / HTTP/1.1\r\nhost: a\r\nuser-agent: one"\xff\ttwo\r\nconnection: close\r\n\r\n`);
    t.match(await logged(4), [
      { method: 'PUT', path: hostile, status: 400, reason: 'bad-request' },
      { method: 'GET', path: '/two-lengths', status: 400 },
      { method: '', path: '', status: 400 },
      { method: 'GET', path: '/', status: 404, user_agent: 'one"\u00c3\u00bf\ttwo' },
    ]);
  },
);
