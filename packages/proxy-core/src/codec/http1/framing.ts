/**
 * What the fields of a whole head mean for the message: where its body ends, whether the connection stays, whether it turns into a tunnel
 * (RFC 9112 sections 6, 6.3 and 9.3). Pure; each function fills the head and returns why the message is refused, or ''.
 */
import { type FieldId, fieldIds } from '../../message/fields.js';
import type { Head } from '../../message/head.js';
import { fromLatin1 } from '../../message/head.js';
import { CLOSE, connectionOptions, KEEP_ALIVE, mayUpgrade, NOT_A_LIST, OTHER, UPGRADE } from './options-list.js';
import { equalsFolded, HTAB, SP } from './tables.js';

const chunked = fromLatin1('chunked');
const continues = fromLatin1('100-continue');
const COMMA = 44;

/** Fields of the head just read, filled in one pass; one per thread, valid until the next head. */
class Facts {
  host = -1;
  upgrade = -1;
  hasLength = false;
  length = 0;
  hasCoding = false;
  connection = 0;
  /** The request has an Expect, of whatever kind. */
  expectContinue = false;
  expectsOther = false;
}

const facts: Facts = new Facts();

/** Index of the Host field of the request just read, -1 without one. */
export function hostField(): number {
  return facts.host;
}

function readFacts(head: Head): string {
  const { bytes, offsets, ids, fieldCount } = head;
  facts.host = -1;
  facts.upgrade = -1;
  facts.hasLength = false;
  facts.hasCoding = false;
  facts.connection = 0;
  facts.expectContinue = false;
  facts.expectsOther = false;
  for (let i = 0; i < fieldCount; i++) {
    const id = ids[i] as FieldId;
    if (id === 0 || id > fieldIds.expect) continue;
    const start = offsets[4 * i + 2];
    const end = offsets[4 * i + 3];
    switch (id) {
      case fieldIds.host:
        if (facts.host >= 0) return 'more than one Host';
        facts.host = i;
        break;
      case fieldIds['content-length']: {
        const length = readLength(bytes, start, end);
        if (length < 0) return 'Content-Length is not a plain number up to 2^53 - 1';
        if (facts.hasLength && facts.length !== length) return 'Content-Length values that differ';
        facts.hasLength = true;
        facts.length = length;
        break;
      }
      case fieldIds['transfer-encoding']:
        if (facts.hasCoding || !equalsFolded(bytes, start, end, chunked))
          return 'Transfer-Encoding other than one chunked';
        facts.hasCoding = true;
        break;
      case fieldIds.connection:
        facts.connection |= connectionOptions(bytes, start, end);
        break;
      case fieldIds.upgrade:
        // Several Upgrade fields are one list; every line of it must be fit for a tunnel.
        if (facts.upgrade === -1) facts.upgrade = i;
        if (!mayUpgrade(bytes, start, end)) facts.upgrade = -2;
        break;
      case fieldIds.expect:
        if (facts.expectContinue || !equalsFolded(bytes, start, end, continues)) facts.expectsOther = true;
        facts.expectContinue = true;
        break;
    }
  }
  if (facts.hasLength && facts.hasCoding) return 'Content-Length and Transfer-Encoding together';
  if (facts.hasCoding && head.minorVersion === 0) return 'Transfer-Encoding with HTTP/1.0';
  if ((facts.connection & NOT_A_LIST) !== 0) return 'Connection is not a list of names';
  head.namesHopFields = (facts.connection & OTHER) !== 0;
  head.keepAlive =
    (facts.connection & CLOSE) === 0 && (head.minorVersion === 1 || (facts.connection & KEEP_ALIVE) !== 0);
  return '';
}

/** A plain number, or a list of equal ones, which RFC 9110 section 8.6 lets a recipient read as one. -1: anything else. */
function readLength(bytes: Uint8Array, start: number, end: number): number {
  let result = -1;
  let i = start;
  for (;;) {
    while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
    const first = i;
    let value = 0;
    for (; i < end; i++) {
      const digit = bytes[i] - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      if (value > (Number.MAX_SAFE_INTEGER - digit) / 10) return -1;
      value = value * 10 + digit;
    }
    if (i === first || (result >= 0 && value !== result)) return -1;
    result = value;
    while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
    if (i === end) return result;
    if (bytes[i++] !== COMMA) return -1;
  }
}

export function frameRequest(head: Head): string {
  const refusal = readFacts(head);
  if (refusal !== '') return refusal;
  if (facts.host < 0 && head.minorVersion === 1) return 'no Host';
  // 417 would be allowed (RFC 9110 section 10.1.1), but two servers that disagree about what is expected disagree about whether the body comes: nobody is told to go on.
  if (facts.expectsOther && head.minorVersion === 1) return 'Expect other than one 100-continue';
  if (head.method === 'CONNECT') {
    if (facts.hasLength || facts.hasCoding) return 'a CONNECT with a body';
    head.upgrade = true;
    return '';
  }
  // Section 9.3.8 forbids it, and what answers TRACE may not look for it.
  if (head.method === 'TRACE' && (facts.hasLength || facts.hasCoding)) return 'a TRACE with a body';
  // HTTP/1.0 knows neither Expect nor Upgrade (RFC 9110 sections 10.1.1 and 7.8).
  setBody(head);
  if (head.minorVersion === 1) {
    head.expectContinue = facts.expectContinue;
    // A request may not be upgraded and have a body at once here: the end of the body would be the start of a tunnel that may never be. It goes on as HTTP/1.1.
    head.upgrade = (facts.connection & UPGRADE) !== 0 && facts.upgrade >= 0 && head.framing === 'none';
  }
  return '';
}

/** `method` and `upgradeAsked` are those of the request that is answered. */
export function frameResponse(head: Head, method: string, upgradeAsked: boolean): string {
  const refusal = readFacts(head);
  if (refusal !== '') return refusal;
  const { status } = head;
  if (status < 200 || status === 204) {
    // No body whatever the fields say (RFC 9112 section 6.3); a sender that announces one disagrees, and what it sends next would be read as an answer.
    if (facts.hasCoding || (facts.hasLength && facts.length !== 0)) return `a ${status} that announces a body`;
    if (status === 101) {
      if (!upgradeAsked || method === 'CONNECT') return 'a 101 that nobody asked for';
      if (facts.upgrade < 0) return 'a 101 without an Upgrade that may be tunnelled';
      // Section 7.8: whoever switches says so in Connection, and HTTP/1.0 knows no switching.
      if ((facts.connection & UPGRADE) === 0 || head.minorVersion === 0)
        return 'a 101 whose Connection does not say upgrade';
      head.upgrade = true;
    }
    return '';
  }
  if (method === 'CONNECT' && status < 300) {
    head.upgrade = true;
    return '';
  }
  head.contentLength = facts.hasLength ? facts.length : 0;
  if (method === 'HEAD' || status === 304) return '';
  setBody(head);
  if (head.framing === 'none') {
    head.framing = 'until-close';
    head.keepAlive = false;
  }
  return '';
}

function setBody(head: Head): void {
  if (facts.hasCoding) {
    head.framing = 'chunked';
  } else if (facts.hasLength) {
    head.framing = 'length';
    head.contentLength = facts.length;
  }
}

/** Fields that must not come behind a body, since a recipient that merges them would frame or route the message again (RFC 9110 section 6.5.1). */
export function checkTrailers(head: Head): string {
  const { ids, fieldCount } = head;
  for (let i = 0; i < fieldCount; i++)
    if (ids[i] !== 0 && ids[i] <= fieldIds.expect) return 'a trailer field that frames or routes a message';
  return '';
}
