import t from 'tap';
import {
  encodeChunkHead,
  encodeLastChunk,
  encodeRequest,
  encodeResponse,
  headBound,
  lastChunkBound,
  type Persistence,
  type WireFraming,
} from '../../src/codec/http1/encoder.js';
import { HeadDecoder } from '../../src/codec/http1/head-decoder.js';
import { defaultLimits } from '../../src/limits.js';
import { type HeadEdits, noEdits } from '../../src/message/edits.js';
import { Head } from '../../src/message/head.js';
import { bytesOf, requestHead } from './client-bench.js';
import { responseHead } from './server-bench.js';

const out = new Uint8Array(4_096);

function forward(lines: string, edits: Partial<HeadEdits> = {}, endStream = false): string {
  const head = requestHead(`${lines}\r\n`);
  const all = { ...noEdits, ...edits };
  const end = encodeRequest(head, all, endStream, bytesOf('10.0.0.1:80'), out, 3);
  if (end - 3 > headBound(head, all, bytesOf('10.0.0.1:80'))) throw new Error('over the bound');
  return String.fromCharCode(...out.subarray(3, end));
}

function answer(lines: string, framing: WireFraming, persistence: Persistence = 'default', method = 'GET'): string {
  const head = responseHead(`${lines}\r\n`, method, true);
  const end = encodeResponse(head, noEdits, framing, persistence, out, 0);
  return String.fromCharCode(...out.subarray(0, end));
}

t.test("Host comes first, then the client's fields as they came, then framing", (t) => {
  t.equal(
    forward('GET /a?b HTTP/1.1\r\nA: 1\r\nHost: x\r\nB:  2 \r\n'),
    'GET /a?b HTTP/1.1\r\nhost: x\r\nA: 1\r\nB:  2 \r\n\r\n',
  );
  t.equal(
    forward('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 05, 5\r\nA: 1\r\n'),
    'POST / HTTP/1.1\r\nhost: x\r\nA: 1\r\ncontent-length: 5\r\n\r\n',
    'one length, written anew',
  );
  t.equal(
    forward('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nTrailer: D\r\n'),
    'POST / HTTP/1.1\r\nhost: x\r\nTrailer: D\r\ntransfer-encoding: chunked\r\n\r\n',
    'Trailer stays with chunks',
  );
  t.equal(
    forward('POST / HTTP/1.1\r\nHost: x\r\nTrailer: D\r\nContent-Length: 0\r\n'),
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n',
  );
  t.end();
});

t.test('an absolute target is forwarded in origin form with its authority as Host', (t) => {
  t.equal(
    forward('GET http://X.test/a//b?c HTTP/1.1\r\nHost: x.test\r\n'),
    'GET /a/b?c HTTP/1.1\r\nhost: X.test\r\n\r\n',
  );
  t.equal(forward('OPTIONS http://x HTTP/1.1\r\nHost: x\r\n'), 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n');
  t.end();
});

t.test('fields of the hop are dropped, and those that Connection names', (t) => {
  t.equal(
    forward(
      'GET / HTTP/1.1\r\nHost: x\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive, X-Hop\r\nx-hop: 1\r\nTE: trailers\r\n' +
        'Proxy-Connection: close\r\nconnection: other\r\nOther: 2\r\nOthers: 3\r\nUpgrade: websocket\r\n',
    ),
    'GET / HTTP/1.1\r\nhost: x\r\nOthers: 3\r\n\r\n',
  );
  t.end();
});

t.test('Connection cannot take away Host, framing, or what proxies add', (t) => {
  t.equal(
    forward(
      'POST / HTTP/1.1\r\nHost: x\r\nConnection: host, content-length, x-request-id, x-forwarded-for, expect, x-other\r\nContent-Length: 1\r\n' +
        'X-Request-Id: 1\r\nX-Other: 2\r\nX-Forwarded-For: 10.0.0.9\r\nExpect: 100-continue\r\n',
      { append: [bytesOf('x-forwarded-client-cert: ours\r\n')] },
    ),
    'POST / HTTP/1.1\r\nhost: x\r\nX-Request-Id: 1\r\nX-Forwarded-For: 10.0.0.9\r\nExpect: 100-continue\r\nx-forwarded-client-cert: ours\r\ncontent-length: 1\r\n\r\n',
  );
  t.equal(
    answer(
      'HTTP/1.1 200 OK\r\nConnection: content-length, x-tulle-reason, a\r\nX-Tulle-Reason: r\r\nA: 1\r\nContent-Length: 1\r\n',
      'length',
    ),
    'HTTP/1.1 200 OK\r\nX-Tulle-Reason: r\r\ncontent-length: 1\r\n\r\n',
  );
  t.end();
});

t.test('trailers that would change what the head said are dropped, others pass', (t) => {
  const head = new Head(16);
  const lines = [
    ...['Digest: 1', 'Authorization: Bearer x', 'x_real_ip: 10.0.0.9', 'Set-Cookie: a=b', 'CONTENT-TYPE: a/b'],
    ...['x_forwarded_client_cert: URI=spiffe://x/admin', 'Content_Length: 5', 'x_request_id: 3'],
    ...['X-Request-Id: 2', 'If-None-Match: "a"', 'grpc-status: 0', 'X-Http-Method-Override: DELETE'],
  ];
  const decoder = new HeadDecoder(defaultLimits);
  decoder.beginTrailers(head);
  const bytes = bytesOf(`${lines.join('\r\n')}\r\n\r\n`);
  t.equal(decoder.decode(bytes, 0, bytes.length), bytes.length);
  const end = encodeLastChunk(head, out, 2);
  t.ok(end - 2 <= lastChunkBound(head));
  t.equal(String.fromCharCode(...out.subarray(2, end)), '0\r\nDigest: 1\r\ngrpc-status: 0\r\n\r\n');
  t.end();
});

t.test('edits: path, authority, fields removed and appended', (t) => {
  t.equal(
    forward('GET /a?q HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nA: 3\r\n', {
      path: bytesOf('/new'),
      authority: bytesOf('y:81'),
      remove: [bytesOf('a')],
      append: [bytesOf('c: 4\r\n'), bytesOf('d: 5\r\n')],
    }),
    'GET /new?q HTTP/1.1\r\nhost: y:81\r\nB: 2\r\nc: 4\r\nd: 5\r\n\r\n',
  );
  t.equal(
    forward('GET / HTTP/1.1\r\nHost: x\r\nX_User-Id: root\r\nx-user-id: me\r\n'.replace('x-user-id: me\r\n', ''), {
      remove: [bytesOf('x-user-id')],
      append: [bytesOf('x-user-id: bob\r\n')],
    }),
    'GET / HTTP/1.1\r\nhost: x\r\nx-user-id: bob\r\n\r\n',
    'a double with _ goes too',
  );
  t.end();
});

t.test('HTTP/1.0 is forwarded as HTTP/1.1, without what it did not know', (t) => {
  t.equal(
    forward('GET / HTTP/1.0\r\nExpect: 100-continue\r\nA: 1\r\n'),
    'GET / HTTP/1.1\r\nhost: 10.0.0.1:80\r\nA: 1\r\n\r\n',
  );
  t.end();
});

t.test('an upgrade is announced anew, a refused one is not', (t) => {
  t.equal(
    forward('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, x-a\r\nUpgrade: websocket\r\nX-A: 1\r\n'),
    'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  t.equal(
    forward(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n',
    ),
    'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
  );
  t.end();
});

t.test('a response: status and phrase as they came, version and framing anew', (t) => {
  t.equal(
    answer('HTTP/1.0 404 Gone fishing\r\nA: 1\r\nContent-Length: 2\r\n', 'length'),
    'HTTP/1.1 404 Gone fishing\r\nA: 1\r\ncontent-length: 2\r\n\r\n',
  );
  t.equal(
    answer('HTTP/1.1 200\r\nContent-Length: 2\r\n', 'length', 'close'),
    'HTTP/1.1 200 \r\ncontent-length: 2\r\nconnection: close\r\n\r\n',
  );
  t.equal(
    answer('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\n', 'chunked'),
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
  );
  t.equal(answer('HTTP/1.1 200 OK\r\n', 'close', 'close'), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
  t.end();
});

t.test('answers without a body keep the length they speak of, where they may', (t) => {
  t.equal(
    answer('HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n', 'none'),
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n',
  );
  t.equal(answer('HTTP/1.1 304 Not Modified\r\n', 'none'), 'HTTP/1.1 304 Not Modified\r\n\r\n');
  t.equal(answer('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n', 'none'), 'HTTP/1.1 204 No Content\r\n\r\n');
  t.equal(answer('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n', 'none', 'default', 'CONNECT'), 'HTTP/1.1 200 OK\r\n\r\n');
  t.end();
});

t.test('chunk sizes', (t) => {
  for (const length of [1, 15, 16, 255, 256, 65_536, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const end = encodeChunkHead(length, out, 5);
    t.equal(String.fromCharCode(...out.subarray(5, end)), `${length.toString(16)}\r\n`);
  }
  t.end();
});
