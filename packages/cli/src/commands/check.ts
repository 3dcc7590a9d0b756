import { release } from 'node:os';
import { Command, Option } from 'commander';
import { type Check, type CheckLine, checkExitCode, failed, runChecks } from '../check/check.js';
import { thisMachine } from '../check/machine.js';
import { machineChecks } from '../check/machine-checks.js';
import { type AskSidecar, meshChecks } from '../check/mesh-checks.js';
import { checkText, groupText, verdictText } from '../check/render-check.js';
import type { Finish } from '../finish.js';
import { requestInPod } from '../pod-request.js';
import { checkTestbedName, statusIfUp, type TestbedModule, testbed } from '../testbed.js';

const help = `
Each line is a fact about this machine or about the testbed that is up; a failure (×) or something to look at (‼)
comes with its remedy. Exit code 1 when anything failed.

Examples:
  $ tulle check
  $ tulle check -o json | jq '.checks[] | select(.state != "ok")'`;

export function checkCommand(finish: Finish): Command {
  return new Command('check')
    .summary('is everything here that a mesh needs; is everything well')
    .description('Checks this machine, and the testbed when one is up.')
    .option('--name <name>', 'which testbed', 'default')
    .addOption(new Option('-o, --output <format>', 'how').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(async ({ name, output }: { name: string; output: 'text' | 'json' }) => {
      const mesh = await testbedChecks(checkTestbedName(name));
      const print = output === 'json' ? () => {} : printer();
      const lines = await runChecks([...machineChecks, ...mesh], thisMachine(release()), print);
      const exitCode = checkExitCode(lines);
      if (output === 'json')
        process.stdout.write(`${JSON.stringify({ ok: exitCode === 0, checks: lines }, null, 2)}\n`);
      else process.stdout.write(verdictText(lines));
      finish(exitCode);
    });
}

async function testbedChecks(name: string): Promise<Check[]> {
  const module = await testbed();
  try {
    const status = await statusIfUp(module, name);
    return status === undefined ? [] : meshChecks(status, certificatesFrom(module, name), Date.now);
  } catch (error) {
    const [fact, remedy = 'tulle testbed down, then up'] = (error as Error).message.split('; ');
    return [{ id: 'testbed', group: `testbed ${name}`, run: async () => failed(fact, remedy) }];
  }
}

/** Asks each sidecar on its own loopback, from inside its pod. */
function certificatesFrom(module: TestbedModule, testbedName: string): AskSidecar {
  return async (pod, path) => {
    const answer = await requestInPod(module, testbedName, `${pod.namespace}/${pod.name}`, {
      url: `http://${pod.sidecar?.admin}${path}`,
    });
    return answer.status === 200 ? JSON.parse(answer.body) : undefined;
  };
}

/** Prints each line as it is known, and the name of a group before its first. */
function printer(): (line: CheckLine) => void {
  let group: string | undefined;
  return (line) => {
    if (line.group !== group) process.stdout.write(groupText(line.group, group === undefined));
    group = line.group;
    process.stdout.write(checkText(line));
  };
}
