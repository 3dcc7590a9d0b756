import http from 'node:http';
import type { ProxyConfig } from '@tulle/proxy-core';
import t from 'tap';
import { ask, cluster, config, freePort, httpServer, onEveryEngine, start, toCluster } from './fixture.js';

onEveryEngine(
  t,
  'the next request on an open connection follows the new routes, and no request fails',
  async (t, engine) => {
    const one = await httpServer(t, (_request, response) => response.end('one'));
    const two = await httpServer(t, (_request, response) => response.end('two'));
    const clusters = [cluster('one', [one]), cluster('two', [two])];
    const to = (name: string): ProxyConfig => config({ clusters, routes: [toCluster(name)] });
    const { port, proxy } = await start(t, engine, to('one'));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => agent.destroy());
    for (let i = 0; i < 20; i++) {
      const name = i % 2 === 0 ? 'one' : 'two';
      await proxy.update(to(name));
      const answer = await ask({ port, agent });
      t.same([answer.status, answer.body], [200, name]);
    }
    t.match(proxy.metrics(), /tulle_connections_total\{direction="outbound"\} 1\n/);
  },
);

onEveryEngine(t, 'a policy that is taken on holds for connections that are open', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const clusters = [cluster('up', [upstream])];
  const { port, proxy } = await start(t, engine, config({ clusters }));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  t.equal((await ask({ port, agent })).status, 200);
  await proxy.update(config({ clusters, chain: { authorization: [{ action: 'allow', policies: [] }] } }));
  t.equal((await ask({ port, agent })).status, 403);
});

onEveryEngine(t, 'a bad configuration is refused with its places and nothing changes', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const good = config({ clusters: [cluster('up', [upstream])] });
  const { port, proxy } = await start(t, engine, good);
  const bad = { ...good, clusters: [{ ...good.clusters[0], connectTimeoutMs: 0, speed: 1 }], routes: [] };
  await t.rejects(proxy.update(bad as ProxyConfig), {
    name: 'ConfigError',
    message: /clusters\[0\]\.speed is not known[\s\S]*clusters\[0\]\.connectTimeoutMs must be/,
  });
  await t.rejects(proxy.update({ ...good, routes: [] }), {
    message: /listeners\[0\]\.chains\[0\]\.http\.routes refers to "table"/,
  });
  t.equal((await ask({ port })).body, 'ok');
});

onEveryEngine(t, 'a port that is taken is refused and nothing changes', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const other = await httpServer(t, (_request, response) => response.end('other'));
  const good = config({ clusters: [cluster('up', [upstream])] });
  const { port, proxy } = await start(t, engine, good);
  const free = await freePort();
  const [main] = good.listeners;
  const taken = (name: string, at: number): typeof main => ({ ...main, name, bind: { host: '127.0.0.1', port: at } });
  const bad = {
    ...config({ clusters: [cluster('other', [other])] }),
    listeners: [main, taken('free', free), taken('taken', upstream)],
  };
  await t.rejects(proxy.update(bad), { message: /EADDRINUSE/ });
  t.equal((await ask({ port })).body, 'ok');
  await t.rejects(ask({ port: free }), { code: 'ECONNREFUSED' }, 'what was bound for it is free again');
  t.same(
    proxy.addresses().map(({ name }) => name),
    ['main'],
  );
});

onEveryEngine(t, 'listeners come, go, and change their names without a connection lost', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const good = config({ clusters: [cluster('up', [upstream])] });
  const { port, proxy } = await start(t, engine, good);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  t.equal((await ask({ port, agent })).status, 200);
  const [main] = good.listeners;
  const renamed = { ...main, name: 'renamed', bind: { host: '127.0.0.1', port } };
  await proxy.update({ ...good, listeners: [renamed, { ...main, name: 'second' }] });
  t.equal(proxy.address('renamed').port, port);
  t.equal((await ask({ port, agent })).status, 200);
  t.equal((await ask({ port: proxy.address('second').port })).status, 200);
  await proxy.update({ ...good, listeners: [{ ...main, name: 'second' }] });
  await t.rejects(ask({ port }), { code: 'ECONNREFUSED' });
  const last = await ask({ port, agent }).catch((error: NodeJS.ErrnoException) => error);
  if (last instanceof Error) t.match(last, { code: /ECONN/ }, 'closed when idle');
  else t.equal(last.headers.connection, 'close', 'a connection of a listener that is gone comes to its end');
});

onEveryEngine(t, 'a cluster that goes while it is busy finishes what it does', async (t, engine) => {
  let finish: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let answer: () => void = () => {};
  const slow = await httpServer(t, (_request, response) => {
    response.write('begun ');
    answer = () => response.end('and whole');
    finish();
  });
  const { port, proxy } = await start(t, engine, config({ clusters: [cluster('slow', [slow])] }));
  const busy = ask({ port });
  await asked;
  await proxy.update(config({ clusters: [cluster('other', [])] }));
  t.equal((await ask({ port })).headers['x-tulle-reason'], 'no-healthy-endpoint');
  answer();
  t.equal((await busy).body, 'begun and whole');
});
