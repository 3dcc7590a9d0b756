/** The path that policy saw, that chose the route, that is in the log and that the upstream received is one path: through whole proxies, for every trick that is known. */
import http from 'node:http';
import type { AuthorizationConfig, FilterChainConfig, PathOptions, RouteConfig } from '@tulle/proxy-core';
import t from 'tap';
import { ask, cluster, config, exchangeBytes, onEveryEngine, start, tcpServer } from './fixture.js';

/** An upstream that answers with the target that it received, byte for byte. */
function echoTarget(t: Parameters<typeof tcpServer>[0]): Promise<number> {
  return tcpServer(t, (socket) => {
    let head = '';
    socket.on('data', (part) => {
      head += part.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      const [target] = head.split('\r\n')[0].split(' ').slice(1);
      head = '';
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${target.length}\r\n\r\n${target}`);
    });
  });
}

function deny(match: 'exact' | 'prefix', value: string): AuthorizationConfig {
  const permissions = [{ kind: 'path', match, value }] as const;
  return { action: 'deny', policies: [{ name: `deny/${match}`, principals: [{ kind: 'any' }], permissions }] };
}

function route(name: string, kind: 'exact' | 'prefix' | 'regex', value: string): RouteConfig {
  return {
    name,
    match: { path: { kind, value } },
    action: { kind: 'forward', clusters: [{ cluster: 'up', weight: 1 }] },
  };
}

const routes = [
  route('admin', 'exact', '/admin'),
  route('below', 'prefix', '/admin'),
  route('version', 'regex', '/v[0-9]+(/.*)?'),
  route('rest', 'prefix', '/'),
];

/** What the routes say of a path that is in its normal form. */
function routeOf(path: string): string {
  if (path === '/admin') return 'admin';
  if (path.startsWith('/admin/')) return 'below';
  return /^\/v[0-9]+(\/.*)?$/.test(path) ? 'version' : 'rest';
}

type Fate = 'refused' | 'denied' | string;

/** The request target, and what becomes of it where exactly `/admin` is denied, and where `/admin*` is. A path is what the upstream receives. */
const tricks: readonly (readonly [target: string, exact: Fate, prefix: Fate])[] = [
  ['/', '/', '/'],
  ['/admin', 'denied', 'denied'],
  ['//admin', 'denied', 'denied'],
  ['///admin', 'denied', 'denied'],
  ['/./admin', 'denied', 'denied'],
  ['/%61dmin', 'denied', 'denied'],
  ['/%61%64%6D%69%6e', 'denied', 'denied'],
  ['/x/../admin', 'denied', 'denied'],
  ['/x/%2e%2E/admin', 'denied', 'denied'],
  ['/x/.%2e/%2e/admin', 'denied', 'denied'],
  ['/admin/../admin', 'denied', 'denied'],
  ['/admin/x/..//../admin', 'denied', 'denied'],
  ['/admin?', 'denied', 'denied'],
  ['/admin?x=/../y', 'denied', 'denied'],
  ['http://a/admin', 'denied', 'denied'],
  ['http://a//x/..///%61dmin', 'denied', 'denied'],
  ['/admin/', '/admin/', 'denied'],
  ['/admin/.', '/admin/', 'denied'],
  ['/admin//', '/admin/', 'denied'],
  ['/admin/x', '/admin/x', 'denied'],
  ['/admin;x', '/admin;x', 'denied'],
  ['/admin;x=/..', '/', '/'],
  ['/admin.', '/admin.', 'denied'],
  ['/admin%20', '/admin%20', 'denied'],
  ['/admin%3Bx', '/admin%3Bx', 'denied'],
  ['/administrator', '/administrator', 'denied'],
  ['/ADMIN', '/ADMIN', '/ADMIN'],
  ['/%41DMIN', '/ADMIN', '/ADMIN'],
  ['/%2561dmin', '/%2561dmin', '/%2561dmin'],
  ['/x/admin', '/x/admin', '/x/admin'],
  ['/admin/../x', '/x', '/x'],
  ['/v1/%7e', '/v1/~', '/v1/~'],
  ['//v22', '/v22', '/v22'],
  ['/x/../v3/./a', '/v3/a', '/v3/a'],
  ['/admin%2f', 'refused', 'refused'],
  ['/admin%2Fx', 'refused', 'refused'],
  ['/x%2f..%2fadmin', 'refused', 'refused'],
  ['/%2fadmin', 'refused', 'refused'],
  ['/admin%5c', 'refused', 'refused'],
  ['/\\admin', 'refused', 'refused'],
  ['\\admin', 'refused', 'refused'],
  ['/x\\..\\admin', 'refused', 'refused'],
  ['/admin%00', 'refused', 'refused'],
  ['/admin%', 'refused', 'refused'],
  ['/admin#', 'refused', 'refused'],
  ['/../admin', 'refused', 'refused'],
  ['/%2e%2e/admin', 'refused', 'refused'],
  ['/x/..;/admin', 'refused', 'refused'],
  ['/x/..%3b/admin', 'refused', 'refused'],
  ['/.;/admin', 'refused', 'refused'],
  ['/adm\x01in', 'refused', 'refused'],
  ['/adm\xefin', 'refused', 'refused'],
  ['admin', 'refused', 'refused'],
];

function chainOf(authorization: AuthorizationConfig, path: Partial<PathOptions> = {}): Partial<FilterChainConfig> {
  return { http: { routes: 'table', path }, authorization: [authorization] };
}

for (const [index, match] of (['exact', 'prefix'] as const).entries()) {
  onEveryEngine(
    t,
    `one path for policy, route, log and upstream, where a policy denies /admin by ${match}`,
    async (t, engine) => {
      const clusters = [cluster('up', [await echoTarget(t)])];
      const chain = chainOf(deny(match, '/admin'));
      const { port, logged } = await start(t, engine, config({ clusters, routes, chain, direction: 'inbound' }));
      for (const [number, trick] of tricks.entries()) {
        const [target] = trick;
        const fate = trick[index + 1];
        const answer = await exchangeBytes(port, `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
        const line = (await logged(number + 1))[number];
        const name = JSON.stringify(target);
        if (fate === 'refused') {
          t.match(answer, /^HTTP\/1\.1 400 /, name);
          t.equal(line.reason, 'bad-request', name);
          continue;
        }
        if (fate === 'denied') {
          t.match(answer, /^HTTP\/1\.1 403 [\s\S]*x-tulle-reason: access-denied\r\n/, name);
          t.equal(line.policy, `deny/${match}`, `${name}: the policy in the log`);
          t.match(String(line.path).split('?')[0], /^\/admin/, `${name}: the log has what the policy saw`);
          continue;
        }
        t.match(answer, /^HTTP\/1\.1 200 /, name);
        t.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), fate, `${name}: what the upstream received`);
        t.equal(line.path, fate, `${name}: what is in the log`);
        t.equal(line.route, routeOf(fate), `${name}: the route`);
      }
    },
  );
}

onEveryEngine(t, 'options are those of now: an open connection heeds a new configuration', async (t, engine) => {
  const upstream = await echoTarget(t);
  const of = (path: Partial<PathOptions>) =>
    config({ clusters: [cluster('up', [upstream])], routes, chain: chainOf(deny('prefix', '/admin'), path) });
  const { port, proxy } = await start(t, engine, of({ escapedSlashes: 'keep' }));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const kept = await ask({ port, agent, path: '/a%2fb' });
  t.match(kept, { status: 200, body: '/a%2Fb' });
  t.match(await ask({ port, agent, path: '/admin%2fb' }), { status: 403 }, 'a slash that is kept hides no prefix');
  await proxy.update(of({ escapedSlashes: 'decode' }));
  t.match(await ask({ port, agent, path: '/a%2fb' }), { status: 200, body: '/a/b' });
  t.match(await ask({ port, agent, path: '/x/..%2fadmin' }), { status: 403 }, 'decoded, it is the path that is denied');
  await proxy.update(of({}));
  t.match(await ask({ port, agent, path: '/a%2fb' }), { status: 400 });
  t.match(proxy.metrics(), /tulle_connections_total\{direction="outbound"\} 1\n/, 'all on one connection');
});
