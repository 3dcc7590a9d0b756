import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoConfig, ownProgram } from '../demo-folder.js';
import { type TestbedModule, testbed } from '../testbed.js';
import { play } from './act.js';
import { silent } from './silent.js';
import { story } from './story.js';
import { Teller } from './teller.js';
import { World } from './world.js';

export interface DemoOptions {
  /** Of the testbed. */
  name: string;
  provider: 'auto' | 'netns' | 'process';
  /** Leave the mesh up at the end. */
  keep: boolean;
  output: 'text' | 'json';
}

/** `tulle demo`. 0: everything was as it should be; 1: something was not, or it was interrupted. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const startedAt = performance.now();
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new Error('interrupted'));
  // Whoever read along has gone (`tulle demo | head`): nobody is told any more, but what was started must end.
  process.stdout.on('error', onSignal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const scratch = await mkdtemp(join(tmpdir(), 'tulle-demo-'));
  const module = await testbed();
  const write = options.output === 'text' ? (text: string) => void process.stdout.write(text) : undefined;
  const tell = new Teller(write);
  let up = false;
  try {
    write?.('A small mesh on this machine: ordinary programs, a sidecar beside each, one control plane.\n\n');
    up = await bringUp(module, options, scratch, interrupt.signal);
    if (!up) return 1;
    const editedFolder = join(scratch, 'edited');
    const world = new World(module, { name: options.name, scratch, editedFolder, signal: interrupt.signal });
    await play(story, world, tell);
    const seconds = (performance.now() - startedAt) / 1000;
    if (options.output === 'json') writeJson(tell, seconds);
    else write?.(ending(tell, seconds, options));
    return tell.failed === 0 ? 0 : 1;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    write?.('\ninterrupted: taking everything down\n');
    return 1;
  } finally {
    const keeps = options.keep && !interrupt.signal.aborted;
    if (up && !keeps) await takeDown(module, options);
    if (!(up && keeps)) await rm(scratch, { recursive: true, force: true });
    for (const signal of signals) process.off(signal, onSignal);
    process.stdout.off('error', onSignal);
    if (interrupt.signal.aborted) process.stdout.on('error', () => {});
  }
}

async function bringUp(
  module: TestbedModule,
  options: DemoOptions,
  scratch: string,
  signal: AbortSignal,
): Promise<boolean> {
  const editedFolder = join(scratch, 'edited');
  await mkdir(editedFolder);
  // A folder without any YAML would be taken for a mistyped one.
  await writeFile(
    join(editedFolder, 'empty.yaml'),
    '# Rules that the demo writes while it runs come beside this file.\n',
  );
  const code = await module.testbedUp({
    name: options.name,
    config: [demoConfig(), editedFolder],
    provider: options.provider,
    // With --keep it outlives this program, and goes with the mesh.
    temporary: [scratch],
    cliPath: ownProgram(),
    signal,
    ...(options.output === 'json' ? { stdout: process.stderr } : {}),
  });
  return code === 0;
}

async function takeDown(module: TestbedModule, options: DemoOptions): Promise<void> {
  const said = silent();
  const stdout = options.output === 'json' ? said : process.stdout;
  const code = await module.testbedDown({ name: options.name, stdout, stderr: process.stderr });
  if (code !== 0) throw new Error(`the testbed could not be taken down: run tulle testbed down --name ${options.name}`);
}

function writeJson(tell: Teller, seconds: number): void {
  const report = { schema: 'tulle.dev/demo/v1', ok: tell.failed === 0, seconds, checks: tell.checks };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

function ending(tell: Teller, seconds: number, options: DemoOptions): string {
  const count = tell.checks.length;
  const verdict =
    tell.failed === 0
      ? `\nAll ${count} checks hold, after ${seconds.toFixed(0)} s.\n`
      : `\n${tell.failed} of ${count} checks do not hold (✗ above), after ${seconds.toFixed(0)} s.\n`;
  const named = `--name ${options.name}`;
  const next = options.keep
    ? [
        `The mesh is still up. Go on by hand:`,
        `  $ tulle testbed exec ${named} client -- curl -si http://server/`,
        `  $ tulle testbed logs ${named} server-v1 -c access -f`,
        `  $ tulle check ${named}`,
        `  $ tulle testbed down ${named}`,
      ]
    : [
        'Where to look next:',
        '  $ tulle testbed up            the same mesh, to try things in by hand',
        '  examples/demo                 the YAML of this mesh; edits count while it runs',
        '  ARCHITECTURE.md               the way of a request through the code',
      ];
  return `${verdict}\n${next.join('\n')}\n\n`;
}
