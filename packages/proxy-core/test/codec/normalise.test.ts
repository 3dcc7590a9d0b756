import fc from 'fast-check';
import t from 'tap';
import { normalisePath } from '../../src/codec/normalise.js';
import { fromLatin1 } from '../../src/message/head.js';
import { defaultPathOptions, type PathOptions } from '../../src/message/path-options.js';

/** The normal form, or undefined when the path is refused. What paths become, row by row, is in docs/paths.md. */
function normalise(path: string, options: Partial<PathOptions> = {}): string | undefined {
  const bytes = fromLatin1(`x${path}y`);
  const result = normalisePath(bytes, 1, bytes.length - 1, { ...defaultPathOptions, ...options });
  if (result === undefined) return path;
  return typeof result === 'string' ? undefined : String.fromCharCode(...result);
}

void t.test('a normal path stays where it is: nothing is copied', async (t) => {
  const paths = [
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
  ];
  for (const path of paths) {
    const bytes = fromLatin1(`x${path}y`);
    t.equal(normalisePath(bytes, 1, bytes.length - 1, defaultPathOptions), undefined, path);
  }
});

/** Paths dense in what matters. */
const paths = fc
  .array(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%41',
      '%3a',
      '%',
      'a',
      ';',
      '%3b',
      '%20',
      'b/',
      '//',
      '\\',
      '%2f',
      '%5C',
    ),
    { maxLength: 12 },
  )
  .map((parts) => `/${parts.join('')}`);

const everyOption: fc.Arbitrary<PathOptions> = fc.record({
  dotSegments: fc.constantFrom('resolve', 'reject', 'keep'),
  duplicateSlashes: fc.constantFrom('merge', 'reject', 'keep'),
  encodedUnreserved: fc.constantFrom('decode', 'keep'),
  escapedSlashes: fc.constantFrom('reject', 'decode', 'keep'),
  backslash: fc.constantFrom('reject', 'slash', 'keep'),
});

void t.test('invariant: normalising twice is normalising once, whatever the options', async (t) => {
  let passed = 0;
  fc.assert(
    fc.property(paths, everyOption, (path, options) => {
      const once = normalise(path, options);
      if (once === undefined) return;
      passed++;
      if (normalise(once, options) !== once) throw new Error(`${path} -> ${once} -> ${normalise(once, options)}`);
    }),
    { numRuns: 20_000, seed: 6 },
  );
  t.ok(passed > 5_000, `${passed} paths passed`);
});

/** In whatever way the slashes and dots are written. */
const dotSegmentInAnyForm = /(\/|\\|%2F|%5C)(\.|%2E){1,2}(;|%3B|\/|\\|%2F|%5C|$)/i;

void t.test('invariant: unless it is told to keep them, no dot segment passes in any form', async (t) => {
  let passed = 0;
  fc.assert(
    fc.property(paths, everyOption, (path, options) => {
      if (options.dotSegments === 'keep') return;
      const once = normalise(path, options);
      if (once === undefined) return;
      passed++;
      if (dotSegmentInAnyForm.test(once)) throw new Error(`${path} -> ${once}`);
    }),
    { numRuns: 20_000, seed: 7 },
  );
  t.ok(passed > 3_000, `${passed} paths passed`);
});

void t.test(
  'invariant: by default, no duplicate slash, encoded unreserved byte, escaped slash or backslash passes',
  async (t) => {
    fc.assert(
      fc.property(paths, (path) => {
        const once = normalise(path);
        if (once !== undefined && /\/\/|%2[fFeE]|%5[cC]|%41|\\/.test(once)) throw new Error(`${path} -> ${once}`);
      }),
      { numRuns: 5_000, seed: 8 },
    );
    t.pass();
  },
);

void t.test('invariant: two spellings of one path have one normal form', async (t) => {
  const segments = fc.array(fc.constantFrom('a', 'B', 'x.y', '~', 'admin', '1-2'), { minLength: 1, maxLength: 4 });
  const encode = (text: string, upper: boolean): string =>
    [...text]
      .map((c) => (c === '/' ? c : `%${c.charCodeAt(0).toString(16)}`))
      .map((c) => (upper ? c.toUpperCase() : c))
      .join('');
  fc.assert(
    fc.property(segments, fc.array(fc.nat(5), { minLength: 4, maxLength: 4 }), (parts, ways) => {
      const spelt = parts.map((part, index) => {
        const way = ways[index];
        if (way === 0) return `/${part}`;
        if (way === 1) return `//${part}`;
        if (way === 2) return `/./${part}`;
        if (way === 3) return `/x/../${part}`;
        return `/${encode(part, way === 4)}`;
      });
      const plain = `/${parts.join('/')}`;
      if (normalise(spelt.join('')) !== plain) throw new Error(`${spelt.join('')} -> ${normalise(spelt.join(''))}`);
    }),
    { numRuns: 5_000, seed: 9 },
  );
  t.pass();
});

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
      const once = normalise(path);
      if (once === undefined || path.includes('//')) return;
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
