/** What the control plane's side says of a manifest is what the proxy says of a configuration: the two read expressions and paths with code of their own. */
import fc from 'fast-check';
import t from 'tap';
import { normalForm } from '../../../api/src/schema/normal-path.js';
import { regexFault } from '../../../api/src/schema/regular-expression.js';
import { normalisePath } from '../../src/codec/normalise.js';
import { defaultLimits } from '../../src/limits.js';
import { fromLatin1 } from '../../src/message/head.js';
import { defaultPathOptions } from '../../src/message/path-options.js';
import { compileRegex } from '../../src/route/regex/regex.js';

/** Why, without the remedy; '' when it is taken. */
function proxySays(pattern: string): string {
  try {
    compileRegex(pattern, defaultLimits);
  } catch (error) {
    return (error as Error).message.split(';')[0];
  }
  return '';
}

function apiSays(pattern: string): string {
  return regexFault(pattern)?.message ?? '';
}

const pieces = [
  ...[
    'a',
    'b',
    '-',
    '.',
    '/',
    '^',
    '$',
    '|',
    '|',
    '*',
    '+',
    '?',
    '*?',
    '(',
    '(',
    ')',
    ')',
    '(?:',
    '(?i)',
    '(?-i:',
    '(?i:',
    '(?=',
    '(?<!',
    '(?P<n>',
    '(?<',
    '(?s)',
  ],
  ...[
    '[',
    '[^',
    ']',
    ']',
    '[a-z]',
    '[\\d-]',
    '[a\\]]',
    '[:alpha:]',
    '[z-a]',
    '{',
    '}',
    '{2}',
    '{2,}',
    '{0,3}',
    '{3,2}',
    '{1000}',
    '{1001}',
    '{,2}',
  ],
  ...[
    '\\d',
    '\\W',
    '\\A',
    '\\z',
    '\\b',
    '\\1',
    '\\0',
    '\\x41',
    '\\x{7}',
    '\\x{80}',
    '\\xz',
    '\\n',
    '\\-',
    '\\_',
    '\\',
    '\\p',
    ' ',
    '\t',
    'é',
  ],
];

void t.test(
  'invariant: the api takes the expressions that the proxy takes, and says the same about the others',
  async (t) => {
    let taken = 0;
    const messages = new Set<string>();
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 10 }), (parts) => {
        const pattern = parts.join('');
        const proxy = proxySays(pattern);
        const api = apiSays(pattern);
        if ((proxy === '') !== (api === '')) throw new Error(`${JSON.stringify(pattern)}: ${proxy} | ${api}`);
        if (proxy === '') taken++;
        else messages.add(proxy.replace(/\d+/g, 'N'));
      }),
      { numRuns: 30_000, seed: 6 },
    );
    t.ok(taken > 3_000, `${taken} were taken`);
    t.ok(messages.size > 15, `${messages.size} reasons`);
  },
);

void t.test('the api counts the size of a program as the proxy does', async (t) => {
  const rows = [
    'a{1000}a{1000}',
    '(a{1000}){1000}',
    '(?:(?:a|bc|)*x?){700}',
    '((((){1000}){1000}){1000}){1000}',
    '(((^){1000}){1000}){1000}',
    '(?:a+|b{3,7}?|){200}',
  ];
  for (const pattern of rows) t.equal(apiSays(pattern), proxySays(pattern), pattern);
});

void t.test(
  'invariant: what the api takes for a path is one that the codec leaves as it is, and its remedy is one too',
  async (t) => {
    const paths = fc
      .array(
        fc.constantFrom(
          '/',
          '/',
          '.',
          '..',
          '%2e',
          '%41',
          '%3a',
          '%',
          'a',
          ';',
          '%3B',
          '%20',
          '//',
          '\\',
          '%2f',
          '%5C',
          '%00',
          '~',
        ),
        { maxLength: 10 },
      )
      .map((parts) => `/${parts.join('')}`);
    let kept = 0;
    fc.assert(
      fc.property(paths, (path) => {
        const bytes = fromLatin1(path);
        const codec = normalisePath(bytes, 0, bytes.length, defaultPathOptions);
        const api = normalForm(path, false);
        const normal =
          codec === undefined ? path : typeof codec === 'string' ? undefined : String.fromCharCode(...codec);
        if (api !== normal) throw new Error(`${path}: codec ${String(normal)}, api ${String(api)}`);
        if (api === path) kept++;
      }),
      { numRuns: 20_000, seed: 7 },
    );
    t.ok(kept > 1_000, `${kept} paths were normal`);
  },
);
