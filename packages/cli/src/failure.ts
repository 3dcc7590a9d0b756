import { CommanderError } from 'commander';

/** 0 done, 1 a check or comparison failed, 2 wrong use. */
export type ExitCode = 0 | 1 | 2;

/** The command was used wrongly: one sentence that says what, and how it is right. Ends with exit code 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** What went wrong, for standard error, and the exit code. Undefined text: everything has been said already. */
export interface Ending {
  code: ExitCode;
  text: string | undefined;
}

/**
 * How a command ends that threw.
 * @param verbose show where it was thrown (TULLE_DEBUG): for people who work on Tulle, noise for all others.
 */
export function endingOf(error: unknown, verbose: boolean): Ending {
  if (error instanceof CommanderError) {
    // Help and version come as errors with code 0; for the rest commander has already written its sentence.
    return { code: error.exitCode === 0 ? 0 : 2, text: undefined };
  }
  const message = error instanceof Error ? error.message : String(error);
  const detail = verbose && error instanceof Error ? `\n${error.stack}` : '';
  if (error instanceof WrongUse) return { code: 2, text: `tulle: ${message}${detail}` };
  const hint = detail === '' && !isExpected(error) ? ' (set TULLE_DEBUG=1 to see where)' : '';
  return { code: 1, text: `tulle: ${message}${hint}${detail}` };
}

/** Errors of our packages have names of their own and say what to do; a TypeError is our bug, a system error needs its call. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError);
}
