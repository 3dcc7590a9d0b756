// `tulle bench run` with real processes: direct and Tulle, small enough for a busy machine. No speed is asserted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BenchListener, type BenchOptions, type BenchResult, figureOf, type Round, runBench } from '@tulle/bench';
import t, { type Test } from 'tap';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const skip = process.platform === 'linux' ? false : 'the kernel’s accounting is read from /proc';

/** A case file of few requests, and a folder for results. */
function small(t: Test, rounds: string): { file: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-bench-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'small.yaml');
  writeFileSync(
    file,
    `name: small
title: few requests
protocol: http1
hops: 2
tls: between
placement: one-cpu
work: { kind: closed, connections: 4, responseBytes: 1000 }
metrics: [cpu-per-request, throughput, rss]
rounds: { ${rounds}, warmupRequests: 50, settleSeconds: 0.05 }
`,
  );
  return { file, folder };
}

function options(file: string, rounds: number): BenchOptions {
  return {
    cases: [file],
    peers: ['tulle-linux'],
    quick: false,
    seconds: Number.POSITIVE_INFINITY,
    rounds,
    cpus: undefined,
    topology: 'loopback',
    crossCheck: false,
    program,
    builds: [],
    command: [],
    policy: undefined,
  };
}

const silent: BenchListener = { caseStarts: () => {}, event: () => {}, caseEnds: () => {} };

function roundsOf(result: BenchResult, system: string): Round[] {
  return result.cases[0].rounds.filter((each) => each.system === system);
}

/** Our own children that still run, by what they were started as. */
function leftovers(): string[] {
  return readdirSync(`/proc/${process.pid}/task`).flatMap((tid) =>
    readFileSync(`/proc/${process.pid}/task/${tid}/children`, 'latin1')
      .trim()
      .split(' ')
      .filter((pid) => pid !== '' && existsSync(`/proc/${pid}/cmdline`))
      .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '))
      .filter((command) => command.includes(program) || command.includes('/agents/') || command.startsWith('sleep ')),
  );
}

void t.test(
  'the program measures, prints a table, writes every round and leaves nothing behind',
  { skip },
  async (t) => {
    const { file, folder } = small(t, 'requests: 300, min: 2, max: 2');
    const out = join(folder, 'out');
    const env = { ...process.env, NODE_OPTIONS: '', TMPDIR: folder };
    const args = [program, 'bench', 'run', '--cases', file, '--peers', 'tulle-linux', '--out', out];
    const child = spawn(process.execPath, args, { env });
    let printed = '';
    let said = '';
    child.stdout.on('data', (part) => {
      printed += String(part);
    });
    child.stderr.on('data', (part) => {
      said += String(part);
    });
    const [code] = await once(child, 'close');
    t.equal(code, 0, said);
    t.match(printed, /small: few requests\n[\s\S]*\n {2}direct +0\.00 [\s\S]*\n {2}tulle-linux +\d/);
    const result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as BenchResult;
    t.match(result, { schema: 'tulle.dev/bench-result/v1', run: { partial: false, topology: 'loopback' } });
    t.strictSame(
      result.cases[0].rounds.map(({ system, index, position }) => [index, position, system]),
      [
        [0, 0, 'direct'],
        [0, 1, 'tulle-linux'],
        [1, 0, 'tulle-linux'],
        [1, 1, 'direct'],
      ],
    );
    for (const round of result.cases[0].rounds) {
      t.match(round, { valid: true, invalid: [], requests: 300, errors: {}, bytes: { sent: 0, received: 300_000 } });
      t.equal(round.latencyUs?.count, 300);
      t.equal(round.processes.filter((each) => each.role === 'generator').length, 1);
    }
    const [info] = result.cases[0].systems.filter((each) => each.name === 'tulle-linux');
    for (const round of roundsOf(result, 'tulle-linux')) {
      const proxies = round.processes.filter((each) => each.role === 'proxy');
      t.strictSame(proxies.map((each) => each.name).sort(), ['client-side', 'server-side']);
      t.strictSame(proxies.map((each) => each.pid).sort(), [...info.pids].sort(), 'the processes of the start');
      for (const metric of ['cpu-per-request', 'throughput', 'rss'] as const)
        t.ok((figureOf(metric, round) ?? 0) > 0, metric);
    }
    for (const round of roundsOf(result, 'direct')) t.equal(figureOf('cpu-per-request', round), 0);
    t.equal(info.commands.length, 2);
    t.notMatch(JSON.stringify(result), /PRIVATE KEY/);
    t.strictSame(
      readdirSync(folder).filter((name) => name.startsWith('tulle-bench-')),
      [],
    );
  },
);

void t.test('a proxy that is killed makes its row invalid, and the others go on', { skip }, async (t) => {
  const { file } = small(t, 'requests: 300, min: 3, max: 3');
  let pids: number[] = [];
  const result = await runBench(
    options(file, 3),
    {
      ...silent,
      event(event) {
        if (event.kind === 'started') pids = event.systems.flatMap((each) => each.pids);
        // After the first round of the first system: the next to be measured is the one whose proxy dies.
        if (event.kind === 'round' && event.round.system === 'direct' && event.round.index === 0) {
          process.kill(pids[pids.length - 1], 'SIGKILL');
        }
      },
    },
    new AbortController().signal,
  );
  const [killed, ...after] = roundsOf(result, 'tulle-linux');
  t.equal(killed.valid, false);
  t.match(killed.invalid.join('\n'), /client-side was killed by SIGKILL/);
  t.equal(after.length, 0, 'its row is invalid whatever comes');
  t.equal(roundsOf(result, 'direct').filter((each) => each.valid).length, 3);
  t.strictSame(leftovers(), []);
});

void t.test(
  'an interrupted run keeps what was measured, says that it is partial and ends what it started',
  { skip },
  async (t) => {
    const { file } = small(t, 'seconds: 60, min: 3, max: 3');
    const { file: quick } = small(t, 'requests: 100, min: 1, max: 1');
    const interrupt = new AbortController();
    let started = 0;
    const result = await runBench(
      { ...options(quick, 1), cases: [quick, file] },
      {
        ...silent,
        event(event) {
          // Only the second case has rounds of a minute: it never ends one.
          if (event.kind === 'started' && started++ === 1) interrupt.abort();
        },
      },
      interrupt.signal,
    );
    t.equal(result.run.partial, true);
    t.equal(result.cases[0].rounds.length, 2);
    t.strictSame(result.cases[1].rounds, []);
    t.strictSame(leftovers(), []);
  },
);

void t.test(
  'in two network namespaces the same work goes over a pair of interfaces, and both are gone after it',
  { skip },
  async (t) => {
    const { file } = small(t, 'requests: 300, min: 1, max: 1');
    let result: BenchResult;
    try {
      result = await runBench({ ...options(file, 1), topology: 'netns' }, silent, new AbortController().signal);
    } catch (error) {
      if ((error as Error).name === 'BadBenchOptions') return t.skip((error as Error).message);
      throw error;
    }
    t.equal(result.run.topology, 'netns');
    t.strictSame(
      result.cases[0].rounds.map(({ system, valid, requests }) => [system, valid, requests]),
      [
        ['direct', true, 300],
        ['tulle-linux', true, 300],
      ],
    );
    t.match(result.cases[0].systems[1].commands[0].join(' '), /nsenter .* --listen 10\.231\.0\.2:/);
    t.strictSame(leftovers(), []);
  },
);

const wrong: [args: string[], message: RegExp][] = [
  [['--cases', 'nothing'], /there is no case nothing: write one of /],
  [['--peers', 'apache'], /there is no system apache: write some of direct, tulle-linux, /],
  [['--quick', '--full'], /cannot be used with/],
  [['--cpus', 'all'], /Write CPUs such as 0,1/],
];
for (const [args, message] of wrong) {
  void t.test(`wrong use is told with what is right: ${args.join(' ')}`, async (t) => {
    const child = spawn(process.execPath, [program, 'bench', 'run', ...args], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let said = '';
    child.stderr.on('data', (part) => {
      said += String(part);
    });
    const [code] = await once(child, 'close');
    t.equal(code, 2);
    t.match(said, message);
  });
}
