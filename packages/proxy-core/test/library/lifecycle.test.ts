// Starting, changing and ending a proxy from a program.
import { once } from 'node:events';
import net from 'node:net';
import { type AccessLogEntry, createProxy, forward } from '@tulle/proxy-core';
import t from 'tap';
import { ask, httpServer, onEveryEngine, tcpServer } from '../proxy/fixture.js';

onEveryEngine(t, 'a function gets each entry as an object, whatever was configured before', async (t, engine) => {
  const upstream = await httpServer(t, (_request, response) => response.end('ok'));
  const to = [`127.0.0.1:${upstream}`];
  let tell: (entry: AccessLogEntry) => void = () => {};
  const next = (): Promise<AccessLogEntry> =>
    new Promise((resolve) => {
      tell = resolve;
    });
  const first = next();
  const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to, accessLog: (entry) => tell(entry) }), {
    engine,
  });
  t.teardown(() => proxy.close());
  const { port } = proxy.address();
  await ask({ port, path: '/one?two', headers: { 'user-agent': 'tester/1' } });
  t.match(await first, {
    user_agent: 'tester/1',
    method: 'GET',
    path: '/one?two',
    status: 200,
    attempts: 1,
    bytes_sent: 2,
  });
  const second = next();
  await proxy.update(
    forward({ listen: `127.0.0.1:${port}`, to, accessLog: (entry) => tell({ ...entry, route: 'other' }) }),
  );
  await ask({ port });
  t.equal((await second).route, 'other');
});

onEveryEngine(
  t,
  'what the access log function throws is thrown to the program, not into the proxy',
  async (t, engine) => {
    const upstream = await httpServer(t, (_request, response) => response.end('ok'));
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = once(process, 'uncaughtException');
    t.teardown(() => {
      for (const listener of listeners) process.on('uncaughtException', listener);
    });
    const accessLog = (): void => {
      throw new Error('of the program');
    };
    const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: [`127.0.0.1:${upstream}`], accessLog }), {
      engine,
    });
    t.teardown(() => proxy.close());
    t.equal((await ask({ port: proxy.address().port })).body, 'ok');
    const [error] = (await thrown) as [Error];
    t.equal(error.message, 'of the program');
  },
);

onEveryEngine(t, 'await using closes it', async (t, engine) => {
  const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:9'] }), { engine });
  const { port } = proxy.address();
  await proxy[Symbol.asyncDispose]();
  await t.rejects(ask({ port }), { code: 'ECONNREFUSED' });
  await proxy.close();
});

onEveryEngine(t, 'close() ends at once, or after a drain with a limit of its own', async (t, engine) => {
  const sockets: net.Socket[] = [];
  const upstream = await tcpServer(t, (socket) => {
    sockets.push(socket);
    socket.write('hello');
  });
  const options = { listen: '127.0.0.1:0', to: [`127.0.0.1:${upstream}`], protocol: 'tcp' } as const;
  const connect = async (port: number): Promise<net.Socket> => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'data');
    return socket;
  };
  const atOnce = await createProxy(forward(options), { engine });
  const cut = await connect(atOnce.address().port);
  const gone = closing(cut);
  await atOnce.close();
  await gone;
  const drained = await createProxy(forward(options), { engine });
  const busy = await connect(drained.address().port);
  let ended = false;
  const closed = drained.close({ drainTimeoutMs: 60_000 }).then(() => {
    ended = true;
  });
  busy.write('still there?');
  await once(sockets[1], 'data');
  t.notOk(ended, 'an open tunnel may go on');
  busy.end();
  sockets[1].end();
  await closed;
  const limited = await createProxy(forward(options), { engine });
  const last = await connect(limited.address().port);
  const over = closing(last);
  await limited.close({ drainTimeoutMs: 1 });
  await over;
});

onEveryEngine(t, 'a signal ends it, before it has started and after', async (t, engine) => {
  const config = forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:9'] });
  const reason = new Error('not wanted any more');
  await t.rejects(createProxy(config, { engine, signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const proxy = await createProxy(config, { engine, signal: controller.signal });
  const { port } = proxy.address();
  controller.abort();
  await proxy.close();
  await t.rejects(ask({ port }), { code: 'ECONNREFUSED' });
  await t.rejects(proxy.update(config), { code: 'ERR_TULLE_ENDED' });
});

/** `once` would reject for a reset, which is an end like others here. */
function closing(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

void t.test('the portable engine says that it has one thread', async (t) => {
  const warnings: string[] = [];
  const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:9'] }), {
    engine: 'portable',
    concurrency: 4,
    onWarning: (message) => warnings.push(message),
  });
  await proxy.close();
  t.same(warnings, ['the portable engine has one thread, not 4']);
});
