import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { endingOf } from './failure.js';
import type { Finish } from './finish.js';

/** The commands and where each is. A file is loaded when its command runs, so that a sidecar does not carry the others along. */
const commands: Record<string, () => Promise<(finish: Finish) => Command>> = {
  demo: async () => (await import('./commands/demo.js')).demoCommand,
  check: async () => (await import('./commands/check.js')).checkCommand,
  testbed: async () => (await import('./commands/testbed.js')).testbedCommand,
  proxy: async () => (await import('./commands/proxy.js')).proxyCommand,
  bench: async () => (await import('./commands/bench.js')).benchCommand,
  'control-plane': async () => (await import('./commands/control-plane.js')).controlPlaneCommand,
  sidecar: async () => (await import('./commands/sidecar.js')).sidecarCommand,
  interception: async () => (await import('./commands/interception.js')).interceptionCommand,
};

const description = `A Kubernetes service mesh. To see it work on this machine: tulle demo`;

const examples = `
Examples:
  $ tulle demo                          a small mesh with real traffic, and what it costs, in half a minute
  $ tulle testbed up                    the same mesh, to try things in by hand
  $ tulle testbed exec client -- curl -s http://server/
  $ tulle testbed down
  $ tulle check                         is everything here that a mesh needs
  $ tulle bench load --help             one command in detail

Exit codes: 0 done, 1 a check or comparison failed, 2 wrong use. TULLE_DEBUG=1 shows where an error came from.`;

/**
 * Runs one command line, without the name of the program, to its end.
 * @returns the exit code; errors have been written to standard error by then.
 */
export async function runTulle(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  let exitCode = 0;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  try {
    const root = await rootCommand(argv, finish);
    await root.parseAsync(argv as string[], { from: 'user' });
    return exitCode;
  } catch (error) {
    const ending = endingOf(error, env.TULLE_DEBUG !== undefined && env.TULLE_DEBUG !== '');
    if (ending.text !== undefined) process.stderr.write(`${ending.text}\n`);
    return ending.code;
  }
}

async function rootCommand(argv: readonly string[], finish: Finish): Promise<Command> {
  const root = new Command('tulle')
    .description(description)
    .usage('<command> [options]')
    .version(`tulle ${version()}`, '--version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .addHelpText('after', examples);
  const wanted = argv[0] !== undefined && Object.hasOwn(commands, argv[0]) ? [argv[0]] : Object.keys(commands);
  for (const name of wanted) root.addCommand((await commands[name]())(finish));
  harden(root);
  if (argv.length === 0) root.help({ error: true });
  return root;
}

/** Wrong use throws instead of ending the process, and says where help is; in every command of the tree. */
function harden(command: Command): void {
  command
    .exitOverride()
    .configureOutput({ outputError: (message, write) => write(message.replace(/^error:/, 'tulle:')) })
    .showHelpAfterError(`(${fullName(command)} --help explains it)`)
    .showSuggestionAfterError(true)
    .allowExcessArguments(command.registeredArguments.some((argument) => argument.variadic));
  for (const child of command.commands) harden(child);
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
