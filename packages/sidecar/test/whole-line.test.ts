import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { Mesh, type PodPlace, placePod, podYaml, sliceYaml } from './mesh.js';
import { notBuilt } from './program.js';

const RULES = `
apiVersion: v1
kind: Namespace
metadata: { name: default, labels: { tulle.dev/inject: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: server, namespace: default }
spec:
  clusterIP: 10.96.0.5
  selector: { app: server }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: server, namespace: default }
spec:
  parentRefs: [{ kind: Service, group: "", name: server, port: 80 }]
  rules:
    - matches:
        - { path: { type: PathPrefix, value: /api } }
        - { path: { type: RegularExpression, value: "/v[0-9]+/.*" } }
      backendRefs: [{ name: server, port: 80 }]
---
apiVersion: policy.tulle.dev/v1alpha1
kind: AuthorizationPolicy
metadata: { name: readers, namespace: default }
spec:
  selector: { matchLabels: { app: server } }
  rules:
    - from: [{ serviceAccounts: [client] }]
      to: [{ methods: [GET] }]
---
apiVersion: policy.tulle.dev/v1alpha1
kind: AuthorizationPolicy
metadata: { name: no-admin, namespace: default }
spec:
  selector: { matchLabels: { app: server } }
  action: Deny
  rules:
    - to: [{ paths: [/api/admin*] }]
---
apiVersion: policy.tulle.dev/v1alpha1
kind: MeshPolicy
metadata: { name: mesh }
spec:
  paths: { escapedSlashes: Keep }
`;

interface Answer {
  status: number;
  body: string;
  reason: string;
}

/** Asks as an application does that has been told of an HTTP proxy. */
function ask(pod: PodPlace, method: string, url: string): Promise<Answer> {
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ host: pod.ip, port: pod.outboundProxy, method, path: url, headers: { host }, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => {
        const reason = String(response.headers['x-tulle-reason'] ?? '');
        resolve({ status: response.statusCode ?? 0, body, reason });
      });
    });
    sent.end();
  });
}

/** The first line of a log, which is written a moment after the answer. */
async function firstLine(file: string): Promise<string> {
  for (;;) {
    const end = existsSync(file) ? readFileSync(file, 'utf8').indexOf('\n') : -1;
    if (end >= 0) return readFileSync(file, 'utf8').slice(0, end);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function page(pod: PodPlace, which: 0 | 1 | 2, path: string, method = 'GET'): Promise<Response> {
  return fetch(`http://${pod.ip}:${pod.pages[which]}${path}`, { method });
}

for (const engine of ['portable', 'linux'] as const) {
  const skip = notBuilt || (engine === 'linux' && process.platform !== 'linux' ? 'not Linux' : false);
  t.test(`a request through two sidecars, ${engine} engine`, { skip, timeout: 400_000 }, async (t) => {
    const mesh = new Mesh({ dir: t.testdir(), engine });
    t.teardown(() => mesh.close(t));
    const [client, server] = await Promise.all([placePod('client', 2), placePod('server', 3)]);
    let seen: IncomingHttpHeaders = {};
    const app = createServer((incoming, response) => {
      seen = incoming.headers;
      response.end(`hello from ${incoming.url}`);
    });
    await new Promise<void>((resolve) => app.listen(server.port, server.ip, resolve));
    t.teardown(() => app.closeAllConnections() ?? app.close());
    mesh.configure('mesh.yaml', [RULES, podYaml(client), podYaml(server), sliceYaml('server', server)].join('---'));
    await mesh.startControlPlane();
    const serverSidecar = mesh.startSidecar(server);
    let clientSidecar = mesh.startSidecar(client);
    await Promise.all([serverSidecar.ready, clientSidecar.ready]);

    t.test('is answered by the application, with mutual TLS between the sidecars', async (t) => {
      const answer = await ask(client, 'GET', 'http://server/api/hello');
      t.match(answer, { status: 200, body: 'hello from /api/hello' });
      t.ok(seen['x-request-id']);
      const line = await firstLine(join(mesh.dir, 'server.access.log'));
      t.match(JSON.parse(line), {
        direction: 'inbound',
        status: 200,
        tls: true,
        peer: 'spiffe://cluster.local/ns/default/sa/client',
        policy: 'default/readers',
      });
    });
    t.test('is refused where policy does not allow it', async (t) => {
      t.match(await ask(client, 'POST', 'http://server/api/hello'), { status: 403, reason: 'access-denied' });
    });
    t.test('has one path at both ends: the route, the policy and the application see the same', async (t) => {
      const kept = await ask(client, 'GET', 'http://server/v22/./a%2fb');
      t.match(
        kept,
        { status: 200, body: 'hello from /v22/a%2Fb' },
        'by expression, with the slash that the mesh keeps',
      );
      t.match(await ask(client, 'GET', 'http://server/vx/a'), { status: 404, reason: 'no-route' });
      for (const path of ['/api/admin', '//api/x/..//%61dmin;x', '/v1/../api/admin%2fx'])
        t.match(await ask(client, 'GET', `http://server${path}`), { status: 403, reason: 'access-denied' }, path);
    });
    t.test('is refused where no route matches', async (t) => {
      t.match(await ask(client, 'GET', 'http://server/other'), { status: 404, reason: 'no-route' });
    });
    t.test('is refused without an identity', async (t) => {
      const answer = await fetch(`http://${server.ip}:${server.inbound}/api/hello`);
      t.equal(answer.status, 403);
    });
    t.test('the pages say how it is, and hold no key', async (t) => {
      t.same([(await page(client, 1, '/ready')).status, (await page(client, 1, '/live')).status], [200, 200]);
      const dump = await (await page(client, 0, '/config_dump')).text();
      t.match(dump, /BEGIN CERTIFICATE/);
      t.notMatch(dump, /PRIVATE KEY/);
      t.match(await (await page(client, 0, '/certs')).json(), [
        { subject: 'spiffe://cluster.local/ns/default/sa/client', notAfter: /^\d{4}-/ },
      ]);
      const metrics = await (await page(client, 2, '/metrics')).text();
      t.match(metrics, /^tulle_xds_connected 1$/m);
      t.match(metrics, /^tulle_connections_total\{direction="outbound"\} [1-9]/m);
      const listeners = (await (await page(client, 0, '/listeners')).json()) as { name: string }[];
      t.same(listeners.map(({ name }) => name).sort(), [`inbound/${client.port}`, 'outbound-proxy']);
      t.equal((await page(client, 0, '/drain')).status, 405);
      t.equal((await page(client, 0, '/nothing')).status, 404);
    });
    t.test('nothing of the key or the token is in the log', async (t) => {
      t.notMatch(clientSidecar.log, /PRIVATE|eyJ/);
    });
    t.test('state is for its owner alone', async (t) => {
      const dir = join(mesh.dir, 'client.state');
      t.equal(statSync(dir).mode & 0o777, 0o700);
      for (const file of ['identity.json', 'resources.json'].map((name) => join(dir, name))) {
        // Resources are saved a moment after they are taken.
        while (!existsSync(file)) await new Promise((resolve) => setImmediate(resolve));
        t.equal(statSync(file).mode & 0o777, 0o600);
      }
    });
    t.test('a changed rule arrives', async (t) => {
      mesh.configure(
        'mesh.yaml',
        [RULES.replace('/api', '/next'), podYaml(client), podYaml(server), sliceYaml('server', server)].join('---'),
      );
      await clientSidecar.logged(/"type":"rds"/, 2);
      const deadline = Date.now() + 60_000;
      let answer = await ask(client, 'GET', 'http://server/next');
      while (answer.status !== 200 && Date.now() < deadline) answer = await ask(client, 'GET', 'http://server/next');
      t.match(answer, { status: 200 });
    });
    t.test('without a control plane all goes on, and a restarted sidecar serves from disk', async (t) => {
      t.equal(await mesh.controlPlane.stop('SIGKILL'), null);
      await clientSidecar.logged(/control plane lost/);
      t.match(await ask(client, 'GET', 'http://server/next'), { status: 200 });
      t.equal(await clientSidecar.stop(), 0, clientSidecar.log);
      clientSidecar = mesh.startSidecar(client);
      await clientSidecar.ready;
      t.match(await ask(client, 'GET', 'http://server/next'), { status: 200 });
      t.match(await ask(client, 'POST', 'http://server/next'), { status: 403 });
    });
    t.test('a drained sidecar ends by itself', async (t) => {
      t.equal((await page(server, 0, '/drain', 'POST')).status, 202);
      t.equal(await serverSidecar.exit, 0, serverSidecar.log);
      t.equal(await clientSidecar.stop(), 0);
    });
  });
}
