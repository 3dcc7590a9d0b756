import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  execCommand,
  type ProviderKind,
  readTestbedStatus,
  startTestbedCapture,
  type TestbedStatus,
  testbedControl,
  testbedDown,
  testbedExec,
  testbedLogs,
  testbedStatus,
  testbedUp,
  testbedUsage,
} from '@tulle/testbed';
import type { Test } from 'tap';
import { type ProcessIdentity, stillRuns } from '../../src/programs/identity.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const apps = fileURLToPath(new URL('../../../../examples/demo/apps', import.meta.url));

/** What a command printed, and its exit code. */
async function printed(
  run: (streams: { stdout: PassThrough; stderr: PassThrough }) => Promise<number>,
): Promise<{ code: number; text: string }> {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  const code = await run({ stdout: stream, stderr: stream });
  return { code, text };
}

/** Asks from inside a pod; one line for each URL. */
async function get(name: string, pod: string, ...urls: string[]): Promise<string[]> {
  const plan = await execCommand({ name, pod, argv: [process.execPath, join(here, 'get.mjs'), ...urls] });
  const { stdout } = await promisify(execFile)(plan.argv[0], plan.argv.slice(1), { env: plan.env, cwd: plan.cwd });
  return stdout.trim().split('\n');
}

/** Only a broken testbed takes so long. */
const deadlineMs = 60_000;

async function statusUntil(name: string, holds: (status: TestbedStatus) => boolean): Promise<TestbedStatus> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const status = await readTestbedStatus(name);
    if (holds(status) || performance.now() > end) return status;
    await delay(20);
  }
}

/** What `status` says once the killed keeper is gone, and with it, by the kernel, its namespaces: both take a moment. */
async function askUntilGone(name: string, keeper: ProcessIdentity): Promise<{ code: number; text: string }> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const asked = await printed((streams) => testbedStatus({ name, ...streams }));
    const gone = !stillRuns(keeper) && asked.text.includes('has crashed');
    if (gone || performance.now() > end) return asked;
    await delay(20);
  }
}

/** Processes that carry the mark of a run. */
async function survivors(run: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environ.includes(`TULLE_TESTBED_RUN=${run}`)) found.push(pid);
  }
  return found;
}

/** Processes that run in the configuration folder and were not there before. */
async function programsOf(folder: string, before: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (before.includes(pid)) continue;
    if ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) === folder) found.push(pid);
  }
  return found;
}

/** A home and a configuration of their own, both with a space in their path. */
async function ground(): Promise<{ home: string; config: string }> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'tulle test ')));
  const config = join(home, 'my config');
  await cp(join(here, 'config'), config, { recursive: true });
  const file = join(config, 'cluster.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('../../../../../examples/demo/apps', apps));
  return { home, config };
}

/** From `up` to `down` and past the death of its keeper: what every provider has to do, without a mesh. */
export async function lifecycleSuite(t: Test, kind: ProviderKind): Promise<void> {
  const { home, config } = await ground();
  process.env.TULLE_HOME = home;
  const name = `t-${kind}`;
  const up = { name, config, provider: kind, mesh: false };
  t.teardown(async () => {
    await printed((streams) => testbedDown({ name, ...streams }));
    await rm(home, { recursive: true, force: true });
  });
  const first = await printed((streams) => testbedUp({ ...up, ...streams }));
  t.equal(first.code, 0, first.text);
  const recordFile = join(home, 'testbeds', name, 'keeper.json');

  await t.test('every pod is ready and the services lead to them', async (t) => {
    const status = await readTestbedStatus(name);
    t.equal(status.provider, kind);
    t.same(
      status.pods.map((pod) => [pod.name, pod.ready]),
      [
        ['server-1', true],
        ['server-2', true],
        ['greeter', true],
        ['client', true],
      ],
    );
    const server = status.services.find((service) => service.name === 'server');
    t.match(server?.ports[0].endpoints, [
      { pod: 'default/server-1', ready: true },
      { pod: 'default/server-2', ready: true },
    ]);
    const shown = await printed((streams) => testbedStatus({ name, ...streams }));
    t.equal(shown.code, 0);
    t.match(shown.text, /server-1 +\S+ +yes +none/);
  });

  await t.test('a program of this machine in a pod reaches services by each of their names', async (t) => {
    const status = await readTestbedStatus(name);
    const ip = status.services.find((service) => service.name === 'server')?.clusterIp;
    const urls = ['server', 'server.default', 'server.default.svc.cluster.local', ip, 'servers:8080'];
    const lines = await get(name, 'client', ...urls.map((host) => `http://${host}/x`));
    for (const line of lines) t.match(line, /^200 hello from server-[12] v[12]: GET \/x$/);
    t.equal(new Set(await get(name, 'client', 'http://server/', 'http://server/')).size, 2, 'in turn');
  });

  await t.test('exec ends with the exit code of its command, 127 when there is none', async (t) => {
    const exec = (...argv: string[]) =>
      printed((streams) => testbedExec({ name, pod: 'client', argv, stdio: 'pipe', ...streams }));
    t.match(await exec('sh', '-c', 'echo "$HOSTNAME"; exit 42'), { code: 42, text: 'client\n' });
    t.equal((await exec('no-such-program')).code, 127);
    const wrong = await printed((streams) =>
      testbedExec({ name, pod: 'nobody', argv: ['true'], stdio: 'pipe', ...streams }),
    );
    t.equal(wrong.code, 1);
    t.match(wrong.text, /no pod "nobody"; pods: server-1, server-2, greeter, client/);
  });

  await t.test('what a container writes is its log', async (t) => {
    // It says so after it listens, and listening is what makes it ready.
    const read = () => printed((streams) => testbedLogs({ name, target: 'greeter', ...streams }));
    const end = performance.now() + deadlineMs;
    let log = await read();
    while (log.text === '' && performance.now() < end) log = await read();
    t.match(log.text, /greeter listens on/);
  });

  await t.test(
    'a stopped pod is no endpoint, without endpoints a service refuses, and a started pod is back',
    async (t) => {
      const control = (action: 'stop' | 'start' | 'kill' | 'restart', target: string) =>
        printed((streams) => testbedControl({ name, action, target, ...streams }));
      t.equal((await control('stop', 'server-1')).code, 0);
      t.match(await get(name, 'client', 'http://server/', 'http://server/'), [/server-2/, /server-2/]);
      t.equal((await control('kill', 'server-2')).code, 0);
      t.match(await get(name, 'client', 'http://server/'), [kind === 'netns' ? /error ECONNREFUSED/ : /^502 /]);
      t.equal((await control('start', 'server-1')).code, 0);
      t.match(await get(name, 'client', 'http://server/'), [/server-1/]);
      t.equal((await control('restart', 'server-2')).code, 0);
      t.equal(
        (await readTestbedStatus(name)).pods.every((pod) => pod.ready),
        true,
      );
      t.match(await control('stop', 'nobody'), { code: 1, text: /neither control-plane nor a pod/ });
    },
  );

  await t.test('a program that dies by itself is started again and counted', async (t) => {
    const before = (await readTestbedStatus(name)).pods[0].containers[0];
    const kill = kind === 'netns' ? ['sh', '-c', `kill -9 ${before.pid}`] : null;
    if (kill !== null)
      await printed((streams) => testbedExec({ name, pod: 'client', argv: kill, stdio: 'pipe', ...streams }));
    else process.kill(before.pid as number, 'SIGKILL');
    const after = await statusUntil(name, ({ pods }) => pods[0].restarts === 1 && pods[0].ready);
    t.equal(after.pods[0].restarts, 1);
    t.equal(after.pods[0].ready, true);
  });

  await t.test('the CPU time and memory of a pod are told', async (t) => {
    const { app, proxy } = await testbedUsage('server-1', name);
    t.equal(proxy, null);
    t.ok((app?.cpuNs ?? 0) > 1e6 && (app?.rssBytes ?? 0) > 1e6);
  });

  await t.test('an edit of the folder is taken over, a broken one is shown and changes nothing', async (t) => {
    const extra = join(config, 'extra.yaml');
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {containers: [{name: idle, command: [sleep, "1000"]}]}\n';
    await writeFile(extra, pod);
    const added = await statusUntil(name, ({ pods }) => pods.some((p) => p.name === 'late' && p.ready));
    t.ok(added.pods.some((p) => p.name === 'late' && p.ready));
    const old = added.pods.find((p) => p.name === 'server-1')?.containers[0].pid;
    await writeFile(extra, `${pod}  colour: red\n`);
    const broken = await statusUntil(name, ({ problems }) => problems.length > 0);
    t.match(broken.problems, [{ file: extra, line: 5 }]);
    t.ok(broken.pods.some((p) => p.name === 'late' && p.ready));
    await rm(extra);
    const removed = await statusUntil(name, ({ pods, problems }) => pods.length === 4 && problems.length === 0);
    t.equal(removed.pods.length, 4);
    t.equal(removed.pods.find((p) => p.name === 'server-1')?.containers[0].pid, old, 'other pods are not touched');
  });

  await t.test('what cannot be read is a notice for as long as it is there', async (t) => {
    const loop = join(config, 'loop.yaml');
    await symlink('loop.yaml', loop);
    t.match((await statusUntil(name, ({ notices }) => notices.length > 0)).notices, [/loop/]);
    await rm(loop);
    t.same((await statusUntil(name, ({ notices }) => notices.length === 0)).notices, []);
  });

  await t.test('a capture holds what crosses the link of a pod', async (t) => {
    const file = join(home, 'link.pcap');
    if (kind === 'process') {
      await t.rejects(startTestbedCapture('client', file, name), /provider netns/);
      return;
    }
    const capture = await startTestbedCapture('client', file, name);
    await get(name, 'client', 'http://server/in-the-clear');
    const result = await capture.stop();
    t.equal(result.dropped, 0);
    t.ok(result.packets > 5);
    t.ok((await readFile(file)).includes('GET /in-the-clear HTTP/1.1'));
  });

  await t.test('a second `up` of the same name says that it is up; another name stands beside it', async (t) => {
    t.match(await printed((streams) => testbedUp({ ...up, ...streams })), { code: 1, text: /already up/ });
    const other = { ...up, name: `${name}-b` };
    t.equal((await printed((streams) => testbedUp({ ...other, ...streams }))).code, 0);
    t.match(await get(other.name, 'client', 'http://server/'), [/^200 hello/]);
    t.equal((await printed((streams) => testbedDown({ name: other.name, ...streams }))).code, 0);
    t.match(await get(name, 'client', 'http://server/'), [/^200 hello/]);
  });

  await t.test('the death of the keeper is noticed, and the next `up` or `down` clears what it left', async (t) => {
    const record = JSON.parse(await readFile(recordFile, 'utf8')) as ProcessIdentity & { run: string };
    process.kill(record.pid, 'SIGKILL');
    const asked = await askUntilGone(name, record);
    t.match(asked, { code: 1, text: /has crashed; `tulle testbed down/ });
    const again = await printed((streams) => testbedUp({ ...up, ...streams }));
    t.equal(again.code, 0, again.text);
    t.match(again.text, /removed what a crashed run had left/);
    t.same(await survivors(record.run), []);
    t.match(await get(name, 'client', 'http://server/'), [/^200 hello/]);
  });

  await t.test('`down` leaves no process and no file', async (t) => {
    const record = JSON.parse(await readFile(recordFile, 'utf8')) as { run: string };
    t.ok((await survivors(record.run)).length > 0 || kind === 'netns');
    t.match(await printed((streams) => testbedDown({ name, ...streams })), { code: 0, text: /is down/ });
    t.same(await survivors(record.run), []);
    t.same((await readdir(home)).sort(), kind === 'netns' ? ['link.pcap', 'my config'] : ['my config']);
    t.match(await printed((streams) => testbedDown({ name, ...streams })), { code: 0, text: /not up/ });
    t.match(await printed((streams) => testbedStatus({ name, ...streams })), {
      code: 1,
      text: /testbed up --config/,
    });
  });

  await t.test('an interrupted `up` leaves nothing', async (t) => {
    const interrupt = new AbortController();
    const stream = new PassThrough();
    stream.on('data', (chunk) => {
      if (String(chunk).includes('creating')) interrupt.abort();
    });
    const before = await readdir('/proc');
    t.equal(await testbedUp({ ...up, stdout: stream, stderr: stream, signal: interrupt.signal }), 1);
    t.same(await programsOf(config, before), []);
    t.notOk((await readdir(home)).includes('testbeds'));
  });

  await t.test('a broken configuration is refused with its place', async (t) => {
    await writeFile(
      join(config, 'broken.yaml'),
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: nginx}]}\n',
    );
    const { code, text } = await printed((streams) => testbedUp({ ...up, ...streams }));
    t.equal(code, 1);
    t.match(text, /broken\.yaml:4:\d+: spec\.containers\[0\]: container c has no command/);
    t.notOk((await readdir(home)).includes('testbeds'));
  });
}
