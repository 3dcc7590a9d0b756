/**
 * Fields that a recipient must not take from behind a body (RFC 9110 section 6.5.1): they route a message, authenticate it, change what is done with it or say how its
 * content is read. One that merges trailers into the head would act on what no policy has seen, so they are dropped on the way.
 */
import { fieldIds } from '../../message/fields.js';
import { fromLatin1 } from '../../message/head.js';
import { looksLike } from './field-names.js';

const names = [
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate', 'authentication-info', 'proxy-authentication-info'],
  ...[
    'forwarded',
    'via',
    'x-forwarded-host',
    'x-forwarded-port',
    'x-forwarded-prefix',
    'x-real-ip',
    'x-original-url',
    'x-rewrite-url',
  ],
  ...[
    'x-http-method-override',
    'x-method-override',
    'origin',
    'referer',
    'max-forwards',
    'range',
    'pragma',
    'cache-control',
  ],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...[
    'content-encoding',
    'content-type',
    'content-range',
    'content-location',
    'content-disposition',
    'content-security-policy',
  ],
  ...[
    'age',
    'date',
    'expires',
    'location',
    'retry-after',
    'vary',
    'strict-transport-security',
    'access-control-allow-origin',
  ],
  // Those of proxies and of framing have numbers, their doubles with `_` have none.
  ...Object.keys(fieldIds),
].map(fromLatin1);

/** `_` counts as `-`, as it does to whoever would merge them. */
export function belongsInHead(bytes: Uint8Array, start: number, end: number): boolean {
  return names.some((name) => looksLike(bytes, start, end, name));
}
