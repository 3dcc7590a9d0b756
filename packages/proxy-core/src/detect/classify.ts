/**
 * Stage detect: what a connection speaks, from its first bytes. Pure. Decided as soon as it is certain: at the latest after `maxSniffBytes`,
 * and for most protocols that are neither HTTP nor TLS at the first byte, so nobody waits for a client that has said all it will say.
 *
 *     16 03 0x LL LL 01            tls     TLS record of type handshake, version 3.x, that begins with a ClientHello (RFC 8446 section 5.1)
 *     PRI * HTTP/2                 http2   the connection preface (RFC 9113 section 3.4)
 *     METHOD SP (/ | http(s):// )  http1   METHOD in upper case; `*` behind OPTIONS, anything visible behind CONNECT (RFC 9112 section 3)
 *     else                         opaque
 *
 * RTSP and SIP share method names with HTTP; their targets (`rtsp:`, `sip:`) tell them apart.
 */

export type Protocol = 'http1' | 'http2' | 'tls' | 'opaque';

/** Long enough for a method of 20 letters and the longest scheme. */
export const maxSniffBytes = 32;

const maxMethodBytes = 20;
const preface = 'PRI * HTTP/2';
const schemes = ['http://', 'https://'];
const SP = 32;

/** Judges `bytes[start, end)`, all that has arrived so far. `more`: it depends on what comes. */
export function classify(bytes: Uint8Array, start: number, end: number): Protocol | 'more' {
  if (start === end) return 'more';
  return bytes[start] === 0x16 ? classifyTls(bytes, start, end) : classifyText(bytes, start, end);
}

function classifyTls(bytes: Uint8Array, start: number, end: number): Protocol | 'more' {
  const length = end - start;
  if (length > 1 && bytes[start + 1] !== 3) return 'opaque';
  if (length > 2 && bytes[start + 2] > 4) return 'opaque';
  if (length > 4) {
    const record = bytes[start + 3] * 256 + bytes[start + 4];
    if (record === 0 || record > 16_384) return 'opaque';
  }
  if (length > 5) return bytes[start + 5] === 1 ? 'tls' : 'opaque';
  return 'more';
}

function classifyText(bytes: Uint8Array, start: number, end: number): Protocol | 'more' {
  const http2 = matchText(bytes, start, end, preface);
  if (http2 !== 'no') return http2 === 'yes' ? 'http2' : 'more';
  let i = start;
  while (i < end && isMethodByte(bytes[i])) i++;
  if (i - start > maxMethodBytes) return 'opaque';
  if (i === end) return 'more';
  if (bytes[i] !== SP || i === start) return 'opaque';
  return classifyTarget(bytes, i + 1, end, methodOf(bytes, start, i));
}

function classifyTarget(bytes: Uint8Array, at: number, end: number, method: string): Protocol | 'more' {
  if (at === end) return 'more';
  const byte = bytes[at];
  if (byte === 47) return 'http1';
  if (method === 'CONNECT') return byte > SP && byte < 127 ? 'http1' : 'opaque';
  if (byte === 42 && method === 'OPTIONS') {
    const version = matchText(bytes, at + 1, end, ' HTTP/');
    return version === 'yes' ? 'http1' : version === 'maybe' ? 'more' : 'opaque';
  }
  let undecided = false;
  for (const scheme of schemes) {
    const match = matchText(bytes, at, end, scheme);
    if (match === 'yes') return 'http1';
    if (match === 'maybe') undecided = true;
  }
  return undecided ? 'more' : 'opaque';
}

/** `maybe`: equal as far as there are bytes. */
function matchText(bytes: Uint8Array, start: number, end: number, text: string): 'yes' | 'no' | 'maybe' {
  for (let i = 0; i < text.length; i++) {
    if (start + i >= end) return 'maybe';
    if (bytes[start + i] !== text.charCodeAt(i)) return 'no';
  }
  return 'yes';
}

function isMethodByte(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || byte === 45 || byte === 95;
}

/** Only the two methods with a target of their own need a name. */
function methodOf(bytes: Uint8Array, start: number, end: number): string {
  if (matchText(bytes, start, end, 'CONNECT ') === 'maybe' && end - start === 7) return 'CONNECT';
  if (matchText(bytes, start, end, 'OPTIONS ') === 'maybe' && end - start === 7) return 'OPTIONS';
  return '';
}
