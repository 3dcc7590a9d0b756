/** h11, a parser written in another language by other people, as one more reader of the same bytes; `TULLE_FUZZ_PYTHON` names a python that can import it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Message } from './reading.js';

/** The first that has it, where a machine has more than one. */
const pythons: readonly string[] =
  process.env.TULLE_FUZZ_PYTHON === undefined ? ['python3', '/usr/bin/python3'] : [process.env.TULLE_FUZZ_PYTHON];
const python: string =
  pythons.find((each) => spawnSync(each, ['-c', 'import h11'], { stdio: 'ignore' }).status === 0) ?? '';
const script = fileURLToPath(new URL('./h11_reader.py', import.meta.url));

export type H11Message = Pick<
  Message,
  'method' | 'rawTarget' | 'status' | 'minorVersion' | 'fields' | 'trailers' | 'body' | 'isWhole'
>;

export interface H11Reading {
  /** undefined: refused. */
  readonly messages: H11Message[] | undefined;
  /** `paused`: it reads no further on this connection, though there may be more. */
  readonly end: 'more' | 'paused' | 'refused';
}

/** False where h11 can be used, else why not; for tap's `skip`. */
export function noH11(): string | false {
  return python === '' ? `${pythons.join(' and ')} can not import h11 (python3-h11 of Debian, h11 of PyPI)` : false;
}

/** One process for all inputs of a round. */
export function readWithH11(inputs: readonly (readonly ['request' | 'response', Uint8Array])[]): H11Reading[] {
  const lines = inputs.map(([kind, bytes]) => `${kind} ${Buffer.from(bytes).toString('hex')}`);
  const { stdout, stderr, status } = spawnSync(python, [script], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`h11: ${stderr}`);
  const readings = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { messages: H11Message[] | null; end: H11Reading['end'] })
    .map(({ messages, end }) => ({ messages: messages ?? undefined, end }));
  if (readings.length !== inputs.length) throw new Error('h11: not an answer for each input');
  return readings;
}
