/**
 * How long fuzz targets run, and what they are fed: the case documents, cut up. A target runs a fixed number of inputs, a few seconds; `TULLE_FUZZ_SECONDS=600` makes
 * each run that long on inputs of its own, and `TULLE_FUZZ_SEED` repeats a run.
 */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import type { Test } from 'tap';
import { readCases } from './case-file.js';

const seconds: number = Number(process.env.TULLE_FUZZ_SECONDS ?? 0);
const seed: number | undefined =
  process.env.TULLE_FUZZ_SEED === undefined ? undefined : Number(process.env.TULLE_FUZZ_SEED);

/** Parameters of `fc.assert` for a target that runs `runs` inputs unless told otherwise. */
export function budget(runs: number): fc.Parameters<unknown> {
  const random = seed === undefined ? {} : { seed };
  if (seconds <= 0) return { numRuns: runs, ...random };
  return {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1_000,
    markInterruptAsFailure: false,
    ...random,
  };
}

/** Milliseconds that a target may run which makes its own rounds; 0: one round. */
export const fuzzMs: number = seconds * 1_000;

/** No limit of time for a test that runs longer on demand. */
export function takesItsTime(t: Test): void {
  if (fuzzMs > 0) t.setTimeout(0);
}

type Kind = 'request' | 'response';

/** Each case once, and those that are accepted three times: most changes break a message. */
function corpus(kind: Kind): string[] {
  const folder = new URL('./cases/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => readCases(new URL(name, folder)))
    .filter((one) => one.kind === kind)
    .flatMap(({ bytes, events }) => {
      const text = Buffer.from(bytes).toString('latin1');
      return events.some((line) => line.startsWith('malformed')) ? [text] : [text, text, text];
    });
}

/** What parsers have stumbled over. */
const tokens = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\n\n',
    '\r\r\n',
    ' ',
    '\t',
    '\x0b',
    '\x0c',
    '\0',
    '\x7f',
    '\x85',
    '\xa0',
    '\xff',
    ':',
    ';',
    '=',
    '"',
    '\\',
    ',',
    '/',
    '#',
    '%',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'content-length:6\r\n',
    'Content_Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'transfer-encoding: Chunked\r\n',
  ],
  ...[
    'Transfer-Encoding: identity\r\n',
    'Transfer_Encoding: chunked\r\n',
    'Host: a\r\n',
    'Host: b\r\n',
    'Connection: close\r\n',
    'Connection: content-length\r\n',
  ],
  ...[
    'Expect: 100-continue\r\n',
    'Upgrade: websocket\r\n',
    'Upgrade: h2c\r\n',
    'Connection: upgrade\r\n',
    'X: ',
    'chunked',
    ', ',
    'HTTP/1.0',
    'HTTP/1.1',
    'HTTP/1.1 200 OK\r\n',
  ],
  ...[
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /s HTTP/1.1\r\nX: ',
    'POST',
    'HEAD',
    'CONNECT',
    'get',
    'http://a/',
    '*',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    '0',
    '1',
    '05',
    '0x',
    '-',
    '+',
    '_',
    'f',
    'A',
  ],
];

type Change = readonly [
  kind: 'insert' | 'replace' | 'delete' | 'repeat' | 'splice',
  at: number,
  length: number,
  token: number,
];

const changes: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom('insert', 'insert', 'replace', 'replace', 'delete', 'repeat', 'splice'),
  fc.nat(0xffff),
  fc.nat(12),
  fc.nat(0xffff),
);

function change(text: string, [kind, where, length, which]: Change, others: readonly string[]): string {
  const at = where % (text.length + 1);
  const token = tokens[which % tokens.length];
  switch (kind) {
    case 'insert':
      return text.slice(0, at) + token + text.slice(at);
    case 'replace':
      return text.slice(0, at) + token + text.slice(at + token.length);
    case 'delete':
      return text.slice(0, at) + text.slice(at + length);
    case 'repeat':
      return text.slice(0, at) + text.slice(Math.max(0, at - 3 * length));
    case 'splice': {
      const other = others[which % others.length];
      return text.slice(0, at) + other.slice(where % (other.length + 1));
    }
  }
}

/** Cases of the documents with up to four changes, and now and then another case behind. */
export function mutatedCases(kind: Kind): fc.Arbitrary<string> {
  const texts = corpus(kind);
  return fc
    .tuple(fc.nat(texts.length - 1), fc.array(changes, { maxLength: 4 }), fc.nat(4 * texts.length))
    .map(([first, edits, behind]) =>
      edits.reduce((text, edit) => change(text, edit, texts), texts[first] + (texts[behind] ?? '')),
    );
}
