// Results as the runner writes them, with figures made up for tests.
import type { BenchCase } from '../../src/result/bench-case.js';
import type { BenchResult, CaseResult, Round, SparseHistogram, SystemInfo } from '../../src/result/bench-result.js';
import { normals, sequence } from '../statistics/random-numbers.js';

export interface MadeUpSystem {
  name: string;
  /** CPU of a request in µs, throughput follows. */
  cpuUs: number;
  rssBytes?: number;
  latencyUs?: number;
  version?: string;
}

export interface MadeUpRun {
  systems: readonly MadeUpSystem[];
  rounds: number;
  seed: number;
  /** Spread of a round's logarithm. */
  noise?: number;
  name?: string;
}

export function madeUpResult(run: MadeUpRun): BenchResult {
  return {
    schema: 'tulle.dev/bench-result/v1',
    run: {
      startedAt: '2026-11-25T03:00:00.000Z',
      endedAt: '2026-11-25T03:08:00.000Z',
      partial: false,
      command: ['bench', 'run'],
      quick: false,
      machine: {
        kernel: '6.1.0-30-amd64',
        architecture: 'x64',
        cpuModel: 'A CPU at 2.40GHz',
        cpus: 2,
        memoryBytes: 24 * 2 ** 30,
        mitigations: { spectre_v2: 'Mitigation: Retpolines' },
        governor: undefined,
        clocksource: 'kvm-clock',
        load1: 0.4,
        fingerprint: 'abc',
      },
      node: { version: '20.20.2', v8: '11.3', openssl: '3.0.17' },
      revision: { commit: '0123456789abcdef0123456789abcdef01234567', changed: false },
      topology: 'loopback',
    },
    cases: [madeUpCase(run)],
  };
}

export function madeUpCase(run: MadeUpRun): CaseResult {
  const random = sequence(run.seed);
  const next = normals(random);
  const noise = run.noise ?? 0.01;
  const rounds: Round[] = [];
  for (let index = 0; index < run.rounds; index++) {
    const cloud = Math.exp(0.05 * next());
    for (const [position, system] of run.systems.entries()) {
      rounds.push(madeUpRound(system, { index, position }, cloud * Math.exp(noise * next()), next));
    }
  }
  return {
    definition: { ...structuredClone(definition), name: run.name ?? definition.name },
    pinning: { generator: '0', server: '0', proxies: '0', nice: -10, realtime: false },
    systems: run.systems.map(info),
    rounds,
    roundsReason: `${run.rounds} rounds, as asked for`,
  };
}

const definition: BenchCase = {
  name: 'pair-mtls-1k',
  title: '1 KB answers, 16 connections, a pair of proxies with mTLS between',
  protocol: 'http1',
  hops: 2,
  tls: 'between',
  work: { kind: 'closed', connections: 16, keepAlive: true, requestBytes: 0, responseBytes: 1024 },
  placement: 'one-cpu',
  metrics: [
    'cpu-per-request',
    'throughput',
    'latency-p50',
    'latency-p99',
    'latency-p999',
    'rss',
    'user-cpu-per-request',
  ],
  goals: [],
  rounds: {
    min: 5,
    max: 40,
    seconds: 1,
    requests: undefined,
    detect: 0.03,
    warmupRequests: 1000,
    settleSeconds: 0.2,
    sampleMemoryEvery: undefined,
  },
};

function info({ name, version = '1.0' }: MadeUpSystem): SystemInfo {
  return {
    name,
    title: `${name} ${version}`,
    version,
    state: 'measured',
    reason: '',
    commands: [[`/usr/sbin/${name}`, '-f', 'proxy.cfg']],
    files: [{ name: 'proxy.cfg', text: `listen <here> & "there"\n` }],
    notes: ['keep-alive on both sides, as its documentation advises'],
    pids: [1],
  };
}

function madeUpRound(
  system: MadeUpSystem,
  place: { index: number; position: number },
  factor: number,
  next: () => number,
): Round {
  const cpuUs = system.cpuUs * factor;
  const requests = Math.round(900_000 / cpuUs);
  const rss = Math.round((system.rssBytes ?? 60 * 2 ** 20) * (1 + 0.003 * next()));
  return {
    system: system.name,
    ...place,
    startedS: place.index * 5 + place.position,
    durationS: 1,
    valid: true,
    invalid: [],
    late: false,
    requests,
    errors: {},
    connects: 0,
    bytes: { sent: 0, received: requests * 1024 },
    latencyUs: madeUpHistogram((system.latencyUs ?? 300) * factor, requests),
    latenessUs: undefined,
    processes: ['client-side', 'server-side'].map((name) => ({
      role: 'proxy',
      name,
      pid: 1,
      rssBeforeBytes: rss / 2,
      rssAfterBytes: rss / 2,
      threads: [
        {
          tid: 1,
          name: 'node',
          cpuNs: (cpuUs * requests * 1000) / 2,
          waitNs: 0,
          userTicks: 30,
          systemTicks: 60,
          voluntarySwitches: requests,
          involuntarySwitches: 1,
        },
      ],
    })),
    cpus: [{ cpu: 0, userS: 0.4, systemS: 0.5, softirqS: 0.05, idleS: 0.02, stealS: 0 }],
    memory: [],
    syscalls: undefined,
  };
}

/** A body and a tail: nine in ten about the median, the rest up to thirty times it. */
function madeUpHistogram(median: number, count: number): SparseHistogram {
  const buckets = new Map<number, number>();
  for (let at = 0; at < count; at++) {
    const share = (at + 0.5) / count;
    const value = Math.round(median * (0.6 + 0.8 * share) * (1 + 0.02 / (1 - share + 0.0008)));
    buckets.set(value, (buckets.get(value) ?? 0) + 1);
  }
  const sorted = [...buckets].sort((a, b) => a[0] - b[0]);
  return { count, min: sorted[0][0], max: sorted[sorted.length - 1][0], mean: median * 1.2, buckets: sorted };
}
