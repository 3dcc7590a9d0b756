/** What the mesh answers instead of the server, with a stable reason in the answer and in the log. */
import t from 'tap';
import { type LogLine, startMesh } from './mesh.js';
import { noNamespaces } from './possible.js';

t.setTimeout(480_000);

const rules = `
# Only one path of this name leads anywhere.
apiVersion: v1
kind: Service
metadata:
  name: narrow
spec:
  selector:
    app: server
    version: v1
  ports:
    - name: http
      port: 80
      targetPort: http
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: narrow
spec:
  parentRefs:
    - group: ""
      kind: Service
      name: narrow
      port: 80
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: /known
      backendRefs:
        - name: narrow
          port: 80
---
# The client is not among those who may talk to the greeter.
apiVersion: policy.tulle.dev/v1alpha1
kind: AuthorizationPolicy
metadata:
  name: greeter-for-servers
spec:
  selector:
    matchLabels:
      app: greeter
  action: Allow
  rules:
    - from:
        - serviceAccounts: [default/server]
`;

/** Connects, says something where a third argument asks for it, waits for a first line or the end, and prints that. */
const dial = `
const [host, port, words] = process.argv.slice(1);
const socket = require('net').connect({ host, port: Number(port) });
let text = '';
if (words) socket.write(words);
socket.setTimeout(60_000, () => { console.log('nothing in time'); process.exit(); });
socket.on('data', (chunk) => { text += chunk; if (text.includes('\\n')) { console.log(text.trim()); process.exit(); } });
socket.on('error', (error) => { console.log(error.code); process.exit(); });
socket.on('close', () => { console.log('closed'); process.exit(); });
`;

t.test('refusals', { skip: await noNamespaces() }, async (t) => {
  const mesh = await startMesh(t, 'refusals', { provider: 'netns', files: { 'refusals.yaml': rules } });
  const { world } = mesh;

  async function refused(pod: string, path: string, logPod: string): Promise<LogLine | undefined> {
    const lines = await mesh.logWith(logPod, (all) => all.some((line) => line.path.includes(path)));
    return lines.find(
      (line) => line.path.includes(path) && line.direction === (logPod === pod ? 'outbound' : 'inbound'),
    );
  }

  await t.test('403 where a policy denies, told by the sidecar of the server', async (t) => {
    const path = `/admin${world.uniquePath()}`;
    const { status, headers } = await world.request('client', {
      url: `http://server${path}`,
      headers: { 'x-version': 'v2' },
    });
    t.equal(status, 403);
    t.equal(headers['x-tulle-reason'], 'access-denied');
    const line = await refused('client', path, 'server-v2');
    t.match(line, {
      status: 403,
      reason: 'access-denied',
      policy: 'default/deny-admin',
      peer: /sa\/client$/,
      tls: true,
    });
    t.match(await refused('client', path, 'client'), { status: 403 }, 'the sidecar of the client saw it pass');
  });

  await t.test('403 where no policy allows a method', async (t) => {
    const { status, headers } = await world.request('client', { url: 'http://server/', method: 'DELETE' });
    t.equal(status, 403);
    t.equal(headers['x-tulle-reason'], 'access-denied');
  });

  await t.test('404 where no route matches', async (t) => {
    const path = world.uniquePath();
    const { status, headers } = await world.request('client', { url: `http://narrow${path}` });
    t.equal(status, 404);
    t.equal(headers['x-tulle-reason'], 'no-route');
    t.match(await refused('client', path, 'client'), { status: 404, reason: 'no-route' });
    t.equal((await world.request('client', { url: 'http://narrow/known' })).status, 200, 'the route itself works');
  });

  await t.test('503 while nobody is ready, and no longer than that', async (t) => {
    await world.control('stop', 'server-v2/app');
    const path = world.uniquePath();
    const ask = () => world.request('client', { url: `http://server-v2${path}` });
    t.ok(await mesh.until(async () => (await ask()).headers['x-tulle-reason'] === 'no-healthy-endpoint'));
    const { status } = await ask();
    t.equal(status, 503);
    const unready = (candidate: LogLine): boolean =>
      candidate.path === path && candidate.reason === 'no-healthy-endpoint';
    const line = (await mesh.logWith('client', (lines) => lines.some(unready))).find(unready);
    t.match(line, { status: 503, reason: 'no-healthy-endpoint', cluster: 'outbound/default/server-v2/80' });
    await world.control('start', 'server-v2/app');
    t.ok(await mesh.until(async () => (await ask()).status === 200), 'it is back');
  });

  await t.test('a client without an identity of the mesh is refused, by name and by address', async (t) => {
    const { ip } = await world.pod('server-v1');
    for (const url of [`http://server-v1`, `http://${ip}:8080`]) {
      const path = world.uniquePath();
      const { status, headers } = await world.request('stranger', { url: `${url}${path}`, direct: true });
      t.equal(status, 403, url);
      t.equal(headers['x-tulle-reason'], 'access-denied');
      t.match(await refused('stranger', path, 'server-v1'), {
        status: 403,
        reason: 'access-denied',
        peer: '',
        tls: false,
      });
    }
  });

  await t.test('an opaque connection is denied before the server says a word', async (t) => {
    const { ip } = await world.pod('greeter');
    // Who has no identity and says nothing may still begin a handshake, so it is closed when it says something else.
    for (const [pod, host, words] of [
      ['client', 'greeter', ''],
      ['stranger', ip, 'good morning to you all, this is no protocol\n'],
    ]) {
      const refused = async (): Promise<LogLine[]> =>
        (await mesh.log('greeter')).filter(({ reason }) => reason === 'access-denied');
      const before = (await refused()).length;
      const { stdout } = await mesh.run(pod, [process.execPath, '-e', dial, host, '7000', words]);
      t.match(stdout.trim(), /^(closed|ECONNRESET)$/, `${pod} hears nothing`);
      t.ok(await mesh.until(async () => (await refused()).length > before), `the log says why (${pod})`);
      t.match((await refused()).at(-1), { direction: 'inbound' });
    }
    const { stdout } = await mesh.run('server-v1', [process.execPath, '-e', dial, 'greeter', '7000']);
    t.match(stdout, /^hello/, 'who is allowed hears the greeting');
  });
});
