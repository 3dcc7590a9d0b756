import { readFile } from 'node:fs/promises';
import t from 'tap';
import { play } from '../src/demo/act.js';
import { story } from '../src/demo/story.js';
import { Teller } from '../src/demo/teller.js';
import { DemoWorld } from './demo-world.js';

/** The whole story in a mesh with these faults: the checks that fail, as `act/check`. */
async function failing(
  t: Pick<typeof import('tap').default, 'testdir'>,
  faults: Partial<DemoWorld>,
): Promise<string[]> {
  const tell = new Teller(undefined);
  await play(story, Object.assign(new DemoWorld(), { editedFolder: t.testdir({}) }, faults).asWorld(), tell);
  return tell.checks.filter(({ ok }) => !ok).map(({ act, id }) => `${act}/${id}`);
}

t.test('in a mesh that works every check of the story holds', async (t) => {
  t.strictSame(await failing(t, {}), []);
});

t.test('without network namespaces nobody listens on the wire, and the rest holds', async (t) => {
  t.strictSame(await failing(t, { provider: 'process' }), []);
});

const faults: [name: string, fault: Partial<DemoWorld>, checks: string[]][] = [
  ['bytes in the clear', { plaintext: true }, ['encrypted/no-plaintext']],
  ['a recording with holes', { dropped: 1 }, ['encrypted/capture', 'encrypted/no-plaintext']],
  ['another identity', { serverPeer: 'spiffe://cluster.local/ns/default/sa/thief' }, ['encrypted/server-identity']],
  ['a response not acknowledged', { acked: 2 }, ['has-rules/acknowledged']],
  ['no counting', { counted: false }, ['observed/metric-client', 'observed/metric-server-v2']],
  [
    'a restarted sidecar without configuration',
    { needsControlPlane: true },
    ['sidecar-restarted/serves', 'sidecar-restarted/still-denied'],
  ],
  [
    'no enforcement',
    { enforced: false },
    [
      'authorised/denied-path',
      'authorised/no-identity',
      'control-plane-killed/rules-hold',
      'sidecar-restarted/still-denied',
      'sidecar-restarted/rule-arrives',
    ],
  ],
  [
    'lost requests',
    { invalid: ['1 requests failed: 1 connection-lost'] },
    [
      'answered/bodies-length',
      'answered/bodies-chunked',
      'control-plane-killed/no-loss',
      'cost/no-loss-direct',
      'cost/no-loss-mesh',
    ],
  ],
];
for (const [name, fault, checks] of faults) {
  t.test(`${name} fails exactly the checks that are about it`, async (t) => {
    t.strictSame(await failing(t, fault), checks);
  });
}

t.test('a route that is not applied fails what depends on it', async (t) => {
  const failed = await failing(t, { routed: false });
  t.ok(failed.includes('has-rules/route'));
  t.ok(failed.includes('encrypted/no-plaintext'), 'a request that went elsewhere proves nothing about this link');
  t.ok(failed.includes('control-plane-killed/rules-hold'));
});

t.test('without sidecars nothing passes by having nothing to look at', async (t) => {
  const failed = await failing(t, { sidecars: false, logged: false });
  for (const check of ['comes-up/pods', 'taken-over/short-name', 'has-rules/connected', 'observed/log-client']) {
    t.ok(failed.includes(check), check);
  }
});

t.test('the story kills, restarts and starts again, in that order, and writes a rule in between', async (t) => {
  const world = new DemoWorld();
  world.editedFolder = t.testdir({});
  await play(story, world.asWorld(), new Teller(undefined));
  t.strictSame(world.controlled, ['kill control-plane', 'restart client/proxy', 'start control-plane']);
  const rule = await readFile(`${world.editedFolder}/closed-while-away.yaml`, 'utf8');
  t.match(rule, /kind: AuthorizationPolicy/);
});

t.test('an act that cannot be made is a failed check, and the story goes on', async (t) => {
  const world = new DemoWorld();
  world.editedFolder = t.testdir({});
  world.accessLine = () => Promise.reject(new Error('the log cannot be read'));
  const tell = new Teller(undefined);
  await play(story, world.asWorld(), tell);
  t.match(
    tell.checks.find(({ act }) => act === 'taken-over'),
    { id: 'finished', ok: false, seen: 'the log cannot be read' },
  );
  t.ok(tell.checks.some(({ act, ok }) => act === 'cost' && ok));
});

t.test('an interrupted story stops before the next act', async (t) => {
  const interrupt = new AbortController();
  const world = new DemoWorld();
  world.signal = interrupt.signal;
  world.status = async () => {
    interrupt.abort(new Error('interrupted'));
    throw new Error('gone');
  };
  const tell = new Teller(undefined);
  await t.rejects(play(story, world.asWorld(), tell), { message: 'interrupted' });
  t.strictSame(tell.checks, []);
});

t.test('the story is told with its commands and its evidence', async (t) => {
  let told = '';
  const world = new DemoWorld();
  world.editedFolder = t.testdir({});
  await play(
    story,
    world.asWorld(),
    new Teller((text) => {
      told += text;
    }),
  );
  t.match(told, / 1 {2}The mesh has come up/);
  t.match(told, /\$ tulle testbed exec client -- curl -s http:\/\/server\.default\.svc\.cluster\.local\//);
  t.match(told, /✓ the recording shows/);
  t.match(told, /10 {2}What it costs/);
  t.notMatch(told, /✗/);
});
