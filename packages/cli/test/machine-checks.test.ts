import t from 'tap';
import { checkExitCode, runChecks } from '../src/check/check.js';
import type { Machine, Ran } from '../src/check/machine.js';
import { checkNode, checkPlatform, checkPrograms, checkState, machineChecks } from '../src/check/machine-checks.js';
import { checkText, verdictText } from '../src/check/render-check.js';

const done: Ran = { code: 0, stdout: '', stderr: '' };

function machine(change: Partial<Machine> = {}): Machine {
  return {
    platform: 'linux',
    arch: 'x64',
    kernel: '6.1.0',
    nodeVersion: '20.19.0',
    isRoot: false,
    find: (name) => `/usr/bin/${name}`,
    run: async () => done,
    tulle: (args) => ['tulle', ...args],
    koffiPath: () => '/koffi',
    node: 'node',
    listenError: async () => undefined,
    stateDir: '/state',
    freeBytes: () => 1e9,
    ...change,
  };
}

const all = (change: Partial<Machine>) => runChecks(machineChecks, machine(change), () => {});

t.test('a machine that has everything passes every check', async (t) => {
  const lines = await all({});
  t.strictSame(
    lines.map(({ id, state }) => [id, state]),
    machineChecks.map(({ id }) => [id, 'ok']),
  );
  t.equal(checkExitCode(lines), 0);
  t.match(verdictText(lines), 'all 8 checks passed');
});

t.test('Node before 20.19 fails, later ones pass', (t) => {
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '26.10.1']) t.equal(checkNode(version).state, 'ok', version);
  for (const version of ['20.18.9', '18.20.0', '19.99.0']) {
    t.match(checkNode(version), { state: 'failed', remedy: /20\.19/ }, version);
  }
  t.end();
});

t.test('what only takes one way away is a warning with the other way in it', async (t) => {
  const lines = await all({
    platform: 'darwin',
    koffiPath: () => undefined,
    find: () => undefined,
    listenError: async (_, port) => (port === 15001 ? 'EADDRINUSE' : undefined),
  });
  t.equal(checkExitCode(lines), 0);
  for (const line of lines.filter(({ state }) => state !== 'ok')) {
    t.equal(line.state, 'warning', line.id);
    t.ok(line.remedy, line.id);
  }
  t.match(verdictText(lines), /with 6 of 8 checks to look at/);
  t.equal(checkPlatform({ platform: 'linux', arch: 'x64', kernel: '6' }).state, 'ok');
});

t.test('a missing program is named with the package that has it', (t) => {
  const finding = checkPrograms(machine({ find: (name) => (name === 'ip' ? undefined : name) }));
  t.match(finding, { state: 'warning', fact: 'not installed: ip', remedy: /apt-get install iproute2/ });
  t.end();
});

t.test('refused namespaces name the setting for root and for others', async (t) => {
  const refused = {
    run: async (): Promise<Ran> => ({ code: 1, stdout: '', stderr: 'unshare: Operation not permitted\n' }),
  };
  const asUser = (await all(refused)).find(({ id }) => id === 'namespaces');
  t.match(asUser, { state: 'warning', fact: /Operation not permitted/, remedy: /user\.max_user_namespaces/ });
  const asRoot = (await all({ ...refused, isRoot: true })).find(({ id }) => id === 'namespaces');
  t.match(asRoot, { remedy: /CAP_SYS_ADMIN/ });
});

t.test('root needs no user namespace, others do', async (t) => {
  const argvs: string[] = [];
  const run = async (argv: readonly string[]): Promise<Ran> => {
    argvs.push(argv.join(' '));
    return done;
  };
  await all({ run });
  t.match(argvs.join('\n'), 'unshare --user --map-root-user --net -- tulle interception apply --rules -');
  argvs.length = 0;
  await all({ run, isRoot: true });
  t.match(argvs.join('\n'), 'unshare --net -- tulle interception apply');
});

t.test('a full or closed state folder fails and says where else', (t) => {
  t.match(checkState({ stateDir: '/state', freeBytes: () => 1e6 }), {
    state: 'failed',
    fact: /only 0 MiB/,
    remedy: /TULLE_HOME/,
  });
  const closed = checkState({
    stateDir: '/state',
    freeBytes: () => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    },
  });
  t.match(closed, { state: 'failed', fact: '/state cannot be written (EACCES)' });
  t.end();
});

t.test('a check that throws has failed, and the others still run', async (t) => {
  const lines = await all({
    run: () => Promise.reject(new Error('boom')),
  });
  t.equal(lines.length, machineChecks.length);
  t.equal(checkExitCode(lines), 1);
  t.match(checkText(lines[2]), /× koffi could not be checked: boom\n {6}set TULLE_DEBUG/);
});
