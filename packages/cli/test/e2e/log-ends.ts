/** What the programs of a testbed wrote last, for the report of a test that failed: by the time that somebody reads it the testbed is gone. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The part of a tap test that is needed here. */
interface Failing {
  passing(): boolean;
  comment(...text: string[]): void;
}

const lineCount = 25;
const maxLineLength = 500;

/** Says the ends of all logs of programs below a folder, when the test has failed; of access logs, the last requests for whose failure there was a reason. */
export function tellLogEnds(t: Failing, folder: string): void {
  if (t.passing() || !existsSync(folder)) return;
  const logs = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.log'))
    .sort();
  for (const file of logs) {
    const lines = endOf(join(folder, file), basename(file) === 'access.log' ? /"reason":"[^"]/ : /./);
    if (lines.length > 0) t.comment(`the end of ${file}:\n${lines.map((line) => `  | ${line}`).join('\n')}`);
  }
}

function endOf(file: string, wanted: RegExp): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines
      .filter((line) => wanted.test(line))
      .slice(-lineCount)
      .map((line) => line.slice(0, maxLineLength));
  } catch {
    return [];
  }
}
