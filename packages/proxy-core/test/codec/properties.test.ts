import fc from 'fast-check';
import t from 'tap';
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import {
  encodeChunkEnd,
  encodeChunkHead,
  encodeLastChunk,
  encodeRequest,
  headBound,
  requestFraming,
} from '../../src/codec/http1/encoder.js';
import { defaultLimits } from '../../src/limits.js';
import { noEdits } from '../../src/message/edits.js';
import { Head } from '../../src/message/head.js';
import { plainRequests, requestText, roughRequests, roughResponses } from './messages.js';
import { methodNumber, readWithNode } from './second-reader.js';
import { transcribe } from './transcript.js';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

t.test('invariant: a message tells the same events however its bytes are cut', (t) => {
  for (const [kind, messages] of [
    ['request', roughRequests],
    ['response', roughResponses],
  ] as const) {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(600), { maxLength: 6 }), (text, cuts) => {
        const bytes = bytesOf(text);
        const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
          (a, b) => a - b,
        );
        const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        const whole = JSON.stringify(transcribe({ kind }, [bytes]));
        const cut = JSON.stringify(transcribe({ kind }, pieces));
        if (whole !== cut) throw new Error(`${JSON.stringify(text)}\nwhole ${whole}\ncut   ${cut}`);
      }),
      { numRuns: 4_000 },
    );
  }
  t.end();
});

interface Message {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly status: number;
  readonly minorVersion: number;
  readonly fields: string[];
  body: string;
  isWhole: boolean;
}

/** What this decoder makes of bytes: undefined when it refuses them, the messages, and where each head's forwarded form is, what is sent on. */
function read(kind: 'request' | 'response', bytes: Uint8Array): { messages: Message[]; forwarded: string } | undefined {
  const messages: Message[] = [];
  let refused = false;
  let forwarded = '';
  let chunked = false;
  const out = new Uint8Array(4_096);
  const send = (end: number): void => {
    forwarded += String.fromCharCode(...out.subarray(0, end));
  };
  const decoder = new Http1Decoder(defaultLimits, {
    messageHead: (head) => {
      const fields: string[] = [];
      for (let i = 0; i < head.fieldCount; i++) fields.push(`${head.name(i)}: ${head.value(i)}`);
      messages.push({
        method: head.method,
        target: head.pathText() + head.queryText(),
        authority: head.authorityText(),
        status: head.status,
        minorVersion: head.minorVersion,
        fields,
        body: '',
        isWhole: kind === 'response' && head.status < 200,
      });
      if (kind === 'response') return;
      if (headBound(head, noEdits, bytesOf('fallback')) > out.length) throw new Error('over the bound');
      const end = encodeRequest(head, noEdits, false, bytesOf('fallback'), out, 0);
      if (end > headBound(head, noEdits, bytesOf('fallback'))) throw new Error('more than the bound');
      send(end);
      chunked = requestFraming(head, false) === 'chunked';
    },
    messageBody: (source, start, end) => {
      const text = String.fromCharCode(...source.subarray(start, end));
      const last = messages.at(-1);
      if (last !== undefined) last.body += text;
      if (chunked) send(encodeChunkHead(end - start, out, 0));
      forwarded += text;
      if (chunked) send(encodeChunkEnd(out, 0));
    },
    messageEnd: (trailers) => {
      const last = messages.at(-1);
      if (last !== undefined) last.isWhole = true;
      if (chunked) send(encodeLastChunk(trailers, out, 0));
    },
    messageMalformed: () => {
      refused = true;
    },
  });
  const head = new Head(defaultLimits.maxHeaderFields);
  let at = 0;
  while (at < bytes.length && !refused) {
    if (decoder.isWhole) {
      if (kind === 'request') decoder.expectRequest(head);
      else decoder.expectResponse(head, 'GET', false);
    }
    const next = decoder.decode(bytes, at, bytes.length);
    if (next === at) break;
    at = next;
  }
  return refused ? undefined : { messages, forwarded };
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
    { numRuns: 2_000 },
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
      { numRuns: 6_000 },
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
      fc.property(roughRequests, (text) => {
        const ours = read('request', bytesOf(text));
        // Methods that the other reader does not know, such as one with a changed letter, say nothing.
        if (ours?.messages.every((message) => message.isWhole && methodNumber(message.method) >= 0) !== true) return;
        const theirs = readWithNode('request', bytesOf(ours.forwarded));
        if (theirs === undefined)
          throw new Error(`${JSON.stringify(text)}\nrefused: ${JSON.stringify(ours.forwarded)}`);
        forwardedCount++;
        const line = JSON.stringify(theirs);
        if (theirs.length !== ours.messages.length) throw new Error(`${JSON.stringify(text)}\n${line}`);
        theirs.forEach((message, i) => {
          const { method, target, body } = ours.messages[i];
          if (
            message.method !== methodNumber(method) ||
            message.url !== target ||
            message.body !== body ||
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
      { numRuns: 6_000 },
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
    // An absolute target is shown whole; its authority may have had a letter changed.
    const target = other.url?.replace(/^http:\/\/[^/?]*/, '');
    if (kind === 'request' && (other.method !== methodNumber(message.method) || target !== message.target))
      throw new Error(say);
    if (kind === 'response' && other.status !== message.status) throw new Error(say);
    if (other.minorVersion !== message.minorVersion || other.body !== message.body) throw new Error(say);
    if (JSON.stringify(other.fields) !== JSON.stringify(message.fields)) throw new Error(say);
    if (other.isWhole !== message.isWhole) throw new Error(say);
  });
}
