import type { BodyMode, BodySize, LoadOptions } from '@tulle/bench';
import { Command, Option } from 'commander';
import { WrongUse } from '../failure.js';
import type { Finish } from '../finish.js';
import { type Address, address, byteRange, collect, header, rate, seconds, wholeNumber } from '../values.js';
import { benchCompareCommand, benchReportCommand } from './bench-compare.js';
import { benchPeersCommand } from './bench-peers.js';
import { benchRunCommand } from './bench-run.js';

const loadHelp = `
Latency counts from when a request was due, not from when it was sent, so a slow answer is not hidden by the requests
that waited behind it. The generator measures its own lateness; a run in which it was late, or in which any answer was
wrong, is marked invalid and says why (exit code 1).

Examples:
  $ tulle bench load --url http://127.0.0.1:8080/ --rate 1000 --connections 16 --duration 10s
  $ tulle bench load --url http://server/ --rate max --connections 64 --duration 10s      how much goes through
  $ tulle bench load --url http://server/echo --rate max --requests 10000 --connections 100 \\
      --method POST --body-bytes 0-10M --body-mode chunked --verify-hash                   is every byte right
  $ tulle bench load --url http://server/ --connect 127.0.0.1:15002                        through a given proxy`;

const serveHelp = `
Every path answers the same bytes; POST /echo returns the body, POST /hash its SHA-256.

Example:
  $ tulle bench serve --listen 127.0.0.1:8080 --body-bytes 1024`;

interface LoadFlags {
  url: string;
  connect?: Address;
  rate: number | 'max';
  schedule: LoadOptions['schedule'];
  seed: number;
  burst: number;
  connections: number;
  duration?: number;
  warmup?: number;
  requests?: number;
  method?: string;
  header?: [string, string][];
  bodyBytes?: BodySize;
  bodyMode: BodyMode;
  expectStatus: number;
  expectBytes?: number;
  verifyHash?: boolean;
  timeout: number;
  maxLateness: number;
  output: 'text' | 'json';
}

export function benchCommand(finish: Finish): Command {
  const command = new Command('bench')
    .summary('measure')
    .description(
      'Measures Tulle beside other proxies; generates load with honest latencies, and serves what is measured.',
    );
  command.addCommand(benchRunCommand(finish));
  command.addCommand(benchCompareCommand(finish));
  command.addCommand(benchPeersCommand(finish));
  command.addCommand(benchReportCommand(finish));
  command.addCommand(loadCommand(finish));
  command
    .command('serve')
    .description('a server fast enough never to be what is measured')
    .requiredOption('--listen <addr:port>', 'where; port 0 takes any free one', address)
    .option('--body-bytes <n>', 'length of the answer', wholeNumber(0, 1024 * 1024 * 1024), 1024)
    .addHelpText('after', serveHelp)
    .action(async (flags: { listen: Address; bodyBytes: number }) => {
      const { runServer } = await import('@tulle/bench');
      finish(await runServer({ ...flags.listen, bodyBytes: flags.bodyBytes }));
    });
  return command;
}

function loadCommand(finish: Finish): Command {
  return new Command('load')
    .description('send requests on a schedule and measure the answers')
    .requiredOption('--url <url>', 'what to ask for; http only')
    .option('--connect <addr:port>', 'dial this instead of the host in the URL', address)
    .option('--rate <n|max>', 'requests a second, or max: as fast as answers come', rate, 1000)
    .addOption(
      new Option('--schedule <kind>', 'when requests are due').choices(['fixed', 'poisson', 'bursts']).default('fixed'),
    )
    .option('--seed <n>', 'of the poisson schedule', wholeNumber(1, 0x7fffffff), 1)
    .option('--burst <n>', 'requests that are due at once, with the schedule bursts', wholeNumber(1, 10_000), 1)
    .option('--connections <n>', 'keep-alive connections', wholeNumber(1, 10_000), 16)
    .option('--duration <time>', 'measured time (default: 10s, or as long as --requests take)', seconds)
    .option('--warmup <time>', 'time before it that is not recorded (default: 1s, or 0s with --requests)', seconds)
    .option('--requests <n>', 'stop after so many', wholeNumber(1))
    .option('--method <name>', 'request method (default: GET, or POST with --body-bytes)')
    .option('--header <line>', '"name: value"; repeatable', collect(header))
    .option('--body-bytes <n|min-max>', 'send bodies: 1024, 64K, 0-10M (spread on a log scale)', byteRange)
    .addOption(
      new Option('--body-mode <mode>', 'how their length is announced')
        .choices(['length', 'chunked'])
        .default('length'),
    )
    .option('--expect-status <code>', 'status of every answer', wholeNumber(100, 599), 200)
    .option('--expect-bytes <n>', 'length of every answer (default: that of the first)', wholeNumber(0))
    .option('--verify-hash', 'check each body by SHA-256: with bodies against /echo or /hash, else `tulle bench serve`')
    .option('--timeout <time>', 'of one request', seconds, 10)
    .option(
      '--max-lateness <µs>',
      'p99 of the generator’s own lateness beyond which a run is invalid',
      wholeNumber(1),
      1000,
    )
    .addOption(new Option('-o, --output <format>', 'what to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', loadHelp)
    .action(async (flags: LoadFlags) => {
      const options = loadOptions(flags);
      const { runLoad } = await import('@tulle/bench');
      finish(await runLoad({ ...options, output: flags.output }));
    });
}

/**
 * Pure: the flags with their defaults.
 * @throws WrongUse when flags contradict each other.
 */
export function loadOptions(flags: LoadFlags): LoadOptions {
  const bounded = flags.requests !== undefined;
  const method = flags.method?.toUpperCase() ?? (flags.bodyBytes === undefined ? 'GET' : 'POST');
  if (flags.bodyBytes === undefined && flags.bodyMode === 'chunked') {
    throw new WrongUse('--body-mode chunked needs --body-bytes: say how long the bodies are');
  }
  return {
    url: flags.url,
    connectTo: flags.connect,
    rate: flags.rate,
    schedule: flags.schedule,
    seed: flags.seed,
    burst: flags.burst,
    connections: flags.connections,
    durationS: flags.duration ?? (bounded ? Number.POSITIVE_INFINITY : 10),
    warmupS: flags.warmup ?? (bounded ? 0 : 1),
    requests: flags.requests ?? Number.POSITIVE_INFINITY,
    method,
    headers: flags.header ?? [],
    body: flags.bodyBytes === undefined ? undefined : { size: flags.bodyBytes, mode: flags.bodyMode },
    expectStatus: flags.expectStatus,
    expectBytes: flags.expectBytes,
    verifyHash: flags.verifyHash === true,
    requestTimeoutMs: flags.timeout * 1000,
    maxLatenessP99Us: flags.maxLateness,
  };
}
