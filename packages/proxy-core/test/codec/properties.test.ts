/** Fuzz targets over made messages, valid ones and nearly valid ones. See fuzz.ts for how to run them longer. */
import fc from 'fast-check';
import t from 'tap';
import { budget, mutatedCases, takesItsTime } from './fuzz.js';
import { readByGrammar } from './grammar-reader.js';
import { plainRequests, requestText, roughRequests, roughResponses } from './messages.js';
import { bytesOf, type Message, readAll } from './reading.js';
import { methodNumber, readWithNode } from './second-reader.js';
import { sameHoweverCut } from './transcript.js';

takesItsTime(t);

t.test('invariant: a message tells the same events however its bytes are cut', (t) => {
  for (const [kind, messages] of [
    ['request', roughRequests],
    ['response', roughResponses],
  ] as const) {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(600), { maxLength: 6 }), (text, cuts) => {
        sameHoweverCut({ kind }, bytesOf(text), cuts);
      }),
      budget(4_000),
    );
  }
  t.end();
});

/** undefined where the input is refused. */
function read(kind: 'request' | 'response', bytes: Uint8Array): { messages: Message[]; forwarded: string } | undefined {
  const reading = readAll(kind, bytes);
  return reading.refusal === '' ? reading : undefined;
}

t.test('invariant: decoding what was encoded gives the same request', (t) => {
  fc.assert(
    fc.property(plainRequests, (request) => {
      const first = read('request', bytesOf(requestText(request)));
      const again = read('request', bytesOf(first?.forwarded ?? ''));
      const [a] = first?.messages ?? [];
      const [b] = again?.messages ?? [];
      const facts = (message: Message | undefined): string =>
        JSON.stringify({ ...message, fields: message?.fields.filter((line) => line.startsWith('x')) });
      if (a === undefined || facts(a) !== facts(b))
        throw new Error(`${JSON.stringify(request)}\n${facts(a)}\n${facts(b)}`);
      if (a.method !== request.method || a.target !== request.target || a.authority !== request.host)
        throw new Error(facts(a));
      if (a.body !== (request.chunks?.join('') ?? request.length ?? '') || !a.isWhole) throw new Error(facts(a));
      if (first?.forwarded !== again?.forwarded) throw new Error('encoding is not stable');
    }),
    budget(2_000),
  );
  t.end();
});

t.test('invariant: what is accepted, a second strict reader reads the same way, or refuses', (t) => {
  for (const [kind, messages] of [
    ['request', roughRequests],
    ['response', roughResponses],
  ] as const) {
    let agreed = 0;
    fc.assert(
      fc.property(messages, (text) => {
        const ours = read(kind, bytesOf(text));
        if (ours === undefined) return;
        // RFC 9110 section 5.5 takes a tab behind a value for white space; node's parser does not see `chunked` then and reads until the end. It is sent on without the tab.
        if (kind === 'response' && /transfer-encoding:[^\n]*\t\r\n/i.test(text)) return;
        const theirs = readWithNode(kind, bytesOf(text));
        if (theirs === undefined) return;
        agreed++;
        compare(text, ours.messages, theirs, kind);
      }),
      budget(6_000),
    );
    t.ok(agreed > 300, `${kind}: both accepted ${agreed}`);
  }
  t.end();
});

t.test(
  'invariant: what is forwarded, a second strict reader accepts, with one framing, one Host and the body that arrived',
  (t) => {
    let forwardedCount = 0;
    fc.assert(
      fc.property(fc.oneof(roughRequests, mutatedCases('request')), (text) => {
        const ours = read('request', bytesOf(text));
        // An upgrade and a CONNECT go on as something else, which no reader of HTTP follows.
        if (ours?.messages.some(({ upgrade }) => upgrade) === true) return;
        // Methods that the other reader does not know, such as one with a changed letter, say nothing.
        if (ours?.messages.every((message) => message.isWhole && methodNumber(message.method) >= 0) !== true) return;
        const theirs = readWithNode('request', bytesOf(ours.forwarded));
        if (theirs === undefined)
          throw new Error(`${JSON.stringify(text)}\nrefused: ${JSON.stringify(ours.forwarded)}`);
        forwardedCount++;
        const line = JSON.stringify(theirs);
        const byGrammar = readByGrammar('request', ours.forwarded);
        if (byGrammar.end !== 'whole' || byGrammar.messages.length !== theirs.length)
          throw new Error(`${JSON.stringify(text)}\n${line}`);
        if (theirs.length !== ours.messages.length) throw new Error(`${JSON.stringify(text)}\n${line}`);
        theirs.forEach((message, i) => {
          const { method, target, body } = ours.messages[i];
          if (
            message.method !== methodNumber(method) ||
            message.url !== target ||
            message.body !== body ||
            byGrammar.messages[i].body !== body ||
            byGrammar.messages[i].rawTarget !== target ||
            !message.isWhole
          ) {
            throw new Error(`${JSON.stringify(text)}\n${line}`);
          }
          const names = message.fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase());
          if (names.filter((name) => name === 'host').length !== 1) throw new Error(line);
          if (names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length > 1)
            throw new Error(line);
          if (names.some((name) => name === 'connection' || name === 'te' || name === 'keep-alive'))
            throw new Error(line);
        });
      }),
      budget(6_000),
    );
    t.ok(forwardedCount > 300, `forwarded ${forwardedCount}`);
    t.end();
  },
);

t.test(
  'invariant: an answer that is sent on, two strict readers accept, as one answer with the status and body that arrived',
  (t) => {
    let forwardedCount = 0;
    fc.assert(
      fc.property(fc.oneof(roughResponses, mutatedCases('response')), (text) => {
        const ours = read('response', bytesOf(text));
        if (ours?.messages.every((message) => message.isWhole) !== true) return;
        const theirs = readWithNode('response', bytesOf(ours.forwarded));
        const byGrammar = readByGrammar('response', ours.forwarded);
        const say = `${JSON.stringify(text)}\n${JSON.stringify(ours.forwarded)}\n${JSON.stringify(theirs)}`;
        if (theirs === undefined || byGrammar.end !== 'whole') throw new Error(say);
        forwardedCount++;
        for (const readings of [theirs, byGrammar.messages]) {
          if (readings.length !== ours.messages.length) throw new Error(say);
          readings.forEach((message, i) => {
            const { status, body } = ours.messages[i];
            if (message.status !== status || message.body !== body || !message.isWhole) throw new Error(say);
            const names = message.fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase());
            if (names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length > 1)
              throw new Error(say);
            if (names.some((name) => name === 'connection' || name === 'keep-alive' || name === 'upgrade'))
              throw new Error(say);
          });
        }
      }),
      budget(6_000),
    );
    t.ok(forwardedCount > 300, `forwarded ${forwardedCount}`);
    t.end();
  },
);

function compare(
  text: string,
  ours: readonly Message[],
  theirs: NonNullable<ReturnType<typeof readWithNode>>,
  kind: 'request' | 'response',
): void {
  const say = `${JSON.stringify(text)}\nours   ${JSON.stringify(ours)}\ntheirs ${JSON.stringify(theirs)}`;
  if (ours.length !== theirs.length) throw new Error(say);
  ours.forEach((message, i) => {
    const other = theirs[i];
    if (kind === 'request' && (other.method !== methodNumber(message.method) || other.url !== message.rawTarget))
      throw new Error(say);
    if (kind === 'response' && other.status !== message.status) throw new Error(say);
    if (other.minorVersion !== message.minorVersion || other.body !== message.body) throw new Error(say);
    if (JSON.stringify(other.fields) !== JSON.stringify(message.fields)) throw new Error(say);
    if (other.isWhole !== message.isWhole) throw new Error(say);
  });
}
