import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readCase } from '../cases/read-case.js';
import type { BenchCase } from '../result/bench-case.js';
import type { BenchResult, CaseResult } from '../result/bench-result.js';
import { directName, systemsOf } from '../systems/registry.js';
import type { System } from '../systems/system.js';
import type { TulleBuild } from '../systems/tulle.js';
import { NoNamespaces, namespaces } from '../topology/namespaces.js';
import { askLeave } from '../topology/pinning.js';
import { loopback, type Topology } from '../topology/topology.js';
import { type Certificates, makeCertificates } from './certificates.js';
import { machineInfo, revisionOf } from './machine.js';
import { plainPolicy } from './plain-policy.js';
import type { RoundPolicy } from './round-policy.js';
import { type CaseEvent, runCase } from './run-case.js';

/** `tulle bench run`. */
export interface BenchOptions {
  /** Names or paths. */
  cases: readonly string[];
  /** Names of systems, in any order; undefined: all that are found. `direct` is always measured. */
  peers: readonly string[] | undefined;
  quick: boolean;
  /** Time for all cases together, in s; a case stops after its least rounds when its share is over. Infinity: as long as it takes. */
  seconds: number;
  /** Exactly so many rounds instead of what the case says. */
  rounds: number | undefined;
  /** Ask wrk, h2load and autocannon too, where they are. */
  crossCheck: boolean;
  /** `auto`: network namespaces where they are allowed, else loopback. */
  topology: 'auto' | 'loopback' | 'netns';
  /** CPUs to use; undefined: those that this process may use. */
  cpus: readonly number[] | undefined;
  /** Path of Tulle's `main.js`. */
  program: string;
  /** Further builds of Tulle, or the same one on another node. */
  builds: readonly TulleBuild[];
  /** Arguments as typed, for the result. */
  command: readonly string[];
  /** How rounds are made; undefined: as the cases and the options above say. */
  policy: RoundPolicy | undefined;
}

export interface BenchListener {
  caseStarts(benchCase: BenchCase, index: number, count: number): void;
  event(event: CaseEvent): void;
  caseEnds(result: CaseResult): void;
}

/** The options ask for something that is not there: one sentence that says what there is. */
export class BadBenchOptions extends Error {
  override readonly name = 'BadBenchOptions';
}

/**
 * Measures case after case. Everything it starts and writes is gone when it settles.
 * @param interrupt ends the run early; what was measured is in the result, which is then partial.
 * @throws BadBenchOptions, BadCase
 */
export async function runBench(
  options: BenchOptions,
  listener: BenchListener,
  interrupt: AbortSignal,
): Promise<BenchResult> {
  const policy = options.policy ?? plainPolicy({ ...options, now: () => performance.now() / 1000 });
  const cases = options.cases.map((each) => policy.plan(readCase(each)));
  const systems = chosen(systemsOf(options.program, options.builds), options.peers);
  const startedAt = new Date().toISOString();
  const originMs = performance.now();
  const machine = machineInfo();
  const leave = askLeave(options.cpus);
  const folder = mkdtempSync(join(tmpdir(), 'tulle-bench-'));
  const results: CaseResult[] = [];
  let topology: Topology = loopback;
  let made: Certificates | undefined;
  const certificates = (): Certificates => {
    made ??= makeCertificates(join(folder, 'certificates'));
    return made;
  };
  try {
    topology = await topologyOf(options.topology);
    for (const [index, benchCase] of cases.entries()) {
      if (interrupt.aborted) break;
      listener.caseStarts(benchCase, index, cases.length);
      const heard = (event: CaseEvent): void => listener.event(event);
      const result = await runCase({
        benchCase,
        systems,
        crossCheck: options.crossCheck,
        certificates,
        topology,
        leave,
        folder,
        originMs,
        interrupt,
        moreRounds: (result) => policy.more(result),
        withDirect: policy.withDirect,
        fresh: policy.fresh,
        order: (systems, block) => policy.order(systems, block),
        heard,
      });
      results.push(result);
      listener.caseEnds(result);
    }
  } finally {
    await topology.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const { node, v8, openssl } = process.versions;
  return {
    schema: 'tulle.dev/bench-result/v1',
    run: {
      startedAt,
      endedAt: new Date().toISOString(),
      partial: interrupt.aborted,
      command: [...options.command],
      quick: options.quick,
      machine,
      node: { version: node, v8, openssl },
      revision: revisionOf(dirname(options.program)),
      topology: topology.kind,
    },
    cases: results,
  };
}

/** Writes the result file into a folder, which is made. Returns its path. */
export function writeResult(folder: string, result: BenchResult): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'result.json');
  writeFileSync(file, `${JSON.stringify(result)}\n`);
  return file;
}

/** @throws BadBenchOptions when namespaces are asked for and not allowed. */
async function topologyOf(wanted: BenchOptions['topology']): Promise<Topology> {
  if (wanted === 'loopback') return loopback;
  try {
    return await namespaces();
  } catch (error) {
    if (!(error instanceof NoNamespaces)) throw error;
    if (wanted === 'auto') return loopback;
    throw new BadBenchOptions(
      `no network namespaces here (${error.message}): run as root, or with --topology loopback`,
    );
  }
}

/** @throws BadBenchOptions */
function chosen(systems: readonly System[], peers: readonly string[] | undefined): System[] {
  if (peers === undefined) return [...systems];
  const names = systems.map((each) => each.name);
  for (const peer of peers) {
    if (peer === directName || names.includes(peer)) continue;
    throw new BadBenchOptions(`there is no system ${peer}: write some of ${[directName, ...names].join(', ')}`);
  }
  return systems.filter((each) => peers.includes(each.name));
}
