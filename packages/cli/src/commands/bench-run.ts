import { fileURLToPath } from 'node:url';
import type { RunBenchOptions, TulleBuild } from '@tulle/bench';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Finish } from '../finish.js';
import { collect, seconds, wholeNumber } from '../values.js';

const help = `
The same work goes through nothing, Tulle and every peer that is found, in rounds that take turns, so that a noisy machine disturbs
all alike. CPU comes from the kernel's accounting of every thread. Every answer is checked: one error, one proxy that died or was
started again, and its row is invalid and says why.

A case is a small YAML file; those of the package lie in its folder cases, and --cases takes paths of others.

Exit codes: 0 measured, 1 interrupted or a row is invalid, 2 wrong use.

Examples:
  $ tulle bench run --quick                                        the two rows that matter most, in about a minute
  $ tulle bench run --cases pair-mtls-1k --peers tulle-linux,haproxy --rounds 10
  $ tulle bench run --out results/today                            six cases in under ten minutes, and every round as JSON
  $ tulle bench run --full --out results/today                     every case and every system
  $ tulle bench run --build before=../other/packages/cli/dist/main.js --peers tulle-linux,before
  $ tulle bench run --node node24=/opt/node24/bin/node             the same build on another node, as tulle-linux-node24`;

const quickCases = ['pair-mtls-1k', 'hop-plain-70b'];
/** What fits into ten minutes with every peer. */
const usualCases = [...quickCases, 'open-1000-mtls', 'pair-mtls-1mb-down', 'pair-mtls-handshake', 'tcp-bulk'];
const usualPeers = ['tulle-linux', 'haproxy', 'nginx', 'envoy-mesh'];
/** In s: room is left for what starts and stops beyond the last round. */
const usualSeconds = 480;

interface Flags {
  cases?: string[];
  peers?: string[];
  quick?: boolean;
  full?: boolean;
  time?: number;
  rounds?: number;
  cpus?: number[];
  crossCheck?: boolean;
  topology: 'auto' | 'loopback' | 'netns';
  build?: Named[];
  node?: Named[];
  out?: string;
  output: 'text' | 'json';
}

interface Named {
  name: string;
  path: string;
}

export function benchRunCommand(finish: Finish): Command {
  return new Command('run')
    .description('measure cases, side by side with the peers')
    .option('--cases <list>', 'names or paths, separated by commas (default: what ten minutes allow)', list)
    .option('--peers <list>', 'systems beside direct, separated by commas (default: the usual ones)', list)
    .option('--quick', 'few and short rounds of the two most telling cases')
    .addOption(new Option('--full', 'every case and every system, as long as it takes').conflicts('quick'))
    .option(
      '--time <time>',
      'for all cases together: a case ends after three rounds when its share is over (default: 8m)',
      seconds,
    )
    .option('--rounds <n>', 'exactly so many rounds', wholeNumber(1, 1000))
    .option('--cpus <list>', 'CPUs to use, such as 2,3 (default: those that may be used)', cpus)
    .addOption(
      new Option('--topology <kind>', 'the network: loopback, or two network namespaces with a pair of interfaces')
        .choices(['auto', 'loopback', 'netns'])
        .default('loopback'),
    )
    .option(
      '--cross-check',
      'ask wrk, h2load and autocannon too, where they are, and print what they found beside ours',
    )
    .option('--build <name=main.js>', 'measure another build of Tulle too; repeatable', collect(named))
    .option('--node <name=path>', 'measure Tulle on another node too; repeatable', collect(named))
    .option('--out <folder>', 'write result.json there')
    .addOption(new Option('-o, --output <format>', 'what to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(async (flags: Flags) => {
      const { runBenchProgram, shippedCases } = await import('@tulle/bench');
      finish(await runBenchProgram(runOptions(flags, shippedCases())));
    });
}

/** Pure: the flags with their defaults. */
export function runOptions(flags: Flags, shipped: readonly string[]): RunBenchOptions {
  const quick = flags.quick === true;
  const program = fileURLToPath(new URL('../main.js', import.meta.url));
  const builds = (flags.build ?? []).map(
    ({ name, path }): TulleBuild => ({ name, engine: 'linux', program: path, node: process.execPath }),
  );
  const nodes = (flags.node ?? []).map(
    ({ name, path }): TulleBuild => ({ name: `tulle-linux-${name}`, engine: 'linux', program, node: path }),
  );
  const added = [...builds, ...nodes];
  const full = flags.full === true;
  return {
    cases: flags.cases ?? (full ? shipped : quick ? quickCases : usualCases),
    peers: flags.peers ?? (full ? undefined : [...usualPeers, ...added.map((each) => each.name)]),
    seconds: flags.time ?? (full ? Number.POSITIVE_INFINITY : usualSeconds),
    quick,
    rounds: flags.rounds,
    cpus: flags.cpus,
    topology: flags.topology,
    crossCheck: flags.crossCheck === true,
    program,
    builds: added,
    command: process.argv.slice(2),
    policy: undefined,
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

/** `0,2` or `0-3`; kept here so that a wrong list is a fault of use before anything is loaded. */
function cpus(text: string): number[] {
  const parts = text.split(',').map((each) => /^(\d+)(?:-(\d+))?$/.exec(each.trim()));
  if (parts.includes(null)) throw new InvalidArgumentError('Write CPUs such as 0,1 or 0-3.');
  return parts.flatMap((match) => {
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}

function named(text: string): Named {
  const match = /^([a-z0-9][a-z0-9-]*)=(.+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write NAME=PATH, the name in lower case.');
  return { name: match[1], path: match[2] };
}
