/** The seven steps of a request, and the two about a control plane that is away: the checks of the demo, on everything that this machine can be. */
import { chownSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Checked } from '../../dist/demo/checked.js';
import { type Provider, type RunOptions, temporaryFolder, tulle } from './mesh.js';
import { noNamespaces, noOrdinaryUser, ordinaryUser } from './possible.js';

/** A warm demo is over in less. */
const warmSeconds = 30;

t.setTimeout(900_000);
const home = temporaryFolder(t, 'story');

const name = `story-${process.pid}`;

async function playDemo(t: Test, provider: Provider, options: RunOptions, flags: string[] = []): Promise<void> {
  const { code, stdout, stderr } = await tulle(
    ['demo', '-o', 'json', '--name', name, '--provider', provider, ...flags],
    options,
  );
  const report = JSON.parse(stdout || '{"checks":[]}') as { ok: boolean; seconds: number; checks: Checked[] };
  t.ok(report.checks.length > 0, 'the story was told', { stderr });
  for (const { act, id, ok, claim, seen } of report.checks) t.ok(ok, `${act}: ${claim} (${id})`, { seen });
  t.equal(code, 0);
  if (code !== 0) t.comment(stderr);
  t.comment(
    `${report.checks.length} checks in ${report.seconds?.toFixed(1)} s; the bound for a quiet machine is ${warmSeconds} s`,
  );
}

t.test('with network namespaces', { skip: await noNamespaces() }, async (t) => {
  await playDemo(t, 'netns', { env: { ...process.env, TULLE_HOME: join(home, 'own') } });
});

t.test('with network namespaces, as an ordinary user', { skip: await noOrdinaryUser(home) }, async (t) => {
  const folder = join(home, 'ordinary');
  mkdirSync(folder);
  chownSync(folder, ordinaryUser, ordinaryUser);
  const env = { ...process.env, HOME: folder, TULLE_HOME: join(folder, 'state'), TMPDIR: folder };
  await playDemo(t, 'netns', { env, uid: ordinaryUser, gid: ordinaryUser, cwd: '/' });
});

t.test('with plain processes, and what it leaves up goes with all that it has made', async (t) => {
  const temporary = join(home, 'temporary');
  mkdirSync(temporary);
  const options = { env: { ...process.env, TULLE_HOME: join(home, 'plain'), TMPDIR: temporary } };
  t.teardown(async () => {
    await tulle(['testbed', 'down', '--name', name], options);
  });
  await playDemo(t, 'process', options, ['--keep']);
  t.equal((await tulle(['testbed', 'status', '--name', name], options)).code, 0, 'its mesh is up');
  t.equal((await tulle(['testbed', 'down', '--name', name], options)).code, 0);
  t.same(readdirSync(temporary), [], 'its folder is gone');
});
