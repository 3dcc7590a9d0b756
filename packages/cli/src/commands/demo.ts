import { Command, Option } from 'commander';
import type { Finish } from '../finish.js';
import { checkTestbedName } from '../testbed.js';

const help = `
Two ordinary programs talk through two sidecars that a control plane feeds. Each step prints what is done, the command
that you could type yourself, what was seen, and whether it is as it should be. Exit code 1 when anything is not.
Ctrl-C ends it at any time and leaves nothing behind.

Examples:
  $ tulle demo
  $ tulle demo --keep       leaves the mesh up, to go on by hand; tulle testbed down --name demo ends it
  $ tulle demo -o json      the checks for a program`;

export function demoCommand(finish: Finish): Command {
  return new Command('demo')
    .summary('a small mesh with real traffic, and what it costs, in half a minute')
    .description('Starts a mesh on this machine, sends traffic through it, looks at every step, and takes it down.')
    .option('--keep', 'leave the mesh up')
    .option('--name <name>', 'of the testbed that is made', 'demo')
    .addOption(new Option('--provider <kind>', 'what a pod is').choices(['auto', 'netns', 'process']).default('auto'))
    .addOption(new Option('-o, --output <format>', 'how').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(
      async (flags: {
        keep?: boolean;
        name: string;
        provider: 'auto' | 'netns' | 'process';
        output: 'text' | 'json';
      }) => {
        const { runDemo } = await import('../demo/run-demo.js');
        finish(await runDemo({ ...flags, name: checkTestbedName(flags.name), keep: flags.keep === true }));
      },
    );
}
