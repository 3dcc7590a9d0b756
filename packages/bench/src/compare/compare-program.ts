import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BadCase } from '../cases/read-case.js';
import { renderComparisonPage } from '../report/compare-page.js';
import { renderComparisonMarkdown, renderComparisonText } from '../report/compare-text.js';
import { Progress } from '../run/progress.js';
import { BadBenchOptions, writeResult } from '../run/run-bench.js';
import { NotComparable } from './comparable.js';
import { exitCodes } from './comparison.js';
import { BadRevision } from './revisions.js';
import { BadCompareOptions, type Compared, type CompareOptions, runComparison } from './run-compare.js';

/** `tulle bench compare`. */
export interface RunCompareOptions extends CompareOptions {
  /** Folder for compare.json, report.md, report.html and, where something was measured, result.json; undefined: none is written. */
  out: string | undefined;
  output: 'text' | 'markdown' | 'json';
}

/**
 * Compares in the foreground. Ctrl-C ends it with what was measured so far, marked as partial; nothing is left behind.
 * Resolves to 0 for pass, 1 for fail, 3 for inconclusive, 2 for wrong use and for what cannot be compared.
 */
export async function runCompareProgram(options: RunCompareOptions): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const progress = new Progress(process.stderr);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  try {
    const listener = {
      caseStarts: progress.caseStarts.bind(progress),
      event: progress.event.bind(progress),
      caseEnds: () => progress.clear(),
    };
    const compared = await runComparison(options, listener, say, interrupt.signal);
    const { comparison } = compared;
    if (options.output === 'json') process.stdout.write(`${JSON.stringify(comparison)}\n`);
    else if (options.output === 'markdown') process.stdout.write(renderComparisonMarkdown(comparison));
    else process.stdout.write(renderComparisonText(comparison));
    if (options.out !== undefined) writeReport(options.out, compared);
    return exitCodes[comparison.verdict];
  } catch (error) {
    progress.clear();
    if (interrupt.signal.aborted) {
      say('tulle bench compare: interrupted before anything was measured');
      return exitCodes.inconclusive;
    }
    const isWrongUse = [BadCase, BadBenchOptions, BadCompareOptions, BadRevision, NotComparable].some(
      (kind) => error instanceof kind,
    );
    if (!isWrongUse) throw error;
    say(`tulle bench compare: ${(error as Error).message}`);
    return 2;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function writeReport(folder: string, { comparison, result }: Compared): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'compare.json'), `${JSON.stringify(comparison)}\n`);
  writeFileSync(join(folder, 'report.md'), renderComparisonMarkdown(comparison));
  writeFileSync(join(folder, 'report.html'), renderComparisonPage(comparison));
  if (result !== undefined) writeResult(folder, result);
  process.stderr.write(`${join(folder, 'report.html')} shows it in pictures\n`);
}
