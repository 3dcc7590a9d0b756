/** The four forms of a request target (RFC 9112 section 3.2) and the authority that a request is for. Pure: each function returns why it refuses, or ''. */
import type { Head } from '../../message/head.js';
import { fromLatin1 } from '../../message/head.js';
import type { PathOptions } from '../../message/path-options.js';
import { normalisePath } from '../normalise.js';
import { equalsFolded } from './tables.js';

const root = fromLatin1('/');
const asterisk = fromLatin1('*');
const none = new Uint8Array(0);
const http = fromLatin1('http://');
const https = fromLatin1('https://');

const SLASH = 47;
const QUESTION = 63;
const COLON = 58;

/** 1 for bytes of a host name as DNS and its users write it. RFC 3986 would allow sub-delims and escapes too; no two servers agree on those. */
const hostBytes = new Uint8Array(256);
/** 1 for bytes between the brackets of an IPv6 literal; zone identifiers are local to a machine and never sent. */
const ipv6Bytes = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') {
  hostBytes[character.charCodeAt(0)] = 1;
}
for (const character of '0123456789abcdefABCDEF:.') ipv6Bytes[character.charCodeAt(0)] = 1;

/** Fills path, query and authority of `head`, whose method and Host (`hostField`, -1 without one) are known, from the target in `bytes[start, end)`. */
export function readTarget(head: Head, start: number, end: number, hostField: number, options: PathOptions): string {
  const { bytes, offsets } = head;
  head.authorityStart = hostField < 0 ? head.start : offsets[4 * hostField + 2];
  head.authorityEnd = hostField < 0 ? head.start : offsets[4 * hostField + 3];
  head.queryStart = end;
  head.queryEnd = end;
  if (hostField >= 0) {
    const refusal = checkAuthority(bytes, head.authorityStart, head.authorityEnd, false);
    if (refusal !== '') return refusal;
  }
  if (head.method === 'CONNECT') return readAuthorityForm(head, start, end, hostField);
  if (bytes[start] === SLASH) return readPath(head, start, end, options);
  if (end - start === 1 && bytes[start] === asterisk[0]) {
    if (head.method !== 'OPTIONS') return 'the target * with a method other than OPTIONS';
    setPath(head, asterisk);
    return '';
  }
  return readAbsoluteForm(head, start, end, hostField, options);
}

function readPath(head: Head, start: number, end: number, options: PathOptions): string {
  const { bytes } = head;
  let pathEnd = start;
  while (pathEnd < end && bytes[pathEnd] !== QUESTION) pathEnd++;
  head.queryStart = pathEnd;
  head.queryEnd = end;
  const normal = normalisePath(bytes, start, pathEnd, options);
  if (normal === undefined) {
    head.path = bytes;
    head.pathStart = start;
    head.pathEnd = pathEnd;
    return '';
  }
  if (typeof normal === 'string') return normal;
  setPath(head, normal);
  return '';
}

function setPath(head: Head, path: Uint8Array): void {
  head.path = path;
  head.pathStart = 0;
  head.pathEnd = path.length;
}

function readAuthorityForm(head: Head, start: number, end: number, hostField: number): string {
  const refusal = checkAuthority(head.bytes, start, end, true);
  if (refusal !== '') return refusal;
  if (hostField >= 0 && !sameAuthority(head, start, end, 0)) return 'the target and Host name different authorities';
  head.authorityStart = start;
  head.authorityEnd = end;
  setPath(head, none);
  return '';
}

/** `http://host/path`: what clients send to a proxy. Its authority and Host must be the same one, so that whoever reads either reads the same. */
function readAbsoluteForm(head: Head, start: number, end: number, hostField: number, options: PathOptions): string {
  const { bytes } = head;
  let authority: number;
  let defaultPort: number;
  if (equalsFolded(bytes, start, Math.min(start + http.length, end), http)) {
    authority = start + http.length;
    defaultPort = 80;
  } else if (equalsFolded(bytes, start, Math.min(start + https.length, end), https)) {
    authority = start + https.length;
    defaultPort = 443;
  } else {
    return 'the target is neither a path nor an http URI';
  }
  let authorityEnd = authority;
  while (authorityEnd < end && bytes[authorityEnd] !== SLASH && bytes[authorityEnd] !== QUESTION) authorityEnd++;
  const refusal = checkAuthority(bytes, authority, authorityEnd, false);
  if (refusal !== '') return refusal;
  if (hostField >= 0 && !sameAuthority(head, authority, authorityEnd, defaultPort)) {
    return 'the target and Host name different authorities';
  }
  head.authorityStart = authority;
  head.authorityEnd = authorityEnd;
  if (authorityEnd < end && bytes[authorityEnd] === SLASH) return readPath(head, authorityEnd, end, options);
  head.queryStart = authorityEnd;
  // An OPTIONS for a whole server is written with * behind the last proxy (RFC 9112 section 3.2.4).
  setPath(head, head.method === 'OPTIONS' && authorityEnd === end ? asterisk : root);
  return '';
}

/** `host`, `host:port` or `[v6]:port`; user information, an empty host and an empty port are refused. */
export function checkAuthority(bytes: Uint8Array, start: number, end: number, portRequired: boolean): string {
  let i = start;
  if (i < end && bytes[i] === 91) {
    i++;
    while (i < end && ipv6Bytes[bytes[i]] === 1) i++;
    if (i === end || bytes[i] !== 93 || i - start < 3) return 'the host is not a name or an address';
    i++;
  } else {
    while (i < end && hostBytes[bytes[i]] === 1) i++;
    if (i === start) return 'the host is empty or not a name or an address';
  }
  if (i === end) return portRequired ? 'CONNECT without a port' : '';
  if (bytes[i] !== COLON) return 'the host is not a name or an address';
  i++;
  if (i === end) return 'a port without digits';
  let port = 0;
  for (; i < end; i++) {
    const digit = bytes[i] - 48;
    if (!(digit >= 0 && digit <= 9)) return 'a port that is not a number';
    port = port * 10 + digit;
    if (port > 65_535) return 'a port above 65535';
  }
  return '';
}

/** Case folded, and a port left out is the scheme's own. */
function sameAuthority(head: Head, start: number, end: number, defaultPort: number): boolean {
  const { bytes } = head;
  const endA = withoutPort(bytes, start, end, defaultPort);
  const startB = head.authorityStart;
  const endB = withoutPort(bytes, startB, head.authorityEnd, defaultPort);
  if (endA - start !== endB - startB) return false;
  for (let i = start, k = startB; i < endA; i++, k++) if (lower(bytes[i]) !== lower(bytes[k])) return false;
  return true;
}

function withoutPort(bytes: Uint8Array, start: number, end: number, port: number): number {
  if (port === 0) return end;
  const suffix = `:${port}`;
  const from = end - suffix.length;
  if (from <= start) return end;
  for (let i = 0; i < suffix.length; i++) if (bytes[from + i] !== suffix.charCodeAt(i)) return end;
  return from;
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 32 : byte;
}
