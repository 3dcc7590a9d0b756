import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import t from 'tap';
import { endpointsOf } from '../src/cluster/endpoints.js';
import { resolveService } from '../src/loopback/plain-proxy.js';
import { attemptOrder } from '../src/service-proxy/balance.js';
import { forward } from '../src/service-proxy/forward.js';
import { placedPod, pod, service } from './suite/cluster-fixture.js';

t.test('each connection begins with the next endpoint and tries each once', async (t) => {
  const endpoints = [1, 2, 3].map((port) => ({ ip: '127.0.0.1', port }));
  const ports = (turn: number, attempts: number) =>
    attemptOrder(endpoints, turn, attempts).map((endpoint) => endpoint.port);
  t.same(ports(0, 3), [1, 2, 3]);
  t.same(ports(1, 3), [2, 3, 1]);
  t.same(ports(5, 2), [3, 1]);
  t.same(attemptOrder([], 4, 3), []);
});

async function listen(
  t: Pick<typeof import('tap').t, 'teardown'>,
  serve: (socket: Socket) => void,
  options: { pauseOnConnect?: boolean } = {},
): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, ...options }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function text(socket: Socket): Promise<string> {
  let all = '';
  for await (const chunk of socket) all += chunk;
  return all;
}

t.test('a half-closed connection goes on in the other direction, and a refusing endpoint is passed over', async (t) => {
  const upstream = await listen(t, (socket) => {
    let got = '';
    socket.write('hello ');
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.on('end', () => socket.end(`got ${got}`));
  });
  const refusing = await closedPort();
  const front = await listen(
    t,
    (socket) =>
      forward(
        socket,
        [refusing, upstream].map((port) => ({ ip: '127.0.0.1', port })),
      ),
    { pauseOnConnect: true },
  );
  const client = connect({ port: front, host: '127.0.0.1', allowHalfOpen: true });
  client.end('question');
  t.equal(await text(client), 'hello got question');
});

t.test('a client whose endpoints all refuse is reset', async (t) => {
  const refusing = await closedPort();
  const front = await listen(t, (socket) => forward(socket, [{ ip: '127.0.0.1', port: refusing }]), {
    pauseOnConnect: true,
  });
  const client = connect({ port: front, host: '127.0.0.1' });
  client.resume();
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNRESET');
});

t.test('a reset by the endpoint reaches the client as a reset', async (t) => {
  const upstream = await listen(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const front = await listen(t, (socket) => forward(socket, [{ ip: '127.0.0.1', port: upstream }]), {
    pauseOnConnect: true,
  });
  const client = connect({ port: front, host: '127.0.0.1' });
  client.resume();
  client.write('x');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNRESET');
});

t.test(
  'without DNS a service is found by each of its names and its address, and an address that is none is itself',
  async (t) => {
    const server = service({ selector: { app: 's' }, ports: [{ port: 80, targetPort: 8080 }] });
    const ports = endpointsOf(server, [placedPod(pod({ name: 'one', labels: { app: 's' } }), '127.64.0.5')]);
    const services = [{ namespace: 'default', name: 'server', clusterIp: '10.96.1.1', ports }];
    for (const host of [
      'server',
      'server.default',
      'server.default.svc',
      'server.default.svc.cluster.local',
      'SERVER',
      '10.96.1.1',
    ]) {
      t.match(resolveService(`${host}:80`, services), [{ ip: '127.64.0.5', port: 8080 }], host);
    }
    t.same(resolveService('server:81', services), []);
    t.same(resolveService('nope:80', services), []);
    t.same(resolveService('127.0.0.1:81', services), [{ ip: '127.0.0.1', port: 81 }]);
  },
);
