import type { Machine } from './machine.js';

/*
 * `tulle check`: each check states a fact. What is missing for everything is a failure; what only takes a way away (there is
 * another) is a warning; both say what to do.
 */

export type Finding = { state: 'ok'; fact: string } | { state: 'warning' | 'failed'; fact: string; remedy: string };

export interface Check {
  /** Stable name, for `-o json`. */
  id: string;
  group: string;
  run(machine: Machine): Promise<Finding>;
}

export interface CheckLine {
  id: string;
  group: string;
  state: Finding['state'];
  fact: string;
  remedy?: string;
}

export const ok = (fact: string): Finding => ({ state: 'ok', fact });
export const warning = (fact: string, remedy: string): Finding => ({ state: 'warning', fact, remedy });
export const failed = (fact: string, remedy: string): Finding => ({ state: 'failed', fact, remedy });

/** Runs one check after the other; a check that throws has failed, and says with what. */
export async function runChecks(
  checks: readonly Check[],
  machine: Machine,
  each: (line: CheckLine) => void,
): Promise<CheckLine[]> {
  const lines: CheckLine[] = [];
  for (const check of checks) {
    const { id, group } = check;
    const finding = await check.run(machine).catch((error: Error) => {
      return failed(`${id} could not be checked: ${error.message}`, 'set TULLE_DEBUG=1 and report what it shows');
    });
    const line = { id, group, ...finding };
    lines.push(line);
    each(line);
  }
  return lines;
}

/** 1 when anything failed; warnings do not count. */
export function checkExitCode(lines: readonly CheckLine[]): 0 | 1 {
  return lines.some((line) => line.state === 'failed') ? 1 : 0;
}
