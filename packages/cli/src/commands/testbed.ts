import type { ControlAction, ProviderWish, TestbedUpOptions } from '@tulle/testbed';
import { Command, Option } from 'commander';
import { demoConfig, ownProgram } from '../demo-folder.js';
import type { Finish } from '../finish.js';
import { checkTestbedName, testbed } from '../testbed.js';
import { collect, seconds, text } from '../values.js';

const help = `
Examples:
  $ tulle testbed up                                    the mesh of the demo
  $ tulle testbed up --config ./mesh                    your own: Pods, Services, routes and policies
  $ tulle testbed status                                pods, services, and whether each is well
  $ tulle testbed exec client -- curl -s http://server/ any program of this machine, inside a pod
  $ tulle testbed logs server-v1 -c access -f           the access log of that server's sidecar
  $ tulle testbed kill control-plane                    what does the mesh do without it?
  $ tulle testbed restart client/proxy
  $ tulle testbed down

It stays up until \`down\`. A second one beside it: --name other.`;

interface UpFlags {
  config?: string[];
  provider: ProviderWish;
  mesh: boolean;
  logLevel: string;
  certificateLife?: number;
}

interface Named {
  name: string;
}

export function testbedCommand(finish: Finish): Command {
  const command = new Command('testbed')
    .summary('a mesh on this machine, to try and to measure')
    .description(
      'Runs a small mesh here: pods as network namespaces with real redirect rules, or as plain processes where those are not allowed.',
    )
    .addHelpText('after', help);
  addUp(command, finish);
  addQuestions(command, finish);
  addControl(command, finish);
  named(command.command('down').description('end everything, and remove what a crashed run has left')).action(
    async ({ name }: Named) => finish(await (await testbed()).testbedDown({ name: checkTestbedName(name) })),
  );
  return command;
}

function named(command: Command): Command {
  return command.option('--name <name>', 'which testbed', 'default');
}

function addUp(parent: Command, finish: Finish): void {
  named(parent.command('up').description('start a mesh; it stays up until `down`'))
    .option('--config <dir>', 'folder of YAML; repeatable (default: the mesh of the demo)', collect(text))
    .addOption(
      new Option('--provider <kind>', 'what a pod is; auto takes what this machine allows')
        .choices(['auto', 'netns', 'process'])
        .default('auto'),
    )
    .option('--no-mesh', 'pods, services and DNS only: to compare with')
    .option('--certificate-life <time>', 'how long certificates live (default: 1h); to see them renewed', seconds)
    .addOption(
      new Option('--log-level <level>', 'of the control plane')
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(async (flags: Named & UpFlags) => {
      const options: TestbedUpOptions = {
        name: checkTestbedName(flags.name),
        config: flags.config ?? [demoConfig()],
        provider: flags.provider,
        cliPath: ownProgram(),
        mesh: flags.mesh,
        logLevel: flags.logLevel,
        ...(flags.certificateLife === undefined ? {} : { certificateLifeMs: flags.certificateLife * 1000 }),
      };
      finish(await (await testbed()).testbedUp(options));
    });
}

function addQuestions(parent: Command, finish: Finish): void {
  named(parent.command('status').description('pods, services and problems'))
    .addOption(new Option('-o, --output <format>', 'how').choices(['text', 'json']).default('text'))
    .action(async ({ name, output }: Named & { output: 'text' | 'json' }) =>
      finish(await (await testbed()).testbedStatus({ name: checkTestbedName(name), output })),
    );
  named(parent.command('exec').description('run a program of this machine inside a pod; ends with its exit code'))
    .argument('<pod>', 'NAME or NAMESPACE/NAME')
    .argument('<command...>', 'after --')
    .option('-c, --container <name>', 'whose environment and user: a container, or proxy')
    .action(async (pod: string, argv: string[], flags: Named & { container?: string }) =>
      finish(
        await (await testbed()).testbedExec({
          name: checkTestbedName(flags.name),
          pod,
          container: flags.container,
          argv,
        }),
      ),
    );
  named(parent.command('logs').description('what a program has written'))
    .argument('<target>', 'a pod, or control-plane')
    .option('-c, --container <name>', 'app, proxy, access (the access log), or the name of a container')
    .option('-f, --follow', 'go on as it writes')
    .action(async (target: string, flags: Named & { container?: string; follow?: boolean }) =>
      finish(
        await (await testbed()).testbedLogs({
          name: checkTestbedName(flags.name),
          target,
          container: flags.container,
          follow: flags.follow === true,
        }),
      ),
    );
}

const controls: Record<ControlAction, string> = {
  stop: 'end a program gracefully and leave it stopped',
  start: 'start what was stopped or killed',
  kill: 'end a program at once (SIGKILL) and leave it dead',
  restart: 'end a program gracefully and start it again',
};

function addControl(parent: Command, finish: Finish): void {
  for (const [action, description] of Object.entries(controls) as [ControlAction, string][]) {
    named(parent.command(action).description(description))
      .argument('<target>', 'control-plane, POD, POD/proxy or POD/CONTAINER')
      .action(async (target: string, { name }: Named) =>
        finish(await (await testbed()).testbedControl({ name: checkTestbedName(name), action, target })),
      );
  }
}
