/** What a machine and its user can do to a testbed: interrupt it, kill it, start two, lack privileges, programs, space. Nothing is left, or it is told. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { tellLogEnds } from './log-ends.js';
import { configurationIn, findRunning, program, type RunOptions, repository, temporaryFolder, tulle } from './mesh.js';
import { findProgram, isRoot, noNamespaces, noOrdinaryUser, ordinaryUser } from './possible.js';

t.setTimeout(1_500_000);

/** Only something broken takes so long. */
const deadlineMs = 240_000;

const unprivileged = await noNamespaces();
const home = temporaryFolder(t, 'robust');
let states = 0;
const temporaries = new Map<string, string>();

/** A state folder of its own, and how it is named to a command. */
function state(t: Test): { folder: string; options: RunOptions } {
  states += 1;
  const folder = join(home, `state-${states}`);
  // What is put into a temporary folder must be gone too.
  const temporary = join(home, `temporary-${states}`);
  mkdirSync(temporary);
  temporaries.set(folder, temporary);
  t.teardown(() => tellLogEnds(t, folder));
  return { folder, options: { env: { ...process.env, TULLE_HOME: folder, TMPDIR: temporary } } };
}

/** Starts a command that will be ended by a signal; resolves with its exit code. */
function start(
  args: string[],
  { env }: RunOptions,
): { child: ChildProcess; text: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, text: () => said, ended: new Promise((resolve) => child.on('close', (code) => resolve(code))) };
}

/** Asserts that nothing of a state folder is left: no file, and no process that was started for it. */
async function nothingLeft(t: Test, folder: string): Promise<void> {
  const end = performance.now() + deadlineMs;
  let running = findRunning(folder);
  while (running.length > 0 && performance.now() < end) {
    await delay(100);
    running = findRunning(folder);
  }
  t.same(running, [], 'no process is left, and with the last one its namespaces, interfaces and rules are gone');
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
  t.same(
    files.filter((file) => file !== 'testbeds'),
    [],
    'and no file',
  );
  const temporary = temporaries.get(folder);
  if (temporary !== undefined) t.same(readdirSync(temporary), [], 'also none that was to be temporary');
}

/** Declares a port on which it does not listen. */
const deafPod = `
apiVersion: v1
kind: Pod
metadata:
  name: deaf
spec:
  containers:
    - name: app
      command: [node, apps/idle.js]
      ports:
        - containerPort: 9999
`;

const providers = [
  ['netns', unprivileged],
  ['process', false],
] as const;

for (const [provider, skip] of providers) {
  t.test(`Ctrl-C leaves nothing, whenever it comes (${provider})`, { skip }, async (t) => {
    for (const [command, moment] of [
      ['testbed up', /^creating/m],
      ['testbed up', /^control plane ready/m],
      ['demo', /^testbed .* is up/m],
      ['demo', /The control plane is killed under load/m],
    ] as const) {
      const { folder, options } = state(t);
      const args = [...command.split(' '), '--name', 'ended', '--provider', provider];
      // So that the moment lasts: it waits for a pod that will not be ready.
      if (command === 'testbed up')
        args.push('--config', configurationIn(temporaryFolder(t, 'ended'), { 'deaf.yaml': deafPod }));
      const { child, text, ended } = start(args, options);
      const end = performance.now() + deadlineMs;
      while (!moment.test(text()) && child.exitCode === null && performance.now() < end) await delay(10);
      t.match(text(), moment, `${command} has come as far as ${moment.source}`);
      child.kill('SIGINT');
      t.equal(await ended, 1, 'it ends with 1');
      await nothingLeft(t, folder);
    }
  });

  t.test(`a keeper that is killed is cleared by down, and by up (${provider})`, { skip }, async (t) => {
    const { folder, options } = state(t);
    const up = ['testbed', 'up', '--name', 'killed', '--provider', provider];
    for (const remedy of ['down', 'up']) {
      const first = await tulle(up, options);
      t.equal(first.code, 0, 'it is up', { ...first });
      const record = JSON.parse(readFileSync(join(folder, 'testbeds/killed/keeper.json'), 'utf8')) as { pid: number };
      process.kill(record.pid, 'SIGKILL');
      // Its end is the end of its namespaces too: that takes the kernel a moment.
      const end = performance.now() + deadlineMs;
      let status = await tulle(['testbed', 'status', '--name', 'killed'], options);
      while (!status.stderr.includes('has crashed') && performance.now() < end)
        status = await tulle(['testbed', 'status', '--name', 'killed'], options);
      t.equal(status.code, 1);
      t.match(status.stderr, /has crashed; .*tulle testbed down --name killed/, 'it is told, with a remedy');
      if (remedy === 'up') {
        const again = await tulle(up, options);
        t.equal(again.code, 0, 'up goes over it', { ...again });
        t.match(again.stdout, /removed what a crashed run had left/);
      }
      t.equal((await tulle(['testbed', 'down', '--name', 'killed'], options)).code, 0);
      await nothingLeft(t, folder);
    }
  });

  t.test(`two testbeds stand side by side, a third of the same name is refused (${provider})`, { skip }, async (t) => {
    const { folder, options } = state(t);
    const names = ['one', 'two'];
    t.teardown(async () => {
      for (const name of names) await tulle(['testbed', 'down', '--name', name], options);
    });
    for (const name of names) {
      const up = await tulle(['testbed', 'up', '--name', name, '--provider', provider], options);
      t.equal(up.code, 0, `${name} is up`, { ...up });
    }
    const third = await tulle(['testbed', 'up', '--name', 'one', '--provider', provider], options);
    t.equal(third.code, 1);
    t.match(third.stderr, /testbed one is already up .*status --name one.*down --name one/);
    const script = `const u=process.env.http_proxy; const {request}=require('http'); const o=u?{...require('url').urlToHttpOptions(new URL(u)),path:'http://server/',headers:{host:'server'}}:'http://server/'; request(o,(r)=>r.pipe(process.stdout)).end()`;
    for (const name of names) {
      const { stdout, stderr } = await tulle(
        ['testbed', 'exec', '--name', name, 'client', '--', process.execPath, '-e', script],
        options,
      );
      t.match(stdout, /^hello from server/, `${name} serves`, { stderr });
    }
    t.equal((await tulle(['testbed', 'down', '--name', 'one'], options)).code, 0);
    t.equal((await tulle(['testbed', 'status', '--name', 'two'], options)).code, 0, 'the other stands');
    t.equal((await tulle(['testbed', 'down', '--name', 'two'], options)).code, 0);
    await nothingLeft(t, folder);
  });
}

t.test('a checkout in a folder with a space', { skip: unprivileged }, async (t) => {
  const folder = join(home, 'my checkout');
  mkdirSync(folder);
  for (const entry of ['packages', 'node_modules', 'examples', 'package.json']) {
    symlinkSync(join(repository, entry), join(folder, entry));
  }
  const configuration = configurationIn(temporaryFolder(t, 'with a space'));
  const { options } = state(t);
  const linked = { ...options, program: join(folder, 'packages/cli/dist/main.js'), cwd: folder };
  t.teardown(async () => {
    await tulle(['testbed', 'down', '--name', 'space'], options);
  });
  const up = await tulle(['testbed', 'up', '--name', 'space', '--config', configuration], linked);
  t.equal(up.code, 0, 'it comes up', { ...up });
  t.equal((await tulle(['testbed', 'status', '--name', 'space'], linked)).code, 0, 'and is well');
});

t.test('a port that is taken, with plain processes: the next one is taken, and that is told', async (t) => {
  const configuration = configurationIn(temporaryFolder(t, 'port'));
  // On every address of this machine, so not the demo's port: other meshes of plain processes may come up beside this one.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const file = join(configuration, '20-pods.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('8080', String(port)));
  const { options } = state(t);
  t.teardown(async () => {
    await tulle(['testbed', 'down', '--name', 'taken'], options);
  });
  const up = await tulle(
    ['testbed', 'up', '--name', 'taken', '--config', configuration, '--provider', 'process'],
    options,
  );
  t.equal(up.code, 0, 'it comes up', { ...up });
  t.match(up.stdout, new RegExp(`port ${port} is taken on 127\\.\\S+, so it listens on \\d+`));
  t.equal((await tulle(['testbed', 'status', '--name', 'taken'], options)).code, 0, 'and is well');
});

const cannotHide = !isRoot
  ? 'to hide `ip` needs root'
  : findProgram('ip') === undefined
    ? 'there is none: all tests show it'
    : false;

t.test('without `ip` it says what to install, and runs plain processes', { skip: cannotHide }, async (t) => {
  const tools = join(home, 'tools');
  mkdirSync(tools);
  writeFileSync(join(tools, 'none'), '');
  const { folder, options } = state(t);
  const hide = `for f in /usr/sbin/ip /sbin/ip /usr/bin/ip /bin/ip; do [ -e $f ] && mount --bind ${tools}/none $f; done; exec "$@"`;
  const run = async (args: string[]): Promise<{ code: number | null; said: string }> => {
    const argv = ['--mount', 'sh', '-c', hide, 'sh', process.execPath, program, ...args];
    const child = spawn('unshare', argv, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    return { code: await new Promise((resolve) => child.on('close', resolve)), said };
  };
  const auto = await run(['testbed', 'up', '--name', 'no-ip']);
  t.equal(auto.code, 0, 'it is up all the same', { said: auto.said });
  t.match(auto.said, /plain processes on loopback, because .*ip not found: install iproute2/);
  t.match(auto.said, /is up \(process\)/);
  t.equal((await tulle(['testbed', 'down', '--name', 'no-ip'], options)).code, 0);
  const wanted = await run(['testbed', 'up', '--name', 'no-ip', '--provider', 'netns']);
  t.equal(wanted.code, 1, 'who insists on namespaces is refused');
  t.match(wanted.said, /ip not found: install iproute2/);
  await nothingLeft(t, folder);
});

t.test('a state folder that cannot be written is told, with a way on', async (t) => {
  const closed = join(home, 'closed');
  mkdirSync(closed, { mode: 0o555 });
  const user = isRoot ? { uid: ordinaryUser, gid: ordinaryUser, cwd: '/' } : {};
  const env = { ...process.env, TULLE_HOME: join(closed, 'state') };
  const { code, stdout, stderr } = await tulle(['testbed', 'up', '--provider', 'process'], { env, ...user });
  t.equal(code, 1);
  t.match(stdout + stderr, /cannot be written .*set TULLE_HOME to a folder that can be written/s);
  t.notMatch(stdout + stderr, /\n\s+at .*packages\/\w+\/dist/, 'no stack');
});

t.test(
  'a state folder where none can be made is told at once',
  { skip: existsSync('/proc/self') ? false : 'no /proc' },
  async (t) => {
    const env = { ...process.env, TULLE_HOME: '/proc/nowhere/at/all' };
    const { code, stdout, stderr } = await tulle(['testbed', 'up', '--provider', 'process'], { env });
    t.equal(code, 1);
    t.match(
      stdout + stderr,
      isRoot ? /\/proc takes no folder, .*set TULLE_HOME to a folder that can be written/ : /set TULLE_HOME/,
    );
  },
);

t.test(
  'a full disk for the access log: told once, and traffic goes on',
  { skip: unprivileged || (isRoot ? false : 'a small file system needs root') },
  async (t) => {
    const { folder, options } = state(t);
    const configuration = configurationIn(temporaryFolder(t, 'full'));
    mkdirSync(folder);
    const shell = (argv: string[]): Promise<number | null> =>
      new Promise((resolve) => spawn(argv[0], argv.slice(1), { stdio: 'ignore' }).on('close', resolve));
    t.equal(
      await shell(['mount', '-t', 'tmpfs', '-o', 'size=3m,mode=755', 'tmpfs', folder]),
      0,
      'a file system of three megabytes',
    );
    t.teardown(async () => {
      await tulle(['testbed', 'down', '--name', 'full'], options);
      for (let tries = 0; tries < 600 && (await shell(['umount', folder])) !== 0; tries++) await delay(100);
    });
    const up = await tulle(
      ['testbed', 'up', '--name', 'full', '--config', configuration, '--provider', 'netns'],
      options,
    );
    t.equal(up.code, 0, 'it is up', { ...up });
    await shell(['sh', '-c', `cat /dev/zero > "${folder}/ballast"`]);
    const load = ['bench', 'load', '-o', 'json', '--url', 'http://server/', '--rate', 'max', '--requests', '2000'];
    const result = await tulle(
      ['testbed', 'exec', '--name', 'full', 'client', '--', process.execPath, program, ...load],
      options,
    );
    const { requests } = JSON.parse(result.stdout || '{"requests":{}}') as {
      requests: { answered: number; sent: number };
    };
    t.equal(requests.answered, 2000, 'every request is answered', { stderr: result.stderr });
    const ask = "fetch('http://127.0.0.1:15020/metrics').then((r) => r.text()).then(console.log)";
    const dropped = async (): Promise<number> => {
      const proxy = ['testbed', 'exec', '--name', 'full', 'client', '-c', 'proxy', '--', process.execPath, '-e', ask];
      const { stdout } = await tulle(proxy, options);
      return Number(/^tulle_access_log_dropped_total (\d+)/m.exec(stdout)?.[1]);
    };
    const end = performance.now() + deadlineMs;
    // Lines are written some at a time, a moment after the answers.
    while (!((await dropped()) > 0) && performance.now() < end) await delay(100);
    t.ok((await dropped()) > 0, 'the lines that were lost are counted');
    t.comment(`${await dropped()} log lines had no room`);
    const told = async (): Promise<boolean> =>
      (await tulle(['testbed', 'status', '--name', 'full'], options)).stdout.includes(`no space left in ${folder}`);
    while (!(await told()) && performance.now() < end) await delay(500);
    t.ok(await told(), 'and the status says that there is no space');
    const down = await tulle(['testbed', 'down', '--name', 'full'], options);
    t.equal(down.code, 0);
    t.notMatch(down.stdout + down.stderr, /does not end by itself/, 'it still ends by itself');
  },
);

t.test('an ordinary user runs it, or is told why not', { skip: await noOrdinaryUser(home) }, async (t) => {
  const folder = join(home, 'ordinary');
  mkdirSync(folder);
  chownSync(folder, ordinaryUser, ordinaryUser);
  const env = { ...process.env, HOME: folder, TULLE_HOME: join(folder, 'state'), TMPDIR: folder };
  const options = { env, uid: ordinaryUser, gid: ordinaryUser, cwd: '/' };
  const up = await tulle(['testbed', 'up', '--name', 'plain-user'], options);
  t.equal(up.code, 0, 'it is up', { ...up });
  t.comment(up.stdout.trim().split('\n').at(-1) ?? '');
  t.equal((await tulle(['testbed', 'status', '--name', 'plain-user'], options)).code, 0, 'and well');
  t.equal((await tulle(['testbed', 'down', '--name', 'plain-user'], options)).code, 0);
  await nothingLeft(t, join(folder, 'state'));
});
