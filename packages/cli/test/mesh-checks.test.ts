import type { TestbedStatus } from '@tulle/testbed';
import t from 'tap';
import { checkExitCode, runChecks } from '../src/check/check.js';
import type { Machine } from '../src/check/machine.js';
import { type AskSidecar, meshChecks } from '../src/check/mesh-checks.js';

const now = Date.parse('2026-11-24T12:00:00Z');
const running = { state: 'running' as const, pid: 1, restarts: 0, last: null };

function status(change: Partial<TestbedStatus> = {}): TestbedStatus {
  return {
    name: 'default',
    provider: 'netns',
    userNamespace: false,
    config: ['mesh'],
    state: '/state',
    controlPlane: { ...running, ready: true, ads: '', certificates: '', admin: '', restoredFrom: null },
    pods: [pod('client'), { ...pod('stranger'), sidecar: null }],
    services: [
      {
        namespace: 'default',
        name: 'server',
        clusterIp: '10.96.0.1',
        ports: [{ name: 'http', port: 80, endpoints: [{ address: '10.244.0.5:8080', ready: true, pod: 'server' }] }],
      },
    ],
    problems: [],
    notices: [],
    ...change,
  };
}

function pod(name: string): TestbedStatus['pods'][number] {
  return {
    namespace: 'default',
    name,
    ip: '10.244.0.5',
    serviceAccount: name,
    ready: true,
    reason: null,
    sidecar: { ...running, ready: true, health: '', metrics: '', admin: '127.0.0.1:15000', accessLog: '' },
    containers: [],
    restarts: 0,
  };
}

const inAnHour: AskSidecar = async () => [{ subject: 'x', notAfter: '2026-11-24T13:00:00Z' }];

/** States by check, without those that are ok. */
async function found(change: Partial<TestbedStatus>, ask: AskSidecar = inAnHour) {
  const lines = await runChecks(
    meshChecks(status(change), ask, () => now),
    {} as Machine,
    () => {},
  );
  return { lines: lines.filter(({ state }) => state !== 'ok'), all: lines, exitCode: checkExitCode(lines) };
}

t.test('a mesh that is well has nothing to look at, and says when the first certificate ends', async (t) => {
  const { lines, all, exitCode } = await found({});
  t.strictSame(lines, []);
  t.equal(exitCode, 0);
  t.match(
    all.find(({ id }) => id === 'certificates'),
    { fact: '1 certificates are valid, the first to end in 60 minutes' },
  );
});

const broken: [
  name: string,
  change: Partial<TestbedStatus>,
  id: string,
  state: string,
  fact: RegExp,
  remedy: RegExp,
][] = [
  [
    'a control plane that was killed',
    { controlPlane: { ...status().controlPlane, state: 'stopped', ready: false } },
    'control-plane',
    'failed',
    /is stopped: sidecars go on/,
    /testbed start control-plane/,
  ],
  [
    'a control plane that is not ready',
    { controlPlane: { ...status().controlPlane, ready: false }, name: 'other' },
    'control-plane',
    'failed',
    /not ready/,
    /logs control-plane --name other/,
  ],
  [
    'a pod that is not ready',
    { pods: [{ ...pod('client'), ready: false, reason: 'port 8080 does not listen' }] },
    'pods',
    'failed',
    /default\/client \(port 8080 does not listen\)/,
    /testbed logs default\/client/,
  ],
  [
    'a broken edit',
    {
      problems: [
        { file: 'a.yaml', line: 3, column: 7, path: 'spec', message: 'unknown field x', remedy: 'remove it' },
      ] as never,
    },
    'configuration',
    'failed',
    /a\.yaml:3:7: unknown field x/,
    /remove it; until then/,
  ],
  [
    'a service that selects nothing',
    { services: [{ ...status().services[0], ports: [{ name: null, port: 80, endpoints: [] }] }] },
    'endpoints',
    'warning',
    /default\/server/,
    /selector/,
  ],
];
for (const [name, change, id, state, fact, remedy] of broken) {
  t.test(`${name} is one ${state} with its remedy`, async (t) => {
    const { lines, exitCode } = await found(change);
    t.equal(lines.length, 1);
    t.match(lines[0], { id, state, fact, remedy });
    t.equal(exitCode, state === 'failed' ? 1 : 0);
  });
}

t.test('a sidecar that is not ready, and one whose certificate ends', async (t) => {
  const sidecar = { ...(pod('client').sidecar as NonNullable<TestbedStatus['pods'][number]['sidecar']>), ready: false };
  t.match((await found({ pods: [{ ...pod('client'), sidecar }] })).lines, [
    { id: 'sidecars', remedy: /restart default\/client\/proxy/ },
  ]);
  const ending: AskSidecar = async () => ({ notAfter: '2026-11-24T12:04:00Z' });
  t.match((await found({}, ending)).lines, [{ id: 'certificates', state: 'failed', remedy: /clock/ }]);
  const silent: AskSidecar = () => Promise.reject(new Error('refused'));
  t.match((await found({}, silent)).lines, [{ id: 'certificates', state: 'warning', fact: /default\/client/ }]);
});
