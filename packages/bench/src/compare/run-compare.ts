import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readCase } from '../cases/read-case.js';
import type { BenchResult } from '../result/bench-result.js';
import { revisionOf } from '../run/machine.js';
import { type BenchListener, runBench } from '../run/run-bench.js';
import type { TulleBuild } from '../systems/tulle.js';
import { armNames, compareInterleaved, compareSeparate } from './compare-results.js';
import type { Arm, Comparison, Side } from './comparison.js';
import { comparePolicy, testsOf } from './policy.js';
import { programPath, Revisions, repositoryOf } from './revisions.js';

/** What is compared, and how long it may take. */
export interface CompareOptions {
  /** A folder with a result.json, a built checkout, or a git revision. */
  base: string;
  head: string;
  /** Names or paths of cases; for result folders ignored. */
  cases: readonly string[];
  /** Measured time of all cases, in s. */
  seconds: number;
  /** Exactly so many blocks of a case. */
  rounds: number | undefined;
  engine: 'linux' | 'portable';
  /** A folder in the checkout whose revisions and dependencies are used. */
  folder: string;
  /** Arguments as typed, for the result. */
  command: readonly string[];
}

/** The arguments contradict each other: one sentence that says what is right. */
export class BadCompareOptions extends Error {
  override readonly name = 'BadCompareOptions';
}

/** What came of it; `result` where something was measured. */
export interface Compared {
  comparison: Comparison;
  result: BenchResult | undefined;
}

/**
 * Compares two result folders, or measures two builds in turns and compares those. Worktrees are gone when it settles.
 * @param say tells what is going on where no round is measured.
 * @throws BadCompareOptions, BadRevision, NotComparable, BadCase, BadBenchOptions
 */
export async function runComparison(
  options: CompareOptions,
  listener: BenchListener,
  say: (line: string) => void,
  interrupt: AbortSignal,
): Promise<Compared> {
  const kinds = [kindOf(options.base), kindOf(options.head)];
  if (kinds.every((kind) => kind === 'result')) {
    const [base, head] = [readResult(options.base), readResult(options.head)];
    const sides = { base: sideOf(options.base, base.run.revision), head: sideOf(options.head, head.run.revision) };
    return { comparison: compareSeparate(base, head, sides), result: undefined };
  }
  if (kinds.includes('result')) {
    throw new BadCompareOptions('one side is a result folder and the other is not: give two folders, or two revisions');
  }
  const revisions = new Revisions(repositoryOf(options.folder), interrupt);
  try {
    const base = await built(options.base, 'base', revisions, say);
    const head = await built(options.head, 'head', revisions, say);
    const build = (arm: Arm, program: string): TulleBuild => ({
      name: armNames[arm],
      engine: options.engine,
      program,
      node: process.execPath,
    });
    const cases = options.cases.map((each) => readCase(each));
    const now = (): number => performance.now() / 1000;
    const { seconds, rounds } = options;
    const result = await runBench(
      {
        cases: options.cases,
        peers: Object.values(armNames),
        quick: false,
        rounds: undefined,
        cpus: undefined,
        topology: 'loopback',
        crossCheck: false,
        seconds,
        program: base.program,
        builds: [build('base', base.program), build('again', base.program), build('head', head.program)],
        command: options.command,
        policy: comparePolicy({ seconds, cases: cases.length, tests: testsOf(cases), rounds, now }),
      },
      listener,
      interrupt,
    );
    return { comparison: compareInterleaved(result, base.side, head.side), result };
  } finally {
    await revisions.remove();
  }
}

/**
 * @throws BadCompareOptions
 */
export function readResult(folder: string): BenchResult {
  const file = join(folder, 'result.json');
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new BadCompareOptions(`${file} cannot be read: ${(error as Error).message}`);
  }
  const schema = (parsed as { schema?: unknown } | null)?.schema;
  if (schema !== 'tulle.dev/bench-result/v1') {
    throw new BadCompareOptions(
      `${file} is ${String(schema)}, not tulle.dev/bench-result/v1: measure it again with this version`,
    );
  }
  return parsed as BenchResult;
}

function kindOf(name: string): 'result' | 'checkout' | 'revision' {
  if (existsSync(join(name, 'result.json'))) return 'result';
  return existsSync(join(name, programPath)) ? 'checkout' : 'revision';
}

async function built(
  name: string,
  place: string,
  revisions: Revisions,
  say: (line: string) => void,
): Promise<{ program: string; side: Side }> {
  if (kindOf(name) === 'checkout') {
    const program = resolve(name, programPath);
    return { program, side: sideOf(name, revisionOf(resolve(name))) };
  }
  const commit = await revisions.commitOf(name);
  say(`building ${name}${commit.startsWith(name) ? '' : ` (${commit.slice(0, 12)})`}`);
  const { program } = await revisions.build(commit, place);
  return { program, side: { label: name, commit, changed: false } };
}

function sideOf(label: string, revision: BenchResult['run']['revision']): Side {
  return { label, commit: revision?.commit, changed: revision?.changed ?? false };
}
