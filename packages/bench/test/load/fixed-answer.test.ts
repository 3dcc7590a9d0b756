import t from 'tap';
import { expectationOf, FixedAnswerReader, HeadCache } from '../../src/load/fixed-answer.js';
import { fixedBody } from '../../src/server/answers.js';

const body = fixedBody(20).toString();
const answer = `HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 20\r\n\r\n${body}`;
const closing = answer.replace('server: x', 'connection: close');

function reader(): FixedAnswerReader {
  return new FixedAnswerReader(expectationOf(20), new HeadCache());
}

function feed(target: FixedAnswerReader, ...pieces: string[]): string[] {
  // The reader gets a buffer that is longer than what came, as it is in the generator.
  return pieces.map((piece) => target.read(Buffer.from(`${piece}trailing`, 'latin1'), piece.length));
}

t.test('an answer is complete in one piece and in two, wherever it is split', async (t) => {
  for (const text of [answer, closing]) {
    const whole = text === closing ? 'complete-closing' : 'complete';
    t.strictSame(feed(reader(), text), [whole]);
    for (let at = 1; at < text.length; at++) {
      t.strictSame(feed(reader(), text.slice(0, at), text.slice(at)), ['more', whole], `split at ${at}`);
    }
  }
});

t.test('a head that was read once is known again, and another one is read anew', async (t) => {
  const target = reader();
  const other = answer.replace('server: x', 'server: other');
  t.strictSame(feed(target, answer, answer, other, answer, closing), [
    'complete',
    'complete',
    'complete',
    'complete',
    'complete-closing',
  ]);
});

const wrong: [name: string, text: string, verdict: string][] = [
  ['another status', answer.replace('200 OK', '503 No'), 'status'],
  ['another length', answer.replace('20\r\n\r\n', '19\r\n\r\n'), 'length'],
  ['no length', answer.replace('Content-Length: 20\r\n', ''), 'bad-response'],
  ['no HTTP', 'hello\r\n\r\n', 'bad-response'],
  ['more bytes than its length', `${answer}x`, 'bad-response'],
  ['another content', answer.replace('tulle', 'Tulle'), 'hash'],
];
for (const [name, text, verdict] of wrong) {
  t.test(`${name} is ${verdict}`, async (t) => {
    t.strictSame(feed(reader(), text), [verdict]);
  });
}

t.test('the content of one answer in 64 is looked at', async (t) => {
  const target = reader();
  const bad = answer.replace('tulle', 'Tulle');
  const verdicts = [...feed(target, answer), ...Array.from({ length: 64 }, () => feed(target, bad)[0])];
  t.equal(verdicts.indexOf('hash'), 64);
});

t.test('a head without an end is given up', async (t) => {
  const target = reader();
  const verdicts = Array.from({ length: 20 }, () => feed(target, 'x'.repeat(1000))[0]);
  t.equal(verdicts.indexOf('bad-response'), 16);
});
