/** What the decoder makes of a whole input: the messages, and the bytes that would be sent on. */
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import {
  encodeChunkEnd,
  encodeChunkHead,
  encodeLastChunk,
  encodeRequest,
  encodeResponse,
  headBound,
  requestFraming,
  type WireFraming,
} from '../../src/codec/http1/encoder.js';
import { defaultLimits } from '../../src/limits.js';
import { noEdits } from '../../src/message/edits.js';
import { Head } from '../../src/message/head.js';

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

export interface Message {
  readonly method: string;
  readonly target: string;
  /** As it was sent. */
  readonly rawTarget: string;
  readonly authority: string;
  readonly status: number;
  readonly minorVersion: number;
  readonly upgrade: boolean;
  /** `name: value` */
  readonly fields: string[];
  readonly trailers: string[];
  body: string;
  isWhole: boolean;
}

export interface Reading {
  readonly messages: Message[];
  /** Each message as it would be forwarded; answers to a GET over HTTP/1.1. */
  readonly forwarded: string;
  /** Why the input is refused, '' when it is not. */
  readonly refusal: string;
}

const fallback = bytesOf('fallback');

export function readAll(kind: 'request' | 'response', bytes: Uint8Array): Reading {
  const messages: Message[] = [];
  let refusal = '';
  let forwarded = '';
  let chunked = false;
  const out = new Uint8Array(16_384);
  const send = (end: number): void => {
    forwarded += Buffer.from(out.buffer, 0, end).toString('latin1');
  };
  const decoder = new Http1Decoder(defaultLimits, {
    messageHead: (head) => {
      messages.push(messageOf(kind, head));
      const bound = headBound(head, noEdits, fallback);
      if (bound > out.length) throw new Error('over the bound');
      const framing = kind === 'request' ? requestFraming(head, false) : answerFraming(head);
      const end =
        kind === 'request'
          ? encodeRequest(head, noEdits, false, fallback, out, 0)
          : encodeResponse(head, noEdits, framing, 'default', out, 0);
      if (end > bound) throw new Error('more than the bound');
      send(end);
      chunked = framing === 'chunked';
    },
    messageBody: (source, start, end) => {
      const text = Buffer.from(source.subarray(start, end)).toString('latin1');
      const last = messages.at(-1);
      if (last !== undefined) last.body += text;
      if (chunked) send(encodeChunkHead(end - start, out, 0));
      forwarded += text;
      if (chunked) send(encodeChunkEnd(out, 0));
    },
    messageEnd: (trailers) => {
      const last = messages.at(-1);
      if (last !== undefined) last.isWhole = true;
      if (trailers !== undefined) last?.trailers.push(...fieldsOf(trailers));
      if (chunked) send(encodeLastChunk(trailers, out, 0));
    },
    messageMalformed: ({ detail }) => {
      refusal = detail;
    },
  });
  const head = new Head(defaultLimits.maxHeaderFields);
  let at = 0;
  while (at < bytes.length && refusal === '') {
    if (decoder.isWhole) {
      if (kind === 'request') decoder.expectRequest(head);
      else decoder.expectResponse(head, 'GET', false);
    }
    const next = decoder.decode(bytes, at, bytes.length);
    if (next === at) break;
    at = next;
  }
  return { messages, forwarded, refusal };
}

function answerFraming({ status, framing }: Head): WireFraming {
  if (status < 200 || status === 204 || status === 304) return 'none';
  return framing === 'length' ? 'length' : 'chunked';
}

function messageOf(kind: 'request' | 'response', head: Head): Message {
  const line = Buffer.from(head.bytes.subarray(head.start, head.end)).toString('latin1');
  return {
    method: head.method,
    target: head.pathText() + head.queryText(),
    rawTarget: kind === 'request' ? line.split(' ')[1] : '',
    authority: head.authorityText(),
    status: head.status,
    minorVersion: head.minorVersion,
    upgrade: head.upgrade,
    fields: fieldsOf(head),
    trailers: [],
    body: '',
    isWhole: kind === 'response' && head.status < 200,
  };
}

function fieldsOf(head: Head): string[] {
  return Array.from({ length: head.fieldCount }, (_, i) => `${head.name(i)}: ${head.value(i)}`);
}
