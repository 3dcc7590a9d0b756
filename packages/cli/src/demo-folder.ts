import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WrongUse } from './failure.js';

/**
 * The mesh of the demo as a folder of YAML, where this checkout has it.
 * @throws WrongUse outside a checkout.
 */
export function demoConfig(): string {
  const folder = fileURLToPath(new URL('../../../examples/demo', import.meta.url));
  if (existsSync(folder)) return folder;
  throw new WrongUse('the demo mesh (examples/demo) is not beside this program: name a folder of YAML with --config');
}

/** The program that runs now, for those who start further ones with it. */
export function ownProgram(): string {
  return fileURLToPath(new URL('./main.js', import.meta.url));
}
