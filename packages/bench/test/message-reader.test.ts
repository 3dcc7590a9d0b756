import t from 'tap';
import { BadMessage, type MessageKind, MessageReader } from '../src/http/message-reader.js';

/** Reads `text` in pieces of `size` bytes; events as short lines. */
function events(kind: MessageKind, text: string, size: number, setUp?: (reader: MessageReader) => void): string[] {
  const seen: string[] = [];
  let body = '';
  const reader = new MessageReader(kind, {
    head: (head) => {
      seen.push(kind === 'request' ? `${head.method} ${head.target}` : `${head.status}`);
      if (head.id) seen.push(`id ${head.id}`);
      if (!head.keepAlive) seen.push('close');
    },
    body: (bytes, start, end) => {
      body += bytes.toString('latin1', start, end);
    },
    end: () => {
      seen.push(`end ${body}`);
      body = '';
    },
  });
  setUp?.(reader);
  const bytes = Buffer.from(text, 'latin1');
  // Surrounded by bytes that belong to nobody, so that a read past the end is seen.
  const framed = Buffer.concat([Buffer.from('\nX'), bytes, Buffer.from('\n0\r\n')]);
  for (let at = 0; at < bytes.length; at += size) {
    reader.read(framed, 2 + at, 2 + Math.min(bytes.length, at + size));
  }
  reader.close();
  return seen;
}

const messages: [name: string, kind: MessageKind, text: string, expected: string[]][] = [
  [
    'a response with a content-length, and the next one behind it',
    'response',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Tulle-Bench-Id: 7\r\n\r\nhelloHTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n',
    ['200', 'id 7', 'end hello', '404', 'end '],
  ],
  [
    'chunks with an extension and a trailer',
    'response',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nB\r\n, wo\r\nrld!!\r\n0\r\nx: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    ['200', 'end hello, wo\r\nrld!!', '204', 'end '],
  ],
  ['a body until the connection closes', 'response', 'HTTP/1.1 200 OK\r\n\r\nuntil', ['200', 'end until']],
  [
    'an interim response is passed over',
    'response',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok',
    ['200', 'close', 'end ok'],
  ],
  [
    'requests with and without a body',
    'request',
    'GET /a HTTP/1.1\r\nhost: x\r\n\r\nPOST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcPOST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n',
    ['GET /a', 'end ', 'POST /b', 'end abc', 'POST /c', 'end de'],
  ],
];

for (const [name, kind, text, expected] of messages) {
  t.test(`${name}: the same whole and split at every byte`, (t) => {
    t.strictSame(events(kind, text, text.length), expected);
    for (let size = 1; size < text.length; size++)
      t.strictSame(events(kind, text, size), expected, `pieces of ${size}`);
    t.end();
  });
}

t.test('an answer to HEAD has no body whatever its length says', (t) => {
  const text = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n';
  t.strictSame(
    events('response', text, 7, (reader) => reader.expectNoBody()),
    ['200', 'end '],
  );
  t.end();
});

const bad: [name: string, text: string, message: RegExp][] = [
  ['not HTTP', 'SSH-2.0-x\r\n\r\n', /status line/],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: 5a\r\n\r\n', /content-length/],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n', /two content-length/],
  ['another coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n', /transfer-encoding/],
  ['a signed chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+5\r\n', /chunk size/],
  [
    'a chunk that is too long',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n',
    /longer than its size/,
  ],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n', /header line/],
  ['a body cut off', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel', /closed inside/],
  ['a head without an end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`, /head is longer/],
];

for (const [name, text, message] of bad) {
  t.test(`${name} is an error that says so`, (t) => {
    let error: unknown;
    try {
      events('response', text, 11);
    } catch (caught) {
      error = caught;
    }
    t.ok(error instanceof BadMessage);
    t.match(String(error), message);
    t.end();
  });
}
