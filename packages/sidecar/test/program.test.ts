import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { Mesh, type PodPlace, placePod, podYaml, sliceYaml } from './mesh.js';
import { notBuilt, Program } from './program.js';

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
  ports: [{ name: http, port: 80, targetPort: http }]
---`;

type Test = Pick<typeof t, 'testdir' | 'teardown' | 'passing' | 'comment'>;

async function meshOf(t: Test, svidTtlMs?: number): Promise<{ mesh: Mesh; pod: PodPlace }> {
  const mesh = new Mesh({ dir: t.testdir(), engine: 'portable', svidTtlMs });
  t.teardown(() => mesh.close(t));
  const pod = await placePod('server', 2);
  mesh.configure('mesh.yaml', [RULES, podYaml(pod), '---', sliceYaml('server', pod)].join('\n'));
  await mesh.startControlPlane();
  return { mesh, pod };
}

function lastOf(program: Program): { level: number; msg: string } {
  return JSON.parse(program.log.trim().split('\n').at(-1)!);
}

t.test(
  'a bootstrap that is not one ends it with 2, a file that cannot be read with 1',
  { skip: notBuilt },
  async (t) => {
    const dir = t.testdir({ 'b.json': '{}' });
    const wrong = new Program('runSidecar', { bootstrap: join(dir, 'b.json') });
    t.equal(await wrong.exit, 2);
    t.match(lastOf(wrong), { level: 60, msg: /b\.json: node: must be an object\n/ });
    const missing = new Program('runSidecar', { bootstrap: join(dir, 'none.json') });
    t.equal(await missing.exit, 1);
    t.match(lastOf(missing), { level: 60, msg: /--bootstrap .*none\.json: cannot be read \(ENOENT.*Give a file/ });
  },
);

t.test('what cannot be used ends it, with a way on', { skip: notBuilt }, async (t) => {
  const { mesh, pod } = await meshOf(t);
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const at = `127.0.0.1:${port}`;
  const other = join(mesh.dir, 'jwks.json');
  const { controlPlane } = mesh.bootstrapOf(pod) as { controlPlane: object };
  const cases: [change: object, message: RegExp][] = [
    [
      { admin: at },
      new RegExp(`^cannot listen on ${at}: another program listens there: stop it, or give "admin" another`),
    ],
    [{ health: at }, /or give "health" another/],
    [{ outboundProxy: at }, new RegExp(`${port}`)],
    [{ stateDir: other }, /stateDir .*Give a directory/],
    [
      { controlPlane: { ...controlPlane, rootCaFile: other } },
      /rootCaFile .*: cannot be used .*no certificate in PEM.*root-cert\.pem/,
    ],
  ];
  for (const [change, message] of cases) {
    const program = mesh.startSidecar(pod, change);
    t.equal(await program.exit, 1, program.log);
    t.match(lastOf(program), { level: 60, msg: message });
  }
});

t.test('a token that is missing is told, and used when it is there', { skip: notBuilt }, async (t) => {
  const { mesh, pod } = await meshOf(t);
  const tokenFile = join(mesh.dir, 'late.token');
  const program = mesh.startSidecar(pod, { tokenFile });
  t.match(await program.logged(/no certificate yet/), /the token file .*late\.token cannot be read \(ENOENT\)/);
  t.equal((await fetch(`http://${pod.ip}:${pod.pages[1]}/ready`)).status, 503);
  t.equal((await fetch(`http://${pod.ip}:${pod.pages[1]}/live`)).status, 200);
  writeFileSync(tokenFile, mesh.token('server'));
  await program.ready;
  t.equal((await fetch(`http://${pod.ip}:${pod.pages[1]}/ready`)).status, 200);
  t.equal(await program.stop(), 0);
});

t.test(
  'certificates are renewed before they end, and the next stream shows the new one',
  { skip: notBuilt },
  async (t) => {
    const { mesh, pod } = await meshOf(t, 12_000);
    const program = mesh.startSidecar(pod);
    await program.ready;
    const certs = async () =>
      ((await (await fetch(`http://${pod.ip}:${pod.pages[0]}/certs`)).json()) as { fingerprint256: string }[])[0];
    // Renewed after eight seconds: four are left to a machine that is slow.
    const first = await certs();
    await program.logged(/certificate renewed/);
    t.not((await certs()).fingerprint256, first.fingerprint256);
    // The control plane ends the stream of a certificate that has ended.
    await program.logged(/UNAUTHENTICATED/);
    await program.logged(/control plane connected/, 2);
    t.notMatch(program.log, /EXPIRED/);
    t.equal(await program.stop(), 0);
  },
);

t.test(
  'a restart after the end of its certificate, without a control plane, serves plain text',
  { skip: notBuilt },
  async (t) => {
    const { mesh, pod } = await meshOf(t, 2000);
    const app = createServer((_request, response) => response.end('served'));
    await new Promise<void>((resolve) => app.listen(pod.port, pod.ip, resolve));
    t.teardown(() => app.close());
    const first = mesh.startSidecar(pod);
    await first.ready;
    await mesh.controlPlane.stop();
    await first.logged(/THE CERTIFICATE HAS EXPIRED/);
    t.equal(await first.stop(), 0);
    const second = mesh.startSidecar(pod);
    await second.ready;
    t.match(second.log, /THE CERTIFICATE HAS EXPIRED: .*plain traffic goes on/);
    t.equal(await (await fetch(`http://${pod.ip}:${pod.inbound}/`)).text(), 'served');
    t.equal(await second.stop(), 0);
  },
);

t.test(
  'a drain answers what is under way, takes nothing new, and a second signal ends it',
  { skip: notBuilt },
  async (t) => {
    const { mesh, pod } = await meshOf(t);
    const waiting: ServerResponse[] = [];
    let arrived = (): void => {};
    const app = createServer((_request, response) => {
      waiting.push(response);
      arrived();
    });
    await new Promise<void>((resolve) => app.listen(pod.port, pod.ip, resolve));
    t.teardown(() => {
      app.closeAllConnections();
      app.close();
    });
    const begin = async () => {
      const here = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const answer = fetch(`http://${pod.ip}:${pod.inbound}/slow`);
      await here;
      return answer;
    };
    const drained = mesh.startSidecar(pod);
    await drained.ready;
    const answer = begin();
    while (waiting.length < 1) await new Promise((resolve) => setImmediate(resolve));
    drained.child.kill('SIGTERM');
    await drained.logged(/"draining"/);
    t.equal((await fetch(`http://${pod.ip}:${pod.pages[1]}/ready`)).status, 503);
    const refused = await new Promise<boolean>((resolve) => {
      const attempt = (): void => {
        const socket = connect(pod.inbound, pod.ip);
        socket.on('error', () => resolve(true));
        socket.on('connect', () => {
          socket.destroy();
          setImmediate(attempt);
        });
      };
      attempt();
    });
    t.ok(refused, 'no new inbound connection');
    const outbound = await new Promise<boolean>((resolve) => {
      const socket = connect(pod.outboundProxy, pod.ip, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    t.ok(outbound, 'outbound is open while inbound drains');
    waiting[0].end('done');
    t.equal(await (await answer).text(), 'done');
    t.equal(await drained.exit, 0, drained.log);

    const cut = mesh.startSidecar(pod);
    await cut.ready;
    const lost = begin();
    lost.catch(() => {}); // Looked at below.
    while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
    cut.child.kill('SIGTERM');
    await cut.logged(/"draining"/);
    cut.child.kill('SIGTERM');
    t.equal(await cut.exit, 0);
    await t.rejects(lost);
    t.match(cut.log, /"ended":"cut"/);
    t.ok(readFileSync(join(mesh.dir, 'server.access.log'), 'utf8').length > 0);
  },
);
