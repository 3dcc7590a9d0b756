/** Runs a decoder over bytes in pieces, as a connection would, and writes down what it told, body bytes joined. */
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import type { Failure } from '../../src/failure.js';
import { defaultLimits, type Limits } from '../../src/limits.js';
import { Head } from '../../src/message/head.js';
import { defaultPathOptions, type PathOptions } from '../../src/message/path-options.js';

export interface Reading {
  readonly kind: 'request' | 'response';
  readonly method?: string;
  readonly upgradeAsked?: boolean;
  readonly peerEnds?: boolean;
  readonly limits?: Limits;
  readonly pathOptions?: PathOptions;
}

export function transcribe(reading: Reading, pieces: readonly Uint8Array[]): string[] {
  const limits = reading.limits ?? defaultLimits;
  const lines: string[] = [];
  let body = '';
  const say = (line: string): void => {
    if (body !== '') lines.push(`body ${JSON.stringify(body)}`);
    body = '';
    lines.push(line);
  };
  const decoder = new Http1Decoder(limits, {
    messageHead: (head) => {
      say(describeHead(head));
      for (let i = 0; i < head.fieldCount; i++) lines.push(`  ${head.name(i)}: ${visible(head.value(i))}`);
    },
    messageBody: (bytes, start, end) => {
      body += String.fromCharCode(...bytes.subarray(start, end));
    },
    messageEnd: (trailers) => {
      say('end');
      for (let i = 0; i < (trailers?.fieldCount ?? 0); i++) lines.push(`  ${trailers?.name(i)}: ${trailers?.value(i)}`);
    },
    messageMalformed: (failure: Failure) => say(`malformed ${failure.reason}: ${failure.detail}`),
  });
  const head = new Head(limits.maxHeaderFields);
  const expect = (): void => {
    if (reading.kind === 'request') decoder.expectRequest(head, reading.pathOptions ?? defaultPathOptions);
    else decoder.expectResponse(head, reading.method ?? 'GET', reading.upgradeAsked ?? false);
  };
  expect();
  // Each piece arrives at another offset of another buffer, as carried bytes do.
  let kept = new Uint8Array(0);
  let shift = 0;
  for (const piece of pieces) {
    shift = (shift + 3) % 7;
    const buffer = new Uint8Array(shift + kept.length + piece.length + 2);
    buffer.set(kept, shift);
    buffer.set(piece, shift + kept.length);
    const end = buffer.length - 2;
    let at = shift;
    while (at < end) {
      if (decoder.isWhole) expect();
      const next = decoder.decode(buffer, at, end);
      if (next === at) break;
      at = next;
    }
    kept = buffer.slice(at, end);
  }
  if (reading.peerEnds === true) {
    const whole = decoder.end();
    if (!whole) say('cut short');
  }
  if (body !== '') lines.push(`body ${JSON.stringify(body)}`);
  return lines;
}

/** Bytes that a reader of the case would not see. */
function visible(text: string): string {
  return text.replace(/[\x80-\xa0]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}

function describeHead(head: Head): string {
  const facts: string[] = [];
  if (head.status === 0)
    facts.push(head.method, `${head.pathText()}${head.queryText()}`, `for ${head.authorityText()}`);
  else facts.push(String(head.status), String.fromCharCode(...head.bytes.subarray(head.reasonStart, head.reasonEnd)));
  facts.push(head.framing === 'length' ? `length ${head.contentLength}` : head.framing);
  if (head.minorVersion === 0) facts.push('1.0');
  if (!head.keepAlive) facts.push('close');
  if (head.upgrade) facts.push('upgrade');
  if (head.expectContinue) facts.push('continue');
  if (head.namesHopFields) facts.push('names-hop-fields');
  return `head ${facts.filter((fact) => fact !== '').join(', ')}`;
}

/** Every way to cut `bytes` in two, then all single bytes. */
export function* splits(bytes: Uint8Array): Generator<readonly Uint8Array[]> {
  for (let i = 1; i < bytes.length; i++) yield [bytes.subarray(0, i), bytes.subarray(i)];
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** Throws unless `bytes` told whole and cut at `cuts` (taken modulo their length) are the same events. */
export function sameHoweverCut(reading: Reading, bytes: Uint8Array, cuts: readonly number[]): void {
  const inside = cuts.map((cut) => cut % (bytes.length + 1));
  const at = [...new Set([0, ...inside, bytes.length])].sort((a, b) => a - b);
  const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
  const whole = JSON.stringify(transcribe(reading, [bytes]));
  const cut = JSON.stringify(transcribe(reading, pieces));
  if (whole !== cut)
    throw new Error(`${JSON.stringify(Buffer.from(bytes).toString('latin1'))}\nwhole ${whole}\ncut   ${cut}`);
}
