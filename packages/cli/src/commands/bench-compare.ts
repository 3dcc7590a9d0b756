import type { RunCompareOptions } from '@tulle/bench';
import { Command, Option } from 'commander';
import type { Finish } from '../finish.js';
import { wholeNumber } from '../values.js';

const help = `
BASE and HEAD are git revisions, built in worktrees that are gone afterwards, or folders of built checkouts. Both are measured in turns, with new processes
each round, together with the base a second time: that one says how much the machine itself makes of two equal builds. There are as many rounds as
this noise asks for. Two folders with a result.json of one machine are compared as they are.

The verdict is fail when a metric got worse by more than chance explains, corrected for how many there are; pass when the promised difference
is excluded for the first metric of every case; inconclusive otherwise.

Exit codes: 0 pass, 1 fail, 2 wrong use or not comparable, 3 inconclusive.

Examples:
  $ tulle bench compare main HEAD
  $ tulle bench compare origin/main HEAD --cases pair-mtls-1k --out report      report.html, report.md, compare.json, result.json
  $ tulle bench compare ../before ../after -o markdown                          two built checkouts
  $ tulle bench compare results/monday results/friday                           two result folders of one machine`;

interface Flags {
  cases?: string[];
  minutes: number;
  rounds?: number;
  engine: 'linux' | 'portable';
  out?: string;
  output: RunCompareOptions['output'];
}

/** What a comparison measures unless told otherwise: CPU and memory of the everyday pair in a closed loop, its latency in an open one. */
const defaultCases = ['pair-mtls-1k', 'open-1000-mtls'];

export function benchCompareCommand(finish: Finish): Command {
  return new Command('compare')
    .description('is HEAD slower than BASE')
    .argument('<base>', 'revision, built checkout, or result folder')
    .argument('<head>', 'the same')
    .option('--cases <list>', `names or paths, separated by commas (default: ${defaultCases.join(',')})`, list)
    .option('--minutes <n>', 'measure for at most so long, all cases together', wholeNumber(1, 24 * 60), 8)
    .option('--rounds <n>', 'exactly so many rounds instead of what the noise asks for', wholeNumber(2, 1000))
    .addOption(new Option('--engine <name>', 'engine of both sides').choices(['linux', 'portable']).default('linux'))
    .option('--out <folder>', 'write the report there')
    .addOption(
      new Option('-o, --output <format>', 'what to print').choices(['text', 'markdown', 'json']).default('text'),
    )
    .addHelpText('after', help)
    .action(async (base: string, head: string, flags: Flags) => {
      const { runCompareProgram } = await import('@tulle/bench');
      finish(await runCompareProgram(compareOptions(base, head, flags)));
    });
}

/** Pure but for the working folder: the flags with their defaults. */
export function compareOptions(base: string, head: string, flags: Flags): RunCompareOptions {
  return {
    base,
    head,
    cases: flags.cases ?? defaultCases,
    seconds: flags.minutes * 60,
    rounds: flags.rounds,
    engine: flags.engine,
    folder: process.cwd(),
    command: process.argv.slice(2),
    out: flags.out,
    output: flags.output,
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

const reportHelp = `
Writes report.html, one page with pictures that needs nothing else, and report.md beside the result.json of the folder. With --history
the run is appended to that file, one line of JSON, and the page draws what earlier runs of the same machine had.

Examples:
  $ tulle bench run --out results/today && tulle bench report results/today
  $ tulle bench report results/today --history results/history.jsonl`;

export function benchReportCommand(finish: Finish): Command {
  return new Command('report')
    .description('a page with pictures from the result of a run')
    .argument('<folder>', 'what `tulle bench run --out` wrote')
    .option('--history <file>', 'append the run to it and draw the trend')
    .addHelpText('after', reportHelp)
    .action(async (folder: string, flags: { history?: string }) => {
      const { runReport } = await import('@tulle/bench');
      finish(runReport({ folder, history: flags.history }));
    });
}
