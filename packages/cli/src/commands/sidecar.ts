import { Command } from 'commander';
import type { Finish } from '../finish.js';

const help = `
The bootstrap file names the pod, the control plane, the token and where state is kept. In a cluster the injector writes
it; in a testbed the testbed does: see \`tulle testbed status\` for where.

Example:
  $ tulle sidecar --bootstrap /etc/tulle/bootstrap.json

It runs in the foreground, prints one line when it has its certificate and its first configuration (from the control
plane, or the last good one from disk), and drains on SIGTERM.`;

export function sidecarCommand(finish: Finish): Command {
  return new Command('sidecar')
    .summary('the proxy of a pod, fed by a control plane')
    .description('Takes over the connections of one pod, as the control plane tells it to.')
    .requiredOption('--bootstrap <file>', 'JSON that says who this sidecar is and where its control plane is')
    .addHelpText('after', help)
    .action(async (flags: { bootstrap: string }) => {
      const { runSidecar } = await import('@tulle/sidecar');
      finish(await runSidecar({ bootstrap: flags.bootstrap }));
    });
}
