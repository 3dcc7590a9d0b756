/** One time for sniff, handshake and the first head together. */
import t from 'tap';
import { bytesOf, ServerBench } from '../codec/server-bench.js';
import { chain, opened } from './opened.js';

const limits = { headTimeoutMs: 1_000 };

t.test('where the protocol is known at once, the first head has all of it', (t) => {
  t.same(opened({ tls: [], passthrough: [], plain: [chain('plain', false)] }, limits).left, [1_000]);
  t.end();
});

t.test('what sniffing took is off the time for the first head', (t) => {
  const { io, wire, opening, left } = opened(
    {
      tls: [chain('tls', true)],
      passthrough: [],
      plain: [chain('plain', false)],
    },
    limits,
  );
  io.advance(600);
  const bytes = bytesOf('GET / HTTP/1.1\r\n');
  opening.onSniff(wire, bytes, 0, bytes.length);
  t.same(left, [400]);
  t.end();
});

t.test(
  'what the handshake took is off the time for the first head, and a handshake has no more than all of it',
  (t) => {
    const { io, wire, opening, left } = opened({ tls: [chain('tls', true)], passthrough: [], plain: [] }, limits);
    io.advance(999);
    opening.onOpen(wire);
    t.same(left, [1]);

    const slow = opened({ tls: [chain('tls', true)], passthrough: [], plain: [] }, limits);
    slow.io.advance(1_100);
    t.same(slow.rejected, ['head-timeout']);
    slow.opening.onOpen(slow.wire);
    t.same(slow.left, []);
    t.end();
  },
);

t.test('the codec gives the first head what is left, and later ones all', (t) => {
  const bench = new ServerBench({ headTimeoutMs: 1_000 }, 300);
  bench.wire.receive('GET / HTT');
  bench.io.advance(350);
  t.same(bench.tell(), ['malformed head-timeout']);

  const later = new ServerBench({ headTimeoutMs: 1_000 }, 300);
  later.onRequest = (downstream) => downstream.sendLocal(204, [], bytesOf(''), false);
  later.wire.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  later.tell();
  later.wire.receive('GET / HTT');
  later.io.advance(950);
  t.same(later.tell(), []);
  later.io.advance(100);
  t.same(later.tell(), ['malformed head-timeout']);
  t.end();
});
