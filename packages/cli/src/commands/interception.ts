import { Command, Option } from 'commander';
import type { Finish } from '../finish.js';

const help = `
Examples:
  $ tulle interception render --rules rules.json                    the rules as nft text, to read
  $ tulle interception render --rules rules.json --format iptables  for iptables-restore
  $ nsenter --net=/run/netns/pod tulle interception apply --rules rules.json
  $ echo '{}' | tulle interception render --rules -                 the rules with every default

apply and remove work on the network namespace they run in, over netlink: no nft or iptables program is needed.`;

export function interceptionCommand(finish: Finish): Command {
  const command = new Command('interception')
    .summary('redirect rules of a pod')
    .description('Sets, removes or shows the rules that hand the connections of a pod to its sidecar.')
    .addHelpText('after', help);
  command
    .command('apply')
    .description('set the rules in this network namespace, in place of earlier ones')
    .requiredOption('--rules <file|->', 'JSON of the rules; - reads standard input')
    .action(async (flags: { rules: string }) => {
      const { runInterception } = await import('@tulle/injector');
      finish(await runInterception({ action: 'apply', rules: flags.rules }));
    });
  command
    .command('remove')
    .description('remove the rules from this network namespace; none there is no error')
    .option('--rules <file|->', 'accepted for symmetry with apply, not read')
    .action(async () => {
      const { runInterception } = await import('@tulle/injector');
      finish(await runInterception({ action: 'remove' }));
    });
  command
    .command('render')
    .description('print the rules')
    .requiredOption('--rules <file|->', 'JSON of the rules; - reads standard input')
    .addOption(new Option('--format <format>', 'how').choices(['nft', 'iptables', 'json']).default('nft'))
    .action(async (flags: { rules: string; format: 'nft' | 'iptables' | 'json' }) => {
      const { runInterception } = await import('@tulle/injector');
      finish(await runInterception({ action: 'render', ...flags }));
    });
  return command;
}
