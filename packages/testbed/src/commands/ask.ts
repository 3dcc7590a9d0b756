import type { Request, Results } from '../protocol.js';
import { keeperLives, readRecord } from '../state/record.js';
import { type StatePaths, statePaths } from '../state/state-dir.js';
import { askKeeper, NoKeeper } from './keeper-client.js';

/** An error that a command shows as it is, with its exit code. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Paths of a testbed; a name that cannot be one is wrong use. */
export function pathsOf(name: string | undefined): StatePaths {
  try {
    return statePaths(name ?? 'default');
  } catch (error) {
    throw new CommandError((error as Error).message, 2);
  }
}

/** Asks the keeper of a testbed. Throws CommandError with a remedy when there is none. */
export async function ask<R extends Request>(
  name: string | undefined,
  request: R,
  options: { progress?: (text: string) => void; deadlineMs?: number } = {},
): Promise<Results[R['op']]> {
  const paths = pathsOf(name);
  try {
    return await askKeeper(paths.socket, request, options);
  } catch (error) {
    if (!(error instanceof NoKeeper)) throw new CommandError((error as Error).message, 1);
    const record = readRecord(paths);
    const option = paths.name === 'default' ? '' : ` --name ${paths.name}`;
    if (record !== null && keeperLives(record)) throw new CommandError(`testbed ${paths.name} is still coming up`, 1);
    if (record !== null) {
      throw new CommandError(
        `testbed ${paths.name} has crashed; \`tulle testbed down${option}\` clears what is left`,
        1,
      );
    }
    throw new CommandError(
      `no testbed ${paths.name} is up; start one with \`tulle testbed up --config DIR${option}\``,
      1,
    );
  }
}

/** Runs a command's body; its errors become a line on stderr and an exit code. */
export async function command(stderr: NodeJS.WritableStream, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    stderr.write(`${(error as Error).message}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}
