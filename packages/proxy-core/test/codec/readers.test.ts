/** Fuzz targets over the case documents, cut up: this decoder beside readers that share nothing with it. See fuzz.ts for how to run them longer. */
import fc from 'fast-check';
import t from 'tap';
import { budget, fuzzMs, mutatedCases, takesItsTime } from './fuzz.js';
import { readByGrammar } from './grammar-reader.js';
import { noH11, readWithH11 } from './h11-reader.js';
import { bytesOf, type Message, readAll } from './reading.js';
import { methodNumber, readWithNode } from './second-reader.js';
import { sameHoweverCut } from './transcript.js';

takesItsTime(t);

const kinds = ['request', 'response'] as const;

t.test('invariant: the same events however the bytes are cut', (t) => {
  for (const kind of kinds) {
    let inputs = 0;
    fc.assert(
      fc.property(mutatedCases(kind), fc.array(fc.nat(2_000), { maxLength: 6 }), (text, cuts) => {
        inputs++;
        sameHoweverCut({ kind }, bytesOf(text), cuts);
      }),
      budget(3_000),
    );
    t.comment(`${kind}: ${inputs} inputs`);
  }
  t.end();
});

/** What is refused although the grammar allows it, by rules of this proxy; each has its line in docs/http.md. */
const stricter = [
  'field names that differ only in _ and -',
  'a method that differs from a known one only in case',
  'the method is too long',
  'more than one Host',
  'no Host',
  /^the host is /,
  /^a port /,
  'CONNECT without a port',
  'the target and Host name different authorities',
  'the target is neither a path nor an http URI',
  'the target * with a method other than OPTIONS',
  'a byte in the request target that may not be there',
  / of the path(?: \(|$)/,
  'Connection is not a list of names',
  'Expect other than one 100-continue',
  'Transfer-Encoding with HTTP/1.0',
  'Content-Length is not a plain number up to 2^53 - 1',
  /^a CONNECT with a body|^a TRACE with a body/,
  'a chunk size above 2^53 - 1',
  'a chunk size with too many digits',
  /bytes of chunk extension$/,
  'a trailer field that frames or routes a message',
  'the status is not 100 to 599',
  /that announces a body$/,
  /^a 101 /,
] as const;

function isStricter(refusal: string): boolean {
  return stricter.some((each) => (typeof each === 'string' ? each === refusal : each.test(refusal)));
}

t.test(
  'invariant: what is accepted, the grammar of the RFCs reads the same way; what it allows is refused by a named rule only',
  (t) => {
    for (const kind of kinds) {
      let inputs = 0;
      let accepted = 0;
      fc.assert(
        fc.property(mutatedCases(kind), (text) => {
          inputs++;
          const ours = readAll(kind, bytesOf(text));
          const theirs = readByGrammar(kind, text);
          if (ours.refusal === '') {
            accepted++;
            if (theirs.end === 'invalid') fail(text, ours, theirs);
            compare(text, ours.messages, theirs.messages);
          } else {
            if (theirs.end === 'whole' && !isStricter(ours.refusal)) fail(text, ours, theirs);
            const whole = ours.messages.filter(({ isWhole }) => isWhole);
            compare(text, whole, theirs.messages.slice(0, whole.length));
          }
        }),
        budget(6_000),
      );
      t.ok(accepted > inputs / 20, `${kind}: ${inputs} inputs, ${accepted} accepted`);
    }
    t.end();
  },
);

t.test("invariant: what is accepted, node's parser reads the same way, or refuses", (t) => {
  for (const kind of kinds) {
    let inputs = 0;
    let agreed = 0;
    fc.assert(
      fc.property(mutatedCases(kind), (text) => {
        inputs++;
        const ours = readAll(kind, bytesOf(text));
        if (ours.refusal !== '' || isBeyondNode(ours.messages, text)) return;
        const theirs = readWithNode(kind, bytesOf(text));
        if (theirs === undefined) return;
        agreed++;
        if (theirs.length !== ours.messages.length) fail(text, ours, theirs);
        ours.messages.forEach((message, i) => {
          const other = theirs[i];
          const isSame =
            (kind === 'response' ||
              (other.method === methodNumber(message.method) && other.url === message.rawTarget)) &&
            (kind === 'request' || other.status === message.status) &&
            other.minorVersion === message.minorVersion &&
            JSON.stringify(other.fields) === JSON.stringify(message.fields) &&
            other.body === message.body &&
            other.isWhole === message.isWhole;
          if (!isSame) fail(text, ours, theirs);
        });
      }),
      budget(6_000),
    );
    t.ok(agreed > inputs / 40, `${kind}: ${inputs} inputs, both accepted ${agreed}`);
  }
  t.end();
});

/**
 * What node's parser is known to read otherwise: it stops at an Upgrade and behind CONNECT, which are not its business any more, and takes a tab behind a value for a
 * part of it (RFC 9110 section 5.5: white space).
 */
function isBeyondNode(messages: readonly Message[], text: string): boolean {
  return (
    /\t[\t ]*\r\n/.test(text) ||
    messages.some(({ upgrade, fields }) => upgrade || fields.some((field) => /^upgrade:/i.test(field)))
  );
}

t.test('invariant: what is accepted, h11 reads the same way, or refuses', { skip: noH11() }, (t) => {
  const until = Date.now() + fuzzMs;
  const totals = { inputs: 0, agreed: 0 };
  do {
    for (const kind of kinds) {
      const texts = fc.sample(mutatedCases(kind), 2_000);
      const accepted = texts
        .map((text) => ({ text, ours: readAll(kind, bytesOf(text)) }))
        .filter(({ ours }) => ours.refusal === '');
      const readings = readWithH11(accepted.map(({ text }) => [kind, bytesOf(text)]));
      totals.inputs += texts.length;
      readings.forEach(({ messages, end }, i) => {
        if (messages === undefined) return;
        totals.agreed++;
        const { text, ours } = accepted[i];
        const mine = end === 'paused' ? ours.messages.slice(0, messages.length) : ours.messages;
        if (mine.length !== messages.length) fail(text, ours, messages);
        mine.forEach((message, k) => {
          const other = messages[k];
          const isSame =
            (kind === 'response' || (other.method === message.method && other.rawTarget === message.rawTarget)) &&
            other.status === message.status &&
            other.minorVersion === message.minorVersion &&
            JSON.stringify(withoutFraming(other.fields)) === JSON.stringify(withoutFraming(message.fields)) &&
            JSON.stringify(other.trailers) === JSON.stringify(lowerNames(message.trailers)) &&
            other.body === message.body &&
            other.isWhole === message.isWhole;
          if (!isSame) fail(text, ours, messages);
        });
      });
    }
  } while (Date.now() < until);
  t.ok(totals.agreed > totals.inputs / 40, `${totals.inputs} inputs, both accepted ${totals.agreed}`);
  t.end();
});

function lowerNames(fields: readonly string[]): string[] {
  return fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase() + field.slice(field.indexOf(':')));
}

/** h11 joins equal lengths into one field, and folds the case of codings; the body shows what they mean. */
function withoutFraming(fields: readonly string[]): string[] {
  return lowerNames(fields).filter((field) => !/^(content-length|transfer-encoding):/.test(field));
}

function compare(text: string, ours: readonly Message[], theirs: readonly Message[]): void {
  if (ours.length !== theirs.length) fail(text, ours, theirs);
  ours.forEach((message, i) => {
    if (facts(message) !== facts(theirs[i])) fail(text, ours, theirs);
  });
}

function facts({ method, rawTarget, status, minorVersion, fields, trailers, body, isWhole }: Message): string {
  return JSON.stringify([method, rawTarget, status, minorVersion, fields, trailers, body, isWhole]);
}

function fail(text: string, ours: unknown, theirs: unknown): never {
  throw new Error(`${JSON.stringify(text)}\nours   ${JSON.stringify(ours)}\ntheirs ${JSON.stringify(theirs)}`);
}
