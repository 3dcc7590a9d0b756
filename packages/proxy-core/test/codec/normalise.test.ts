import fc from 'fast-check';
import t from 'tap';
import { defaultNormalise, type NormaliseOptions, normalisePath } from '../../src/codec/normalise.js';

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `=` before a path that is kept in place, the new path, or `refused: ...`. */
function normalise(path: string, options: Partial<NormaliseOptions> = {}): string {
  const bytes = bytesOf(`x${path}y`);
  const result = normalisePath(bytes, 1, bytes.length - 1, { ...defaultNormalise, ...options });
  if (result === undefined) return `=${path}`;
  return typeof result === 'string' ? `refused: ${result}` : String.fromCharCode(...result);
}

t.test('a normal path stays where it is', (t) => {
  for (const path of [
    '/',
    '/a',
    '/a/',
    '/a/b.c',
    '/.well-known/x',
    '/...',
    '/a/..b',
    '/%20',
    '/a%3A%C3%A9',
    '/a;b=c/d',
    '/a..',
    '/~x',
  ]) {
    t.equal(normalise(path), `=${path}`);
  }
  t.end();
});

t.test('the table of the documents, row by row', (t) => {
  const rows: readonly (readonly [string, string, Partial<NormaliseOptions>?])[] = [
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/..', 'refused: the path leaves the root'],
    ['/a/../..', 'refused: the path leaves the root'],
    ['/a/./b', 'refused: a dot segment in the path', { dotSegments: 'refuse' }],
    ['/a/../b', '=/a/../b', { dotSegments: 'keep' }],
    ['/a/.;x/b', 'refused: a dot segment with a parameter in the path'],
    ['/a/..%3bx/b', 'refused: a dot segment with a parameter in the path'],
    ['/a/.%3Bx', 'refused: a dot segment with a parameter in the path'],
    ['/a/b%3Bx', '=/a/b%3Bx'],
    ['/a/..;', 'refused: a dot segment with a parameter in the path'],
    ['/a/..%3Bx/b', 'refused: a dot segment with a parameter in the path'],
    ['/a/.%3b', 'refused: a dot segment with a parameter in the path'],
    ['/a/%2e%2E%3bx/b', 'refused: a dot segment with a parameter in the path'],
    ['/a/..%3Bx', '=/a/..%3Bx', { dotSegments: 'keep' }],
    ['/a/...%3Bx/%3B/..%3C', '=/a/...%3Bx/%3B/..%3C'],
    ['//', '/'],
    ['//a///b//', '/a/b/'],
    ['/a//b', 'refused: duplicate slashes in the path', { duplicateSlashes: 'refuse' }],
    ['/a//b', '=/a//b', { duplicateSlashes: 'keep' }],
    ['/a//../b', '/a/b', { duplicateSlashes: 'keep' }],
    ['/%41%7e', '/A~'],
    ['/%41', '=/%41', { encodedUnreserved: 'keep' }],
    ['/%3a', '/%3A'],
    ['/%2e%2e/a', 'refused: the path leaves the root'],
    ['/a/%2e./b', '/b'],
    ['/a/.%2E/b', '/b'],
    ['/a%2Fb', 'refused: %2F in the path'],
    ['/a%2fb', '/a/b', { encodedSlash: 'decode' }],
    ['/a%2f..%2fb', '/b', { encodedSlash: 'decode' }],
    ['/a%2fb', '/a%2Fb', { encodedSlash: 'keep' }],
    ['/a\\b', 'refused: a backslash in the path'],
    ['/a%5cb', 'refused: %5C in the path'],
    ['/a\\..\\b', '/b', { backslash: 'slash' }],
    ['/a%5C..%5Cb', '/b', { backslash: 'slash' }],
    ['/a\\b', '=/a\\b', { backslash: 'keep' }],
    ['/%00', 'refused: %00 in the path'],
    ['/%', 'refused: a % in the path without two hexadecimal digits'],
    ['/%4', 'refused: a % in the path without two hexadecimal digits'],
    ['/%4g', 'refused: a % in the path without two hexadecimal digits'],
    ['/%252e%252e/a', '=/%252e%252e/a'],
  ];
  for (const [path, expected, options] of rows)
    t.equal(normalise(path, options), expected, `${path} ${JSON.stringify(options ?? {})}`);
  t.end();
});

/** Paths dense in what matters. */
const paths = fc
  .array(
    fc.constantFrom('/', '.', '..', '%2e', '%2E', '%41', '%3a', '%', 'a', ';', '%3b', '%20', 'b/', '//', '\\', '%2f'),
    {
      maxLength: 12,
    },
  )
  .map((parts) => `/${parts.join('')}`);

t.test(
  'invariant: normalising twice is normalising once, and the result holds no dot segment, duplicate slash or encoded unreserved byte',
  (t) => {
    fc.assert(
      fc.property(paths, (path) => {
        const first = normalise(path);
        if (first.startsWith('refused')) return;
        const once = first.startsWith('=') ? first.slice(1) : first;
        if (normalise(once) !== `=${once}`) throw new Error(`${path} -> ${once} -> ${normalise(once)}`);
        if (/\/\/|\/\.\.?(\/|;|%3B|$)|%2[fFeE]|%5[cC]|%41|\\/.test(once)) throw new Error(`${path} -> ${once}`);
      }),
      { numRuns: 5_000 },
    );
    t.end();
  },
);

/** RFC 3986 section 5.2.4, word by word: the second opinion. (The URL class of Node 20.20 leaves `/b/.b/..` as it is.) */
function removeDotSegments(path: string): string {
  let input = path;
  let output = '';
  while (input !== '') {
    if (input.startsWith('/./')) input = input.slice(2);
    else if (input === '/.') input = '/';
    else if (input.startsWith('/../') || input === '/..') {
      input = input === '/..' ? '/' : input.slice(3);
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')));
    } else {
      const next = input.indexOf('/', 1);
      output += next < 0 ? input : input.slice(0, next);
      input = next < 0 ? '' : input.slice(next);
    }
  }
  return output;
}

t.test('invariant: dot segments go as RFC 3986 section 5.2.4 says, for paths without duplicate slashes', (t) => {
  let compared = 0;
  fc.assert(
    fc.property(paths, (path) => {
      const first = normalise(path);
      if (first.startsWith('refused') || path.includes('//')) return;
      const once = first.startsWith('=') ? first.slice(1) : first;
      const decoded = path
        .replace(/%[0-9a-f]{2}/gi, (encoded) => encoded.toUpperCase())
        .replaceAll('%41', 'A')
        .replaceAll('%2E', '.');
      const theirs = removeDotSegments(decoded);
      if (once !== theirs) throw new Error(`${path}: ${once} against ${theirs}`);
      compared++;
    }),
    { numRuns: 5_000 },
  );
  t.ok(compared > 300, `compared ${compared}`);
  t.end();
});
