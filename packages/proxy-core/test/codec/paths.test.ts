/** docs/paths.md, row by row: what it says of a path is what the codec reads, what a policy compares and what the next server receives. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import { encodeRequest, headBound } from '../../src/codec/http1/encoder.js';
import { checkConfig } from '../../src/config/check.js';
import { defaultLimits } from '../../src/limits.js';
import { noEdits } from '../../src/message/edits.js';
import { fromLatin1, Head, latin1 } from '../../src/message/head.js';
import { defaultPathOptions, type PathOptions } from '../../src/message/path-options.js';
import { authorize, compileAuthorization } from '../../src/policy/authorize.js';
import { config } from '../proxy/fixture.js';

interface Row {
  readonly sent: string;
  readonly options: Partial<PathOptions>;
  /** A path, or `400 ` and why. */
  readonly result: string;
}

function rowsOfDocument(): { readonly rows: Row[]; readonly options: readonly string[][] } {
  const text = readFileSync(new URL('../../../../docs/paths.md', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => /^\| *`/.test(line));
  const cells = lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
  const plain = (cell: string): string => cell.replace(/^`(.*)`$/, '$1');
  const rows = cells
    .filter(([first]) => first.startsWith('`/'))
    .map(([sent, options, result]): Row => {
      const pairs = options === '' ? [] : options.split(', ').map((pair) => pair.split(': '));
      return { sent: plain(sent), options: Object.fromEntries(pairs), result: plain(result) };
    });
  return { rows, options: cells.filter(([first]) => !first.startsWith('`/')) };
}

/** The head of a request for that path, or the reason why there is none. */
function read(path: string, options: Partial<PathOptions>): Head | string {
  const bytes = fromLatin1(`GET ${path}?a=/../b HTTP/1.1\r\nhost: a\r\n\r\n`);
  const head = new Head(defaultLimits.maxHeaderFields);
  let refusal = 'no head';
  const decoder = new Http1Decoder(defaultLimits, {
    messageHead: () => {
      refusal = '';
    },
    messageBody: () => {},
    messageEnd: () => {},
    messageMalformed: ({ reason, detail }) => {
      refusal = `${reason === 'bad-request' ? 400 : reason} ${detail}`;
    },
  });
  decoder.expectRequest(head, { ...defaultPathOptions, ...options });
  decoder.decode(bytes, 0, bytes.length);
  return refusal === '' ? head : refusal;
}

function forwarded(head: Head): string {
  const none = new Uint8Array(0);
  const out = new Uint8Array(headBound(head, noEdits, none));
  const end = encodeRequest(head, noEdits, true, none, out, 0);
  const line = latin1(out, 0, end).split('\r\n')[0];
  return line.replace(/^GET (.*)\?a=\/\.\.\/b HTTP\/1\.1$/, '$1');
}

/** Whether a policy that denies exactly that path denies the request. */
function isDenied(head: Head, path: string): boolean {
  const permissions = [{ kind: 'path', match: 'exact', value: path }] as const;
  const deny = { action: 'deny', policies: [{ name: 'p', principals: [{ kind: 'any' }], permissions }] } as const;
  return !authorize(compileAuthorization([deny]), { peerUri: '', port: 80, head }).allowed;
}

const { rows, options } = rowsOfDocument();

void t.test('every row of docs/paths.md', async (t) => {
  t.ok(rows.length >= 60, `${rows.length} rows`);
  for (const { sent, options, result } of rows) {
    const name = `${sent} ${JSON.stringify(options)}`;
    const head = read(sent, options);
    if (typeof head === 'string') {
      t.equal(head, result, name);
      continue;
    }
    t.equal(head.pathText(), result, `${name}: routed`);
    t.equal(forwarded(head), result, `${name}: forwarded`);
    t.ok(isDenied(head, result), `${name}: compared by policies`);
  }
});

void t.test('the options of docs/paths.md are those that there are, with their defaults', async (t) => {
  const plain = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text);
  t.same(Object.fromEntries(options.map(([name, value]) => [plain(name)[0], plain(value)[0]])), defaultPathOptions);
  for (const [name, first, others] of options) {
    const [option] = plain(name);
    for (const value of [...plain(first), ...plain(others)]) {
      const http = { routes: 'table', path: { [option]: value } };
      t.doesNotThrow(() => checkConfig(config({ chain: { http } })), `${option}: ${value}`);
      const shown = rows.some(({ options }) => (options as Record<string, string>)[option] === value);
      t.ok(shown || plain(first).includes(value), `a row shows ${option}: ${value}`);
    }
    const http = { routes: 'table', path: { [option]: 'other' } } as never;
    t.throws(() => checkConfig(config({ chain: { http } })), {
      message: new RegExp(`http.path.${option} must be one of`),
    });
  }
});
