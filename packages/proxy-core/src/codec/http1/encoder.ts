/**
 * Writes heads, chunk framing and trailers (RFC 9112). What belongs to the hop is dropped and framing is written anew, so the next reader sees one framing,
 * one Host and no option that this proxy did not choose. Pure: into `out` from `at` on, returning the offset behind; the caller made room with the `...Bound` functions.
 */
import { writeDecimal, writeDigits } from '../../message/decimal.js';
import type { HeadEdits } from '../../message/edits.js';
import { fieldIds } from '../../message/fields.js';
import { copyAll, copyBytes, fromLatin1, type Head } from '../../message/head.js';
import { looksLike } from './field-names.js';
import { listHasName } from './options-list.js';
import { belongsInHead } from './trailer-fields.js';

/** How the body that follows is delimited on the wire. `none`: it has none, or the status or method say so; `close`: by the end of the connection. */
export type WireFraming = 'none' | 'length' | 'chunked' | 'close';
/** What the head says about the connection. `default`: nothing, the version's own rule holds. */
export type Persistence = 'default' | 'close' | 'keep-alive' | 'upgrade';

const requestVersion = fromLatin1(' HTTP/1.1\r\nhost: ');
const statusVersion = fromLatin1('HTTP/1.1 ');
const crlf = fromLatin1('\r\n');
const lengthName = fromLatin1('content-length: ');
const chunkedLine = fromLatin1('transfer-encoding: chunked\r\n');
const closeLine = fromLatin1('connection: close\r\n');
const keepAliveLine = fromLatin1('connection: keep-alive\r\n');
const upgradeLine = fromLatin1('connection: upgrade\r\n');
const lastChunk = fromLatin1('0\r\n');

/** Room for everything in a head that is written anew: version, status, framing, connection. */
const anewBytes = 160;
const SP = 32;

/** 1 for the ids of fields that never pass as they came. */
const hopFields = new Uint8Array(256);
for (const name of [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
] as const) {
  hopFields[fieldIds[name]] = 1;
}

/** Bytes that `encodeRequest` or `encodeResponse` write at most. */
export function headBound(head: Head, edits: HeadEdits, fallbackAuthority: Uint8Array): number {
  let bound = head.end - head.start + head.method.length + fallbackAuthority.length + anewBytes;
  bound += (edits.path ?? head.path).length + (edits.authority?.length ?? 0) + head.authorityEnd - head.authorityStart;
  for (const line of edits.append) bound += line.length;
  return bound;
}

/**
 * A request head: request line, Host, the client's fields, the edits' own, framing. A CONNECT asks for the authority.
 * `fallbackAuthority`: where an HTTP/1.0 client named none. `endStream`: no body follows.
 */
export function encodeRequest(
  head: Head,
  edits: HeadEdits,
  endStream: boolean,
  fallbackAuthority: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  const { bytes, method } = head;
  let i = at;
  for (let k = 0; k < method.length; k++) out[i++] = method.charCodeAt(k);
  out[i++] = SP;
  if (method === 'CONNECT') {
    i = encodeAuthority(head, edits, fallbackAuthority, out, i);
  } else {
    const { path } = edits;
    i = path === undefined ? copyBytes(head.path, head.pathStart, head.pathEnd, out, i) : copyAll(path, out, i);
    i = copyBytes(bytes, head.queryStart, head.queryEnd, out, i);
  }
  i = copyAll(requestVersion, out, i);
  i = encodeAuthority(head, edits, fallbackAuthority, out, i);
  i = copyBytes(crlf, 0, 2, out, i);
  const framing = requestFraming(head, endStream);
  i = encodeFields(head, edits, framing === 'chunked', out, i);
  i = encodeFraming(framing, head.contentLength, out, i);
  if (head.upgrade && method !== 'CONNECT') i = encodeUpgrade(head, out, i);
  return copyBytes(crlf, 0, 2, out, i);
}

/** How the body of a request goes over the wire. A chunked one that turned out empty has the length 0. */
export function requestFraming(head: Head, endStream: boolean): WireFraming {
  if (head.framing === 'length') return 'length';
  if (head.framing === 'none') return 'none';
  return endStream ? 'none' : 'chunked';
}

/** A response head. `contentLength` is written with framing `length`; a HEAD or 304 answer, framing `none`, keeps the length it speaks of. */
export function encodeResponse(
  head: Head,
  edits: HeadEdits,
  framing: WireFraming,
  persistence: Persistence,
  out: Uint8Array,
  at: number,
): number {
  let i = encodeStatus(head.status, out, at);
  i = copyBytes(head.bytes, head.reasonStart, head.reasonEnd, out, i);
  i = copyBytes(crlf, 0, 2, out, i);
  i = encodeFields(head, edits, framing === 'chunked', out, i);
  const speaksOfLength = framing === 'none' && head.status >= 200 && head.status !== 204 && !head.upgrade;
  if (speaksOfLength && head.find(fieldIds['content-length']) >= 0)
    i = encodeFraming('length', head.contentLength, out, i);
  else i = encodeFraming(framing, head.contentLength, out, i);
  if (persistence === 'upgrade') i = encodeUpgrade(head, out, i);
  else i = encodePersistence(persistence, out, i);
  return copyBytes(crlf, 0, 2, out, i);
}

/** Bytes that `encodeLocal` writes at most. */
export function localBound(fields: readonly Uint8Array[]): number {
  let bound = anewBytes;
  for (const line of fields) bound += line.length;
  return bound;
}

/** The head of an answer of the proxy's own; `bodyLength` -1: the status has no body. */
export function encodeLocal(
  status: number,
  fields: readonly Uint8Array[],
  bodyLength: number,
  persistence: Persistence,
  out: Uint8Array,
  at: number,
): number {
  let i = encodeStatus(status, out, at);
  const phrase = reasonPhrases.get(status);
  if (phrase !== undefined) i = copyAll(phrase, out, i);
  i = copyBytes(crlf, 0, 2, out, i);
  for (const line of fields) i = copyAll(line, out, i);
  if (bodyLength >= 0) i = encodeFraming('length', bodyLength, out, i);
  i = encodePersistence(persistence, out, i);
  return copyBytes(crlf, 0, 2, out, i);
}

/** Bytes of a chunk's framing before its payload: at most 14 digits and CRLF. Behind the payload comes another CRLF. */
export const chunkHeadBytes = 16;

/** `1f4\r\n` for a payload of `length` bytes, `length` above 0. */
export function encodeChunkHead(length: number, out: Uint8Array, at: number): number {
  let digits = 1;
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 16)) digits++;
  let rest = length;
  for (let i = at + digits - 1; i >= at; i--) {
    const digit = rest % 16;
    out[i] = digit < 10 ? 48 + digit : 87 + digit;
    rest = (rest - digit) / 16;
  }
  return copyBytes(crlf, 0, 2, out, at + digits);
}

export function encodeChunkEnd(out: Uint8Array, at: number): number {
  return copyBytes(crlf, 0, 2, out, at);
}

/** Bytes that `encodeLastChunk` writes at most. */
export function lastChunkBound(trailers: Head | undefined): number {
  return 5 + (trailers === undefined ? 0 : trailers.end - trailers.start);
}

/** The last chunk and the trailer section, without fields that belong in a head or that the proxy acts on: behind a body nobody looked at them. */
export function encodeLastChunk(trailers: Head | undefined, out: Uint8Array, at: number): number {
  let i = copyAll(lastChunk, out, at);
  if (trailers !== undefined) {
    for (let field = 0; field < trailers.fieldCount; field++) {
      const start = trailers.offsets[4 * field];
      if (trailers.ids[field] === 0 && !belongsInHead(trailers.bytes, start, trailers.offsets[4 * field + 1]))
        i = copyBytes(trailers.bytes, start, lineEnd(trailers, field), out, i);
    }
  }
  return copyBytes(crlf, 0, 2, out, i);
}

/**
 * The fields that pass, in runs as they came, then the edits' own. Connection takes away what belongs to the hop, never a field that proxies put there for whoever comes
 * behind them: a client would hide where it came from, or under which id it is in the log (RFC 9110 section 7.6.1 forbids naming such fields).
 */
function encodeFields(head: Head, edits: HeadEdits, chunked: boolean, out: Uint8Array, at: number): number {
  const { bytes, offsets, ids, fieldCount } = head;
  const { remove, append } = edits;
  let i = at;
  let run = -1;
  for (let field = 0; field < fieldCount; field++) {
    const id = ids[field];
    const drop =
      (hopFields[id] === 1 && !(chunked && id === fieldIds.trailer)) ||
      (id === fieldIds.expect && head.minorVersion === 0) ||
      (remove.length > 0 && isRemoved(head, field, remove)) ||
      (head.namesHopFields && (id === 0 || id > fieldIds['x-tulle-attempts']) && isNamedByConnection(head, field));
    if (drop) {
      if (run >= 0) i = copyBytes(bytes, run, offsets[4 * field], out, i);
      run = -1;
    } else if (run < 0) {
      run = offsets[4 * field];
    }
  }
  if (run >= 0) i = copyBytes(bytes, run, lineEnd(head, fieldCount - 1), out, i);
  for (let k = 0; k < append.length; k++) i = copyAll(append[k], out, i);
  return i;
}

function lineEnd(head: Head, field: number): number {
  return field + 1 < head.fieldCount ? head.offsets[4 * (field + 1)] : head.end - 2;
}

/** `_` counts as `-`: a field that the proxy sets must not have a double that an application reads instead. */
function isRemoved(head: Head, field: number, remove: readonly Uint8Array[]): boolean {
  const { bytes, offsets } = head;
  const start = offsets[4 * field];
  const end = offsets[4 * field + 1];
  for (let k = 0; k < remove.length; k++) if (looksLike(bytes, start, end, remove[k])) return true;
  return false;
}

function isNamedByConnection(head: Head, field: number): boolean {
  const { bytes, offsets } = head;
  for (let c = head.find(fieldIds.connection); c >= 0; c = head.find(fieldIds.connection, c + 1)) {
    const start = offsets[4 * field];
    if (listHasName(bytes, offsets[4 * c + 2], offsets[4 * c + 3], bytes, start, offsets[4 * field + 1])) return true;
  }
  return false;
}

function encodeAuthority(head: Head, edits: HeadEdits, fallback: Uint8Array, out: Uint8Array, at: number): number {
  const { authority } = edits;
  if (authority !== undefined) return copyAll(authority, out, at);
  if (head.authorityEnd > head.authorityStart)
    return copyBytes(head.bytes, head.authorityStart, head.authorityEnd, out, at);
  return copyAll(fallback, out, at);
}

function encodeStatus(status: number, out: Uint8Array, at: number): number {
  const i = copyAll(statusVersion, out, at);
  out[writeDigits(status, 3, out, i)] = SP;
  return i + 4;
}

function encodeFraming(framing: WireFraming, contentLength: number, out: Uint8Array, at: number): number {
  if (framing === 'chunked') return copyAll(chunkedLine, out, at);
  if (framing !== 'length') return at;
  const i = writeDecimal(contentLength, out, copyAll(lengthName, out, at));
  return copyBytes(crlf, 0, 2, out, i);
}

function encodePersistence(persistence: Persistence, out: Uint8Array, at: number): number {
  if (persistence === 'close') return copyAll(closeLine, out, at);
  if (persistence === 'keep-alive') return copyAll(keepAliveLine, out, at);
  return at;
}

function encodeUpgrade(head: Head, out: Uint8Array, at: number): number {
  let i = copyAll(upgradeLine, out, at);
  for (let field = head.find(fieldIds.upgrade); field >= 0; field = head.find(fieldIds.upgrade, field + 1)) {
    i = copyBytes(head.bytes, head.offsets[4 * field], lineEnd(head, field), out, i);
  }
  return i;
}

/** RFC 9110 section 15, those that the proxy may answer with by itself or by a route. */
const reasonPhrases: ReadonlyMap<number, Uint8Array> = new Map(
  Object.entries({
    200: 'OK',
    201: 'Created',
    202: 'Accepted',
    204: 'No Content',
    301: 'Moved Permanently',
    302: 'Found',
    303: 'See Other',
    304: 'Not Modified',
    307: 'Temporary Redirect',
    308: 'Permanent Redirect',
    400: 'Bad Request',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'Not Found',
    405: 'Method Not Allowed',
    408: 'Request Timeout',
    410: 'Gone',
    414: 'URI Too Long',
    429: 'Too Many Requests',
    431: 'Request Header Fields Too Large',
    500: 'Internal Server Error',
    501: 'Not Implemented',
    502: 'Bad Gateway',
    503: 'Service Unavailable',
    504: 'Gateway Timeout',
  }).map(([status, phrase]) => [Number(status), fromLatin1(phrase)]),
);
