import fc from 'fast-check';
import t from 'tap';
import { JsonSyntaxError, readJson } from '../src/rules/json.js';

t.test('any JSON reads as JSON.parse reads it', async (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      t.equal(JSON.stringify(readJson(text)), JSON.stringify(JSON.parse(text)));
    }),
  );
});

t.test('a text that is almost JSON is accepted or refused as by JSON.parse', async (t) => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"b"',
    '"\\u00e9"',
    '"\\x"',
    '"\n"',
    '1',
    '-',
    '01',
    '.5',
  );
  const more = fc.constantFrom('1e+2', '2.', 'true', 'nul', 'null', ' ', '\u00a0', '\ufeff', "'c'", '"');
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, more), { maxLength: 7 }), (pieces) => {
      const text = pieces.join('');
      const twice = /("a"|"b"|"\\u00e9"):.*\1:/.test(text);
      if (!twice) t.equal(accepts(readJson, text), accepts(JSON.parse, text), text);
    }),
    { numRuns: 3000 },
  );
});

const mistakes: readonly [text: string, place: string, message: RegExp][] = [
  ['', '1:1', /a value/],
  ['{\n  "proxy": {"uid": 1337,}\n}', '2:25', /a key in double quotes/],
  ['{\n "a": x}', '2:7', /a value/],
  ['{\n "a": 1', '2:8', /a comma or }/],
  ['{"a" 1}', '1:6', /a colon/],
  ['[1 2]', '1:4', /a comma or ]/],
  ['[01]', '1:3', /a comma or ]/],
  ['{}\n{}', '2:1', /nothing more/],
  ['{"a": 1,\n "b": 2, "\\u0061": 3}', '2:10', /the key "\\u0061" comes twice/],
  ['["\t"]', '1:2', /a value/],
  [`${'['.repeat(17)}${']'.repeat(17)}`, '1:17', /more than 16/],
];

for (const [text, place, message] of mistakes) {
  t.test(`the place of the mistake in ${JSON.stringify(text)}`, async (t) => {
    t.throws(() => readJson(text), { message, line: Number(place.split(':')[0]), column: Number(place.split(':')[1]) });
  });
}

t.test('keys that objects have from their prototype are ordinary', async (t) => {
  t.same(Object.keys(readJson('{"__proto__": 1, "constructor": 2}') as object), ['__proto__', 'constructor']);
});

function accepts(read: (text: string) => unknown, text: string): boolean {
  try {
    read(text);
    return true;
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof SyntaxError) return false;
    throw error;
  }
}
