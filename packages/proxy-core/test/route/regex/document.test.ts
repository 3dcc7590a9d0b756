/** The tables of expressions in docs/routing.md, row by row. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { defaultLimits } from '../../../src/limits.js';
import { fromLatin1 } from '../../../src/message/head.js';
import { compileRegex } from '../../../src/route/regex/regex.js';

const text = readFileSync(new URL('../../../../../docs/routing.md', import.meta.url), 'utf8');
const [, section] = text.split('\n## Regular expressions\n');
const rows = section
  .split('\n## ')[0]
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) =>
        cell
          .trim()
          .replace(/^`(.*)`$/, '$1')
          .replaceAll('\\|', '|'),
      ),
  );

void t.test('every row of docs/routing.md', async (t) => {
  t.ok(rows.length >= 16, `${rows.length} rows`);
  for (const [pattern, first, other] of rows) {
    if (other === undefined) {
      t.throws(
        () => compileRegex(pattern, defaultLimits),
        { message: new RegExp(`^${first.replace(/[^\w ]/g, '\\$&')}; .`) },
        pattern,
      );
      continue;
    }
    const regex = compileRegex(pattern, defaultLimits);
    const matches = (path: string): boolean => regex.matches(fromLatin1(path), 0, path.length);
    t.ok(matches(first), `${pattern} matches ${first}`);
    t.notOk(matches(other), `${pattern} does not match ${other}`);
  }
});
