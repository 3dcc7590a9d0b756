/** The control plane is killed under load, sidecars are restarted without it: no request notices. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { load, lostNothing, runs } from './load.js';
import { type Mesh, startMesh } from './mesh.js';
import { noNamespaces } from './possible.js';

t.setTimeout(480_000);

async function rulesHold(t: Test, { world }: Mesh): Promise<void> {
  t.equal((await world.request('client', { url: 'http://server/admin' })).status, 403, 'the policy holds');
  const { body } = await world.request('client', { url: 'http://server/', headers: { 'x-version': 'v2' } });
  t.match(body, / v2:/, 'the route holds');
}

t.test('without the control plane', { skip: await noNamespaces() }, async (t) => {
  const mesh = await startMesh(t, 'control-plane-loss', { provider: 'netns' });
  const { world } = mesh;
  const closed = async (headers?: Record<string, string>): Promise<boolean> =>
    (await world.request('client', { url: 'http://server/closed', headers })).status === 403;

  await t.test('SIGKILL under load loses nothing, an edit waits until it is back', async (t) => {
    const path = world.uniquePath();
    const loading = load(mesh, 5, path);
    await runs(mesh, path);
    await world.control('kill', 'control-plane');
    t.equal((await mesh.status()).controlPlane.ready, false, 'it is dead');
    await rulesHold(t, mesh);
    const policy = readFileSync(join(mesh.folder, '40-policies.yaml'), 'utf8')
      .split('---')[1]
      .replace('deny-admin', 'deny-closed')
      .replace('/admin*', '/closed*');
    writeFileSync(join(mesh.folder, '50-closed.yaml'), policy);
    lostNothing(t, await loading);
    t.notOk(await closed(), 'the edit has not arrived');

    const laterPath = world.uniquePath();
    const again = load(mesh, 4, laterPath);
    await runs(mesh, laterPath);
    const startedAt = performance.now();
    await world.control('start', 'control-plane');
    t.ok(await mesh.until(() => closed()), 'it arrives when the control plane is back');
    t.comment(`the edit counted ${Math.round(performance.now() - startedAt)} ms after the control plane was started`);
    lostNothing(t, await again);
    // The one server that answered has the edit; each sidecar comes back in its own time.
    t.ok(await mesh.until(async () => (await connected(mesh)) === 4), 'all four sidecars come back to it');
    t.ok(await mesh.until(() => everywhere(closed)), 'and have the edit');
  });

  await t.test('sidecars that are restarted meanwhile, or killed, serve from disk', async (t) => {
    for (const pod of ['server-v1', 'server-v2'])
      t.ok(await mesh.until(async () => onDisk(mesh, pod, 'deny-closed')), `what ${pod} was sent last is on its disk`);
    await world.control('kill', 'control-plane');
    for (const [action, pod] of [
      ['restart', 'client'],
      ['restart', 'server-v1'],
      ['kill', 'client'],
      ['kill', 'server-v2'],
    ] as const) {
      await world.control(action, `${pod}/proxy`);
      if (action === 'kill') await world.control('start', `${pod}/proxy`);
      const { body, status, error } = await world.request('client', { url: 'http://server/' });
      t.equal(status, 200, `after ${action} of ${pod}/proxy requests are served`, { body, error });
      t.ok(await closed(), 'and refused as they were');
      await rulesHold(t, mesh);
    }
    t.equal((await mesh.status()).controlPlane.ready, false, 'all without the control plane');
    await world.control('start', 'control-plane');
    t.ok(await mesh.until(async () => (await connected(mesh)) === 4), 'all four sidecars come back to it');
  });

  await t.test('a sidecar that ends gracefully under load answers what it has begun', async (t) => {
    const begun = join(mesh.folder, '..', 'begun');
    const slow = mesh.run('client', [process.execPath, '-e', askSlowly, begun]);
    t.ok(await mesh.until(async () => existsSync(begun)), 'the server has begun');
    const stopping = world.control('restart', 'server-v2/proxy');
    const { stdout, stderr } = await slow;
    t.equal(stdout, '200 slept 2000 ms\n', 'it is answered', { stderr });
    await stopping;
  });
});

/** Asks the second server for an answer that takes two seconds; makes a file when the server has the request (it says 100, RFC 9110 section 15.2.1). */
const askSlowly = `
const headers = { 'x-version': 'v2', expect: '100-continue', 'content-length': 2 };
const asked = require('http').request('http://server/slow?ms=2000', { method: 'POST', headers }, (response) => {
  process.stdout.write(response.statusCode + ' ');
  response.pipe(process.stdout);
});
asked.on('continue', () => { require('fs').writeFileSync(process.argv[1], ''); asked.end('go'); });
asked.flushHeaders();
`;

/** Whether a text is in the last good configuration that a sidecar has saved. */
async function onDisk({ world }: Mesh, pod: string, text: string): Promise<boolean> {
  const { state } = await world.status();
  const file = join(state, 'pods', `default_${pod}`, 'proxy', 'state', 'resources.json');
  const { types } = JSON.parse(readFileSync(file, 'utf8')) as { types: { lds: { resources: { value: string }[] } } };
  return types.lds.resources.some(({ value }) => Buffer.from(value, 'base64').includes(text));
}

/** That both servers have it: nine in ten of the requests go to the one, the header names the other. */
async function everywhere(holds: (headers?: Record<string, string>) => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 5; i++) if (!(await holds())) return false;
  return holds({ 'x-version': 'v2' });
}

/** How many sidecars the control plane serves. */
async function connected({ world }: Mesh): Promise<number> {
  const { controlPlane } = await world.status();
  const url = `http://${controlPlane.admin}/debug/sidecars`;
  const { status, body } = await world.request('direct-client', { url, direct: true });
  return status === 200 ? (JSON.parse(body) as unknown[]).length : 0;
}
