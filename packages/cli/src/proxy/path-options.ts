/** `--path option=value`: how the proxy reads the paths of requests. */
import { type PathOptions, pathOptionValues } from '@tulle/proxy-core';
import { WrongUse } from '../failure.js';

/** @throws WrongUse that says what may be written. */
export function pathOptionsOf(texts: readonly string[]): Partial<PathOptions> {
  const options: Record<string, string> = {};
  const table: Readonly<Record<string, readonly string[]>> = pathOptionValues;
  for (const text of texts) {
    const [name, ...rest] = text.split('=');
    const value = rest.join('=');
    if (!Object.hasOwn(table, name)) {
      throw new WrongUse(`--path ${text}: write option=value with one of the options ${Object.keys(table).join(', ')}`);
    }
    if (!table[name].includes(value)) {
      throw new WrongUse(`--path ${text}: ${name} is one of ${table[name].join(', ')}`);
    }
    if (Object.hasOwn(options, name))
      throw new WrongUse(`--path ${text}: ${name} has a value already, ${options[name]}`);
    options[name] = value;
  }
  return options;
}
