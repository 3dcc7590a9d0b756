import { resolve } from 'node:path';
import { BadCase } from '../cases/read-case.js';
import type { BenchResult } from '../result/bench-result.js';
import { renderCase } from './case-table.js';
import { rowFaults } from './figures.js';
import { Progress } from './progress.js';
import { BadBenchOptions, type BenchOptions, runBench, writeResult } from './run-bench.js';

/** `tulle bench run`. */
export interface RunBenchOptions extends BenchOptions {
  /** Folder for the result file; undefined: none is written. */
  out: string | undefined;
  output: 'text' | 'json';
}

/**
 * Runs in the foreground and prints a table a case. Ctrl-C ends it with what was measured so far; a second one too, at once.
 * Resolves to 0; 1 when it was interrupted, or a row that was measured is invalid; 2 for wrong use.
 */
export async function runBenchProgram(options: RunBenchOptions): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const progress = new Progress(process.stderr);
  try {
    const result = await runBench(
      options,
      {
        caseStarts: (benchCase, index, count) => progress.caseStarts(benchCase, index, count),
        event: (event) => progress.event(event),
        caseEnds: (each) => {
          progress.clear();
          if (options.output === 'text' && each.rounds.length > 0) process.stdout.write(`${renderCase(each)}\n`);
        },
      },
      interrupt.signal,
    );
    if (options.output === 'json') process.stdout.write(`${JSON.stringify(result)}\n`);
    if (result.run.partial) process.stderr.write('interrupted: this is what had been measured until then\n');
    // `npm run` and turbo change the folder: a relative path would lead elsewhere for who reads it.
    if (options.out !== undefined)
      process.stderr.write(`${resolve(writeResult(options.out, result))} holds every round\n`);
    return codeOf(result);
  } catch (error) {
    progress.clear();
    if (!(error instanceof BadCase || error instanceof BadBenchOptions)) throw error;
    process.stderr.write(`tulle bench run: ${error.message}\n`);
    return 2;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function codeOf(result: BenchResult): number {
  if (result.run.partial) return 1;
  const isSound = result.cases.every((each) =>
    each.systems.every(({ name, state }) => state !== 'failed' && rowFaults(each, name).length === 0),
  );
  return isSound ? 0 : 1;
}
