import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BadCompareOptions, readResult } from '../compare/run-compare.js';
import { BadHistory, historyEntry, readHistory } from './history.js';
import { renderRunMarkdown } from './run-markdown.js';
import { renderRunPage } from './run-page.js';

/** `tulle bench report`. */
export interface ReportOptions {
  /** Folder with a result.json; report.html and report.md are written beside it. */
  folder: string;
  /** File to append the run to and to draw the trend from; undefined: none. */
  history: string | undefined;
}

/** Writes the report of a run. Returns 0; 2 when there is no result, or the history cannot be read. */
export function runReport({ folder, history }: ReportOptions): number {
  try {
    const result = readResult(folder);
    const entry = historyEntry(result);
    const past =
      history !== undefined && existsSync(history) ? readHistory(readFileSync(history, 'utf8'), history, entry) : [];
    const isNew = past.every(({ startedAt }) => startedAt !== entry.startedAt);
    const runs = isNew ? [...past, entry] : past;
    const page = join(folder, 'report.html');
    writeFileSync(page, renderRunPage(result, history === undefined ? [] : runs));
    writeFileSync(join(folder, 'report.md'), renderRunMarkdown(result));
    // A report that is made again adds no second line.
    if (history !== undefined && isNew) appendFileSync(history, `${JSON.stringify(entry)}\n`);
    process.stdout.write(`${page}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof BadCompareOptions || error instanceof BadHistory)) throw error;
    process.stderr.write(`tulle bench report: ${error.message}\n`);
    return 2;
  }
}
