import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument } from 'yaml';
import type { BenchCase } from '../result/bench-case.js';
import { caseSchema } from './case-schema.js';

/** A case file is wrong, or a case is not there: place, fault and remedy in one sentence each. */
export class BadCase extends Error {
  override readonly name = 'BadCase';
}

/** Where the cases of this package lie. */
const shippedFolder = fileURLToPath(new URL('../../cases', import.meta.url));

/**
 * Reads one case from YAML (so JSON too). Pure.
 * @param file for messages.
 * @throws BadCase naming file, line, column and field of everything that is wrong.
 */
export function parseCase(text: string, file: string): BenchCase {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new BadCase(
      document.errors.map((each) => `${place(each.pos[0])}: ${each.message.split('\n')[0]}`).join('\n'),
    );
  }
  const result = caseSchema.safeParse(document.toJS());
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => {
    // The innermost node that is there: a field that is missing has none of its own.
    let offset = 0;
    for (let length = 0; length <= path.length; length++) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      const range = (node as { range?: [number, number, number] } | null | undefined)?.range;
      if (range !== undefined) offset = range[0];
    }
    return `${place(offset)}: ${path.length === 0 ? '' : `${path.join('.')}: `}${message}`;
  });
  throw new BadCase(faults.join('\n'));
}

/** Names of the cases that come with this package, in the order of their files. */
export function shippedCases(): string[] {
  return readdirSync(shippedFolder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The case of that name, or in the file of that path when it has a slash or ends in .yaml, .yml or .json.
 * @throws BadCase
 */
export function readCase(nameOrPath: string): BenchCase {
  const isPath = /[/]|\.(ya?ml|json)$/.test(nameOrPath);
  const file = isPath ? nameOrPath : join(shippedFolder, `${nameOrPath}.yaml`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadCase(
      isPath
        ? `the case ${file} cannot be read (${code}): check the path`
        : `there is no case ${nameOrPath}: write one of ${shippedCases().join(', ')}, or the path of a file`,
    );
  }
  const benchCase = parseCase(text, file);
  if (!isPath && benchCase.name !== nameOrPath) throw new BadCase(`${file} has the name ${benchCase.name}`);
  return benchCase;
}
