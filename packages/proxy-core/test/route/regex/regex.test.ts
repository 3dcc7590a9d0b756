import fc from 'fast-check';
import t from 'tap';
import { fromLatin1 } from '../../../src/message/head.js';
import { compileRegex, type Regex } from '../../../src/route/regex/regex.js';

const limits = { maxRegexInstructions: 2_048, maxRegexCacheBytes: 262_144 };

function compiled(pattern: string, more: Partial<typeof limits> = {}): Regex {
  return compileRegex(pattern, { ...limits, ...more });
}

/** As it is found within a buffer. */
function matches(regex: Regex, text: string): boolean {
  const bytes = fromLatin1(`(${text})`);
  return regex.matches(bytes, 1, bytes.length - 1);
}

function refusal(pattern: string): string {
  try {
    compiled(pattern);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

void t.test('the whole text must match', async (t) => {
  const rows: [pattern: string, yes: string[], no: string[]][] = [
    ['', [''], ['a']],
    ['a', ['a'], ['', 'aa', 'ba', 'ab']],
    ['a|bc', ['a', 'bc'], ['abc', 'ac']],
    ['/v[0-9]+/items', ['/v1/items', '/v27/items'], ['/v/items', '/v1/items/', '/V1/items']],
    ['/.*', ['/', '/a/b'], ['', 'a']],
    ['^/a$', ['/a'], ['/a/']],
    ['\\A/a\\z', ['/a'], ['/a/']],
    ['^$', [''], ['a']],
    ['$^', [''], ['a']],
    ['(^a|b)*', ['', 'a', 'ab', 'bbb'], ['ba', 'aba']],
    ['(a$|b)*', ['', 'ba', 'bb'], ['ab', 'aa']],
    ['a{3}', ['aaa'], ['aa', 'aaaa']],
    ['a{2,}', ['aa', 'aaaaa'], ['a']],
    ['a{1,3}?', ['a', 'aaa'], ['', 'aaaa']],
    ['a{0}b', ['b'], ['ab']],
    ['(?:ab)+', ['ab', 'abab'], ['aba']],
    ['(?<name>x)(?P<other>y)', ['xy'], ['x']],
    ['[a-c.\\]-]+', ['a.b-c]'], ['d', '\\']],
    ['[^/]+', ['ab', '\xe9'], ['/', '']],
    ['[^\\d\\s]', ['a'], ['1', ' ', 'ab']],
    ['\\d\\D\\w\\W\\s\\S', ['1a_- x'], ['aa_- x']],
    ['\\x2f\\x{61}\\t', ['/a\t'], ['/a']],
    ['a.c', ['abc', 'a\xffc'], ['a\nc', 'ac']],
    ['(?i)[a-c]Z', ['aZ', 'Bz'], ['dz']],
    ['(?i)[^a]', ['b'], ['a', 'A']],
    ['a(?i:b)c', ['abc', 'aBc'], ['Abc', 'abC']],
    ['a((?i)b)c', ['aBc'], ['aBC']],
    ['(?i)a(?-i)b', ['Ab'], ['AB']],
    ['|a', ['', 'a'], ['aa']],
    ['()', [''], ['a']],
    ['a}]', ['a}]'], ['a']],
    ['.{1000}', ['x'.repeat(1_000)], ['x'.repeat(999), 'x'.repeat(1_001)]],
  ];
  for (const [pattern, yes, no] of rows) {
    const regex = compiled(pattern);
    for (const text of yes) t.ok(matches(regex, text), `${pattern} matches ${JSON.stringify(text.slice(0, 20))}`);
    for (const text of no)
      t.notOk(matches(regex, text), `${pattern} does not match ${JSON.stringify(text.slice(0, 20))}`);
  }
});

void t.test('what is refused is refused with its place and a remedy', async (t) => {
  const rows: [pattern: string, message: string][] = [
    ['(a)\\1', 'at character 4: a backreference, which cannot be matched in linear time; write out what it repeats'],
    [
      'a(?=b)',
      'at character 2: lookaround, which cannot be matched in linear time; write a route of its own for what is excluded',
    ],
    ['(?!b)', 'at character 1: lookaround'],
    ['(?<=b)', 'at character 1: lookaround'],
    ['(?<!b)', 'at character 1: lookaround'],
    ['(?>a)', 'at character 1: an unknown kind of group'],
    ['(?s)a', 'at character 1: an unknown kind of group'],
    ['a)', 'at character 2: a ) that closes no group'],
    ['x(a', 'at character 2: a ( that is not closed'],
    ['x[a', 'at character 2: a [ that is not closed'],
    ['[]', 'at character 2: a ] that begins a class'],
    ['[[:alpha:]]', 'at character 2: a [ inside a class'],
    ['[z-a]', 'at character 2: a range that ends before it begins'],
    ['[a-\\d]', 'at character 4: a range that ends with a set'],
    ['[\\d-a]', 'at character 4: a range that begins with a set'],
    ['*a', 'at character 1: a * with nothing to repeat'],
    ['a|+', 'at character 3: a + with nothing to repeat'],
    ['a**', 'at character 3: a repetition of a repetition'],
    ['a*+', 'at character 3: a repetition of a repetition'],
    ['a{2}{3}', 'at character 5: a repetition of a repetition'],
    ['a{', 'at character 2: a { that begins no repetition'],
    ['a{,3}', 'at character 2: a { that begins no repetition'],
    ['a{1001}', 'at character 2: a repetition beyond 1000'],
    ['a{1,1001}', 'at character 2: a repetition beyond 1000'],
    ['a{3,2}', 'at character 2: a repetition whose least number is above its greatest'],
    ['a\\', 'at character 2: a \\ at the end'],
    ['\\bx', 'at character 1: \\b is not understood'],
    ['\\pL', 'at character 1: \\p is not understood'],
    ['\\xe9', 'at character 1: \\x with no ASCII character behind it'],
    ['caf\xe9', 'at character 4: only visible ASCII characters'],
    ['a\nb', 'at character 2: only visible ASCII characters'],
    [`${'('.repeat(101)}${')'.repeat(101)}`, 'at character 102: more than 100 groups inside each other'],
    [
      '(a{1000}){1000}',
      'it needs up to 1000001 instructions, more than the 2048 allowed; make its repetitions smaller, or raise limits.maxRegexInstructions',
    ],
    ['((((){1000}){1000}){1000}){1000}', ''],
    ['(((((^){1000}){1000}){1000}){1000}){1000}', 'it needs up to 1000000000000001 instructions'],
  ];
  for (const [pattern, message] of rows) {
    const found = refusal(pattern);
    t.equal(found.slice(0, message.length || undefined), message, pattern);
    if (message !== '') t.match(found, /; \S/, 'a remedy follows');
  }
});

type Printed = string;

/** Patterns in syntax that JavaScript and RE2 share. */
const patterns = fc.letrec<{ it: Printed; atom: Printed }>((tie) => ({
  atom: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(
      'a',
      'b',
      '/',
      '.',
      '[ab]',
      '[^a]',
      '[^/]',
      '\\d',
      '\\D',
      '\\w',
      '\\W',
      '\\.',
      '^',
      '$',
      '[b-c/]',
      '\\x61',
    ),
    tie('it').map((inner) => `(?:${inner})`),
    tie('it').map((inner) => `(${inner})`),
  ),
  it: fc
    .array(
      fc.array(
        fc.tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '??', '{2,3}?')),
        { maxLength: 3 },
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((choices) =>
      choices
        // JavaScript repeats no assertion outside a group.
        .map((parts) => parts.map(([atom, times]) => (atom === '^' || atom === '$' ? atom : atom + times)).join(''))
        .join('|'),
    ),
})).it;

const texts = fc
  .array(fc.constantFrom('a', 'b', 'c', '/', '1', '_', '.', 'A', ' '), { maxLength: 6 })
  .map((all) => all.join(''));

void t.test('invariant: it matches what the RegExp of JavaScript matches', async (t) => {
  let matched = 0;
  fc.assert(
    fc.property(patterns, fc.boolean(), fc.array(texts, { minLength: 1, maxLength: 10 }), (pattern, folds, all) => {
      const regex = compiled(`${folds ? '(?i)' : ''}${pattern}`, { maxRegexInstructions: 1_000_000 });
      const other = new RegExp(`^(?:${pattern})$`, folds ? 'i' : '');
      for (const text of all) {
        const theirs = other.test(text);
        if (matches(regex, text) !== theirs)
          throw new Error(`${pattern} ${folds ? 'i' : ''} ${JSON.stringify(text)}: ${theirs}`);
        if (theirs) matched++;
      }
    }),
    { numRuns: 1_000, seed: 6 },
  );
  t.ok(matched > 1_000, `${matched} texts matched`);
});

void t.test('invariant: a cache without room changes no answer', async (t) => {
  let forgotten = 0;
  fc.assert(
    fc.property(patterns, fc.array(texts, { minLength: 8, maxLength: 20 }), (pattern, all) => {
      const roomy = compiled(pattern, { maxRegexInstructions: 1_000_000 });
      const narrow = compiled(pattern, { maxRegexInstructions: 1_000_000, maxRegexCacheBytes: 1 });
      for (const text of [...all, ...all]) {
        if (matches(roomy, text) !== matches(narrow, text)) throw new Error(`${pattern} ${JSON.stringify(text)}`);
      }
      if (narrow.visits > 2 * roomy.visits) forgotten++;
    }),
    { numRuns: 1_000, seed: 7 },
  );
  t.ok(forgotten > 50, `${forgotten} expressions had to forget`);
});

const hostile: [pattern: string, text: string][] = [
  ['(a+)+$', `${'a'.repeat(20_000)}!`],
  ['(a|aa)*', `${'a'.repeat(20_000)}!`],
  ['(a*)*b', 'a'.repeat(20_000)],
  ['(.*)(.*)(.*)(.*)x', 'a'.repeat(20_000)],
  ['([a-zA-Z]+)*[0-9]', 'a'.repeat(20_000)],
  ['x{1000}', 'x'.repeat(20_000)],
  ['(x?){100}x{100}', 'x'.repeat(99)],
  ['(a?){100}a{100}', 'a'.repeat(100)],
];

void t.test('hostile expressions are matched in linear time', async (t) => {
  for (const [pattern, text] of hostile) {
    const regex = compiled(pattern);
    matches(regex, text);
    // Each state once: the steps over the text are look-ups.
    t.ok(regex.visits < 4_000_000, `${pattern}: ${regex.visits} visits the first time`);
    const before = regex.visits;
    matches(regex, text);
    t.equal(regex.visits, before, `${pattern}: none the second time`);
  }
});

void t.test(
  'where every byte leads to a new state, a byte costs a bounded number of visits, and the memory is bounded',
  async (t) => {
    // 2^20 states: which of the last 20 bytes were `a`.
    const regex = compiled('(a|b)*a(a|b){20}', { maxRegexCacheBytes: 65_536 });
    let bits = 1;
    let text = '';
    for (let i = 0; i < 50_000; i++) {
      bits = (bits * 48_271) % 2_147_483_647;
      text += bits % 2 === 0 ? 'a' : 'b';
    }
    matches(regex, text);
    const first = regex.visits;
    t.ok(first > 50_000, `${first} visits: it was no walk through known states`);
    t.ok(first < 50_000 * 300, `${first} visits for 50,000 bytes`);
    const { cacheBytes } = regex;
    matches(regex, text + text);
    t.ok(regex.visits - first < 2.5 * first, 'twice the text costs about twice');
    t.equal(regex.cacheBytes, cacheBytes, 'it does not grow further');
    t.ok(cacheBytes < 2 * 65_536, `${cacheBytes} bytes`);
  },
);
