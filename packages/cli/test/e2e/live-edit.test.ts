/** Files are edited while traffic runs: what is right counts within a second, what is wrong counts for nothing and is told. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { load, lostNothing, runs } from './load.js';
import { type Mesh, startMesh, tulle } from './mesh.js';
import { noNamespaces } from './possible.js';

t.setTimeout(480_000);

/** An edit counts within this time. */
const boundMs = 1000;

/** As an editor saves: beside the file, then over it. */
function save(mesh: Mesh, file: string, text: string): void {
  const path = join(mesh.folder, file);
  writeFileSync(`${path}~`, text);
  renameSync(`${path}~`, path);
}

interface Effect {
  /** When the last request began that the pod still served, in ms after the edit; negative: none after it. */
  readonly ms: number;
  /** Requests that it served before, and requests that anybody served when the edit had to count. */
  readonly before: number;
  readonly after: number;
}

/** Edits the routes while a load of its own path runs, and looks at what a pod that is to get nothing more has served. */
async function editUnderLoad(t: Test, mesh: Mesh, path: string, from: string, text: string): Promise<Effect> {
  const loading = load(mesh, 5, path);
  await runs(mesh, path, from);
  const since = Date.now();
  save(mesh, '30-routes.yaml', text);
  const result = await loading;
  lostNothing(t, result);
  const served = async (pod: string): Promise<number[]> =>
    (await mesh.log(pod))
      .filter((line) => line.path === path && line.direction === 'inbound')
      .map((line) => Date.parse(line.start) - since);
  const all = async (): Promise<number[]> => [...(await served('server-v1')), ...(await served('server-v2'))];
  t.ok(await mesh.until(async () => (await all()).length >= result.requests.answered), 'each request is in the log');
  const starts = await served(from);
  return {
    ms: Math.max(...starts),
    before: starts.filter((ms) => ms < 0).length,
    after: (await all()).filter((ms) => ms > boundMs).length,
  };
}

t.test('edits', { skip: await noNamespaces() }, async (t) => {
  const mesh = await startMesh(t, 'live-edit', { provider: 'netns' });
  const routes = readFileSync(join(mesh.folder, '30-routes.yaml'), 'utf8');
  const weighted = (v1: number, v2: number): string =>
    routes.replace(/weight: 90$/m, `weight: ${v1}`).replace(/weight: 10$/m, `weight: ${v2}`);

  await t.test('a route is changed under load, both ways', async (t) => {
    // Again while it was late: a machine that does not let it run is late for a while, a mesh that is slow always is.
    const edits = [
      { from: 'server-v1', text: weighted(0, 100), figures: [] as number[] },
      { from: 'server-v2', text: weighted(100, 0), figures: [] as number[] },
    ];
    for (let round = 0; round < 8; round++) {
      for (const [way, { from, text, figures }] of edits.entries()) {
        const { ms, before, after } = await editUnderLoad(t, mesh, `/edited-${round}-${way}`, from, text);
        t.ok(before > 0, `${from} was served before the edit`, { ms, before, after });
        if (after > 0) figures.push(ms);
      }
      if (edits.every(({ figures }) => Math.min(...figures) < boundMs)) break;
    }
    for (const { from, figures } of edits)
      t.ok(Math.min(...figures) < boundMs, `${from} gets nothing more within a second`, { figures });
    t.comment(`edits counted after ${edits.flatMap(({ figures }) => figures.map(Math.round)).join(', ')} ms`);
  });

  const broken: { kind: string; file: string; text: string; says: RegExp; line: number }[] = [
    {
      kind: 'YAML that is none',
      file: '30-routes.yaml',
      text: 'apiVersion: v1\nkind: Service\nmetadata: {name: server\n',
      says: /./,
      line: 0,
    },
    {
      kind: 'a field that is not known',
      file: '40-policies.yaml',
      text: readFileSync(join(mesh.folder, '40-policies.yaml'), 'utf8').replace('timeouts:', 'timeoutz:'),
      says: /timeoutz/,
      line: lineOf(readFileSync(join(mesh.folder, '40-policies.yaml'), 'utf8'), 'timeouts:'),
    },
    {
      kind: 'a route to a Service that does not exist',
      file: '30-routes.yaml',
      text: routes.replace('- name: server-v1', '- name: server-v9'),
      says: /server-v9/,
      line: lineOf(routes, '- name: server-v1'),
    },
    { kind: 'weights that sum to zero', file: '30-routes.yaml', text: weighted(0, 0), says: /weight/, line: 0 },
  ];
  for (const { kind, file, text, says, line } of broken) {
    await t.test(`${kind}: told with its place and a remedy, and nothing changes`, async (t) => {
      const good = readFileSync(join(mesh.folder, file), 'utf8');
      const path = mesh.world.uniquePath();
      const loading = load(mesh, 3, path);
      await runs(mesh, path);
      save(mesh, file, text);
      t.ok(await mesh.until(async () => (await mesh.status()).problems.length > 0), 'the status tells of a problem');
      const { problems, controlPlane } = await mesh.status();
      t.ok(controlPlane.ready, 'the control plane goes on');
      const [problem] = problems;
      t.equal(problem?.file, join(mesh.folder, file));
      t.match(`${problem?.message} ${problem?.path}`, says);
      t.ok((problem?.line ?? 0) > 0 && (problem?.column ?? 0) > 0, 'with line and column', { ...problem });
      if (line > 0) t.equal(problem?.line, line, 'the very line');
      t.ok((problem?.remedy ?? '').length > 10, 'and a remedy', { ...problem });
      t.comment(`${file}:${problem?.line}:${problem?.column}: ${problem?.message} ${problem?.remedy}`);
      t.equal(
        (await mesh.world.request('client', { url: 'http://server/admin' })).status,
        403,
        'the last good state serves',
      );
      lostNothing(t, await loading);
      save(mesh, file, good);
      t.ok(await mesh.until(async () => (await mesh.status()).problems.length === 0), 'the mended file is taken');
    });
  }

  await t.test('a mended and changed file counts', async (t) => {
    save(mesh, '30-routes.yaml', 'no: yaml: at all');
    t.ok(await mesh.until(async () => (await mesh.status()).problems.length > 0));
    save(mesh, '30-routes.yaml', weighted(0, 1));
    const only = async (): Promise<boolean> => {
      const answers = await Promise.all([1, 2, 3].map(() => mesh.world.request('client', { url: 'http://server/' })));
      return answers.every(({ body }) => body.includes(' v2:'));
    };
    t.ok(await mesh.until(only), 'all requests go where it says');
  });

  await t.test('a control plane that is started while a file is broken serves what was good last', async (t) => {
    const good = readFileSync(join(mesh.folder, '30-routes.yaml'), 'utf8');
    await mesh.world.control('stop', 'control-plane');
    save(mesh, '30-routes.yaml', 'no: yaml: at all');
    await mesh.world.control('start', 'control-plane');
    const { controlPlane, problems } = await mesh.status();
    t.match(controlPlane, { ready: true, restoredFrom: /^\d{4}-/ }, 'the status says so');
    t.ok(problems.length > 0, 'and why');
    const { stdout } = await tulle(['testbed', 'status', '--name', mesh.name]);
    t.match(stdout, /it serves the last good configuration, of .*, until the problems below are mended/);
    await mesh.world.control('restart', 'client/proxy');
    t.equal((await mesh.world.request('client', { url: 'http://server/admin' })).status, 403, 'its rules hold');
    save(mesh, '30-routes.yaml', good);
    t.ok(await mesh.until(async () => (await mesh.status()).controlPlane.restoredFrom === null), 'until it is mended');
  });

  await t.test('a policy in a new file counts, and its removal too', async (t) => {
    const denied = async (): Promise<boolean> =>
      (await mesh.world.request('client', { url: 'http://server/private' })).status === 403;
    t.notOk(await denied());
    const policy = readFileSync(join(mesh.folder, '40-policies.yaml'), 'utf8')
      .split('---')[1]
      .replace('deny-admin', 'deny-private')
      .replace('/admin*', '/private*');
    save(mesh, '50-private.yaml', policy);
    t.ok(await mesh.until(denied), 'it is enforced');
    rmSync(join(mesh.folder, '50-private.yaml'));
    t.ok(await mesh.until(async () => !(await denied())), 'and forgotten with its file');
  });
});

function lineOf(text: string, part: string): number {
  return text.slice(0, text.indexOf(part)).split('\n').length;
}
