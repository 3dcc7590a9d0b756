import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type ProviderKind,
  readTestbedStatus,
  testbedControl,
  testbedDown,
  testbedExec,
  testbedLogs,
  testbedUp,
} from '@tulle/testbed';
import type { Test } from 'tap';

const here = fileURLToPath(new URL('.', import.meta.url));
const apps = fileURLToPath(new URL('../../../../examples/demo/apps', import.meta.url));
/** Stands in for the command line: these tests are about how its programs are started, fed and ended. */
const cliPath = join(here, 'fake-tulle.mjs');

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

/** A mesh's programs, started, fed and ended: what every provider has to do. */
export async function meshSuite(t: Test, kind: ProviderKind): Promise<void> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'tulle mesh ')));
  // Closed to others, as a home folder is: the proxy's user must get to its files all the same.
  await mkdir(join(home, 'closed'), { mode: 0o700 });
  process.env.TULLE_HOME = join(home, 'closed');
  const config = join(home, 'config');
  await cp(join(here, 'config'), config, { recursive: true });
  const yaml = (await readFile(join(config, 'cluster.yaml'), 'utf8')).replaceAll(
    '../../../../../examples/demo/apps',
    apps,
  );
  const namespace =
    'apiVersion: v1\nkind: Namespace\nmetadata: { name: default, labels: { tulle.dev/inject: enabled } }\n---\n';
  await writeFile(join(config, 'cluster.yaml'), namespace + yaml);
  const name = `m-${kind}`;
  const up = { name, config, provider: kind, cliPath };
  t.teardown(async () => {
    await printed((streams) => testbedDown({ name, ...streams }));
    await rm(home, { recursive: true, force: true });
  });
  const first = await printed((streams) => testbedUp({ ...up, ...streams }));
  t.equal(first.code, 0, first.text);
  const control = (action: 'stop' | 'start' | 'kill' | 'restart', target: string) =>
    printed((streams) => testbedControl({ name, action, target, ...streams }));
  const clusterFile = (file: string) => readFile(join(home, 'closed', 'testbeds', name, 'cluster', file), 'utf8');

  await t.test('control plane, sidecars and pods are ready, in this order', async (t) => {
    const status = await readTestbedStatus(name);
    t.equal(status.controlPlane.ready, true);
    t.ok(status.pods.every((pod) => pod.ready && pod.sidecar?.ready));
    t.ok(first.text.indexOf('control plane ready') < first.text.indexOf('pod client ready'));
  });

  await t.test('a sidecar runs as the proxy, with a token of its own service account', async (t) => {
    const { text } = await printed((streams) =>
      testbedLogs({ name, target: 'client', container: 'proxy', ...streams }),
    );
    const uid = kind === 'netns' && process.getuid?.() === 0 ? 1337 : kind === 'netns' ? 0 : process.getuid?.();
    t.same(JSON.parse(text), {
      uid,
      sub: 'system:serviceaccount:default:default',
      interception: kind === 'netns' ? 'redirect' : 'none',
    });
    t.match(
      (await printed((streams) => testbedLogs({ name, target: 'client', container: 'access', ...streams }))).text,
      '"path":"/"',
    );
  });

  await t.test('the control plane reads pods with their addresses and endpoints where they are reached', async (t) => {
    const pods = await clusterFile('pods.yaml');
    const slices = await clusterFile('endpoint-slices.yaml');
    if (kind === 'netns') {
      t.match(pods, '"podIP": "10.244.0.5"');
      t.match(slices, '"10.244.0.5"');
    } else {
      const [, listen] = /inbound-listeners": "\[\{\\"port\\":\d+,\\"listen\\":\\"([\d.]+:\d+)\\"/.exec(pods) ?? [];
      const [ip, port] = listen.split(':');
      t.match(slices, `"${ip}"`);
      t.match(slices, `"port": ${port}`);
    }
  });

  await t.test('where nothing is intercepted programs are told of their sidecar', async (t) => {
    const { text } = await printed((streams) =>
      testbedExec({ name, pod: 'client', argv: ['sh', '-c', 'echo "$http_proxy"'], stdio: 'pipe', ...streams }),
    );
    t.match(text.trim(), kind === 'netns' ? /^$/ : /^http:\/\/127\.\d+\.0\.8:\d+$/);
  });

  await t.test('a killed sidecar stays dead, its pod is no endpoint; started again both are back', async (t) => {
    t.equal((await control('kill', 'server-1/proxy')).code, 0);
    const dead = await readTestbedStatus(name);
    t.match(dead.pods[0], { ready: false, reason: 'the sidecar is stopped', sidecar: { state: 'stopped' } });
    t.same(
      dead.services[0].ports[0].endpoints.map((endpoint) => endpoint.ready),
      [false, true],
    );
    t.match(await clusterFile('endpoint-slices.yaml'), '"ready": false');
    t.equal((await control('start', 'server-1/proxy')).code, 0);
    t.equal((await readTestbedStatus(name)).pods[0].ready, true);
  });

  await t.test('a killed control plane is missed in the status and can be started again', async (t) => {
    t.equal((await control('kill', 'control-plane')).code, 0);
    t.match((await readTestbedStatus(name)).controlPlane, { ready: false, state: 'stopped', last: 'signal SIGKILL' });
    t.equal((await control('start', 'control-plane')).code, 0);
    t.equal((await readTestbedStatus(name)).controlPlane.ready, true);
    t.ok(
      (await readTestbedStatus(name)).pods.every((pod) => pod.ready),
      'the pods went on',
    );
  });

  await t.test('what the control plane finds wrong is in the status', async (t) => {
    await writeFile(join(config, 'problem'), '');
    await control('restart', 'control-plane');
    t.match((await readTestbedStatus(name)).problems, [{ file: 'routes.yaml', line: 3, remedy: 'Name one.' }]);
  });

  await t.test('a sidecar that ends at once is a failure that shows its log, and nothing is left', async (t) => {
    t.equal((await printed((streams) => testbedDown({ name, ...streams }))).code, 0);
    const doomed =
      'apiVersion: v1\nkind: Pod\nmetadata: { name: doomed }\nspec: { containers: [{ name: c, command: [sleep, "1000"] }] }\n';
    await writeFile(join(config, 'doomed.yaml'), doomed);
    const { code, text } = await printed((streams) => testbedUp({ ...up, ...streams }));
    t.equal(code, 1);
    t.match(
      text,
      /pod default\/doomed: its sidecar ended with signal SIGKILL; the end of .*proxy\.log:\n {2}\| no certificate/,
    );
    t.match(await printed((streams) => testbedDown({ name, ...streams })), { text: /is not up/ });
  });
}
