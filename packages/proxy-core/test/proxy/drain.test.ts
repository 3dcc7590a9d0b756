import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { ask, cluster, config, httpServer, onEveryEngine, start, tcpServer } from './fixture.js';

onEveryEngine(t, 'open exchanges finish, their answers say close, and nobody new is let in', async (t, engine) => {
  let answer: () => void = () => {};
  let seen: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const upstream = await httpServer(t, (request, response) => {
    if (request.url !== '/slow') return void response.end('quick');
    answer = () => response.end('slow');
    seen();
  });
  const { port, proxy } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [upstream])], limits: { drainIdleGraceMs: 100 } }),
  );
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const slow = ask({ port, path: '/slow', agent });
  await asked;
  const idle = net.connect({ host: '127.0.0.1', port });
  idle.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(idle, 'data');
  const idleEnded = once(idle, 'end');
  const drained = proxy.drain();
  await idleEnded;
  idle.destroy();
  await t.rejects(ask({ port }), { code: 'ECONNREFUSED' });
  answer();
  const { body, headers } = await slow;
  t.equal(body, 'slow');
  t.equal(headers.connection, 'close');
  t.equal(await drained, 0);
});

onEveryEngine(t, 'what does not end is cut off at the limit and counted', async (t, engine) => {
  let arrived = (): void => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const web = await httpServer(t, () => arrived());
  const { port, proxy } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [web])], limits: { drainTimeoutMs: 200 } }),
  );
  const hanging = ask({ port });
  const cut = t.rejects(hanging, { code: 'ECONNRESET' });
  await arrival;
  t.equal(await proxy.drain(), 1);
  await cut;
});

onEveryEngine(t, 'closing during a drain ends it at once', async (t, engine) => {
  const upstream = await tcpServer(t, () => {});
  const { port, proxy } = await start(
    t,
    engine,
    config({ clusters: [cluster('up', [upstream])], chain: { protocol: 'tcp' } }),
  );
  const client = net.connect({ host: '127.0.0.1', port });
  client.on('error', () => {});
  client.write('x');
  const closed = new Promise((resolve) => client.once('close', resolve));
  while (!/tulle_connections_active\{direction="outbound"\} 1\n/.test(proxy.metrics()))
    await new Promise((resolve) => setImmediate(resolve));
  const drained = proxy.drain();
  await proxy.close();
  t.equal(await drained, 1);
  await closed;
});
