import t from 'tap';
import { classify, maxSniffBytes } from '../../src/detect/classify.js';

function judge(text: string): string {
  const bytes = Uint8Array.from(`xx${text}yy`, (character) => character.charCodeAt(0));
  return classify(bytes, 2, bytes.length - 2);
}

const certain: readonly (readonly [string, string, number])[] = [
  // text, protocol, bytes after which it is certain
  ['GET / HTTP/1.1\r\n', 'http1', 5],
  ['OPTIONS * HTTP/1.1\r\n', 'http1', 15],
  ['CONNECT a.test:443 HTTP/1.1\r\n', 'http1', 9],
  ['GET http://a.test/ HTTP/1.1\r\n', 'http1', 11],
  ['GET https://a.test/ HTTP/1.1\r\n', 'http1', 12],
  ['M-SEARCH /a HTTP/1.1\r\n', 'http1', 10],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2', 12],
  ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'tls', 6],
  ['\x16\x03\x01\x00\x01\x01\x16\x03\x01', 'tls', 6],
  ['\x16\x03\x01\x00\x00\x01', 'opaque', 5],
  ['\x16\x03\x01\x02\x00\x02', 'opaque', 6],
  ['\x16\x03\x05', 'opaque', 3],
  ['\x16\x02', 'opaque', 2],
  ['\x16\x03\x01\xff\xff', 'opaque', 5],
  ['OPTIONS rtsp://a.test/ RTSP/1.0\r\n', 'opaque', 9],
  ['OPTIONS * RTSP/1.0\r\n', 'opaque', 11],
  ['get / HTTP/1.1\r\n', 'opaque', 1],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'opaque', 5],
  ['EHLO a.test\r\n', 'opaque', 6],
  ['PING\r\n', 'opaque', 5],
  ['*1\r\n$4\r\nPING\r\n', 'opaque', 1],
  ['\x00\x00\x00\x08\x04\xd2\x16\x2f', 'opaque', 1],
  ['\r\nGET / HTTP/1.1\r\n', 'opaque', 1],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZ /', 'opaque', 21],
];

t.test('says what is spoken as soon as it is certain, and no later', (t) => {
  for (const [text, protocol, bytes] of certain) {
    t.equal(judge(text), protocol, JSON.stringify(text));
    t.equal(judge(text.slice(0, bytes)), protocol, `after ${bytes} bytes of ${JSON.stringify(text)}`);
    t.equal(judge(text.slice(0, bytes - 1)), 'more', `not after ${bytes - 1} bytes of ${JSON.stringify(text)}`);
    t.ok(bytes <= maxSniffBytes, 'within the bound');
  }
  t.end();
});

t.test('more bytes never change a verdict', (t) => {
  for (const [text, protocol, bytes] of certain) {
    for (let length = bytes; length <= text.length; length++) {
      if (judge(text.slice(0, length)) !== protocol) t.fail(`${JSON.stringify(text)} at ${length}`);
    }
  }
  t.end();
});

t.test('waits for no more than its bound', (t) => {
  for (const text of ['G', 'OPTIONS *', 'CONNECT ', 'GET http:/', 'PRI * HTTP', '\x16\x03\x01\x02\x00']) {
    t.not(judge(text.padEnd(maxSniffBytes, '.')), 'more', JSON.stringify(text));
  }
  t.end();
});
