/** Generators of messages: valid ones, and ones that are nearly so, dense in what parsers disagree about. */
import fc from 'fast-check';

const innocentLines = [
  'Connection: close',
  'Connection: keep-alive',
  'Connection: x-a, close',
  'TE: trailers',
  'Expect: 100-continue',
  'Trailer: X-A',
  'X-A: b c',
  'x_b: b',
  'X-A:',
  'X-A:   b\t ',
  'Cookie: a=b; c="d"',
];
const doubtfulLines = [
  'Host: a',
  'host:a.test:80',
  'Content-Length: 5',
  'Content-Length:05 ',
  'Content-Length: 5, 5',
  'Content-Length: 0',
  'Content-Length : 5',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tCHUNKED ',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: xchunked',
  'x_a: b',
  ' folded',
  'X-\x00: a',
  'X-A: \x7f',
];

/** The line that frames a body and the body, in accord or nearly so. */
const framings: readonly (readonly [string, string])[] = [
  ['', ''],
  ['Content-Length: 5\r\n', 'hello'],
  ['Content-Length: 05\r\n', 'hello'],
  ['Content-Length: 0\r\n', ''],
  ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5;a=b\r\nhello\r\n0\r\nX-T: u\r\n\r\n'],
  ['Transfer-Encoding:Chunked \r\n', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '05\r\nhello\r\n00\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5 \r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', '5\r\nhello0\r\n\r\n'],
  ['Transfer-Encoding: chunked\r\n', 'fffffffffffffffff\r\n'],
];
const behind = ['', 'GET /next HTTP/1.1\r\nHost: b\r\n\r\n', '\r\nGET /next HTTP/1.1\r\nHost: b\r\n\r\n', '0\r\n\r\n'];
const targets = ['/', '/a/b?c=d', '/?x=%zz', '/a%20b', 'http://a/b?c', '*', '/a b', '/a#b'];
const statusLines = [
  '200 OK',
  '404 ',
  '200',
  '204 No Content',
  '304 Not Modified',
  '100 Continue\r\n\r\nHTTP/1.1 200 OK',
];

const rarely = <T>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: common }, { weight: 1, arbitrary: rare });

const lineEnds = rarely(fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\r\n'), 60);
const fields = fc
  .array(fc.tuple(rarely(fc.constantFrom(...innocentLines), fc.constantFrom(...doubtfulLines), 12), lineEnds), {
    maxLength: 4,
  })
  .map((lines) => lines.flat().join(''));
const versions = rarely(fc.constant('HTTP/1.1'), fc.constant('HTTP/1.0'), 5);
const changedBytes = fc.constantFrom('\r', '\n', '\0', ' ', '\t', ':', ',', '\xff', '\x0b', '0', 'G');

/** One byte in some messages is another. */
function withMutation(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const changes = rarely<[number, string] | undefined>(fc.constant(undefined), fc.tuple(fc.nat(400), changedBytes), 2);
  return fc.tuple(text, changes).map(([whole, change]) => {
    if (change === undefined) return whole;
    const at = change[0] % whole.length;
    return whole.slice(0, at) + change[1] + whole.slice(at + 1);
  });
}

export const roughRequests: fc.Arbitrary<string> = withMutation(
  fc
    .tuple(
      rarely(fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE'), fc.constant('get'), 12),
      rarely(fc.constantFrom(...targets.slice(0, 5)), fc.constantFrom(...targets.slice(5)), 8),
      versions,
      lineEnds,
      rarely(fc.constant('Host: a\r\n'), fc.constant(''), 12),
      fields,
      fc.constantFrom(...framings),
      fc.constantFrom(...behind),
    )
    .map(
      ([method, target, version, end, host, lines, [framing, body], next]) =>
        `${method} ${target} ${version}${end}${host}${lines}${framing}\r\n${body}${next}`,
    ),
);

export const roughResponses: fc.Arbitrary<string> = withMutation(
  fc
    .tuple(versions, fc.constantFrom(...statusLines), lineEnds, fields, fc.constantFrom(...framings))
    .map(([version, status, end, lines, [framing, body]]) => `${version} ${status}${end}${lines}${framing}\r\n${body}`),
);

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-.!~'), minLength: 1, maxLength: 12 });
const value = fc.string({ unit: fc.constantFrom(...'abc XYZ,;="/\t\xe9'), maxLength: 20 }).map((text) => text.trim());

export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly chunks: readonly string[] | undefined;
  readonly length: string | undefined;
}

/** Valid requests in origin form whose field names mean nothing to the proxy. */
export const plainRequests: fc.Arbitrary<PlainRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'),
  target: fc.constantFrom('/', '/a', '/a/b.c?d=e&f', '/%C3%A9?', '/a;b=c'),
  host: fc.constantFrom('a', 'a.test:8080', '[::1]:80'),
  fields: fc.array(
    fc.tuple(
      token.map((name) => `x${name}`),
      value,
    ),
    { maxLength: 8 },
  ),
  chunks: fc.option(
    fc.array(fc.string({ minLength: 1, maxLength: 30, unit: fc.constantFrom('a', '\r', '\n', '0', '\xff') }), {
      maxLength: 4,
    }),
    { nil: undefined },
  ),
  length: fc.option(fc.string({ maxLength: 30, unit: fc.constantFrom('a', '\r', '\n', 'G', '\xff') }), {
    nil: undefined,
  }),
});

export function requestText(request: PlainRequest): string {
  const lines = request.fields.map(([name, text]) => `${name}: ${text}\r\n`).join('');
  const start = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${request.host}\r\n${lines}`;
  if (request.chunks !== undefined) {
    const chunks = request.chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    return `${start}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
  }
  return request.length === undefined
    ? `${start}\r\n`
    : `${start}Content-Length: ${request.length.length}\r\n\r\n${request.length}`;
}
