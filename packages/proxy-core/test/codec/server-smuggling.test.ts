/** What becomes of bytes behind a request that is refused, answered early, or the last one: they are never a request. */
import t from 'tap';
import { noEdits } from '../../src/message/edits.js';
import { bytesOf, responseHead, ServerBench } from './server-bench.js';

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** Answers every request with that status as soon as its head is there. */
function refusing(status: number): ServerBench {
  const bench = new ServerBench();
  bench.onRequest = (downstream) => downstream.sendLocal(status, [], bytesOf('no'), false);
  return bench;
}

t.test('requests behind one that closes the connection are not told', (t) => {
  for (const request of [
    'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET /a HTTP/1.0\r\nHost: x\r\n\r\n',
    'POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  ]) {
    const bench = new ServerBench();
    bench.wire.receive(request + smuggled);
    bench.server.sendHead(responseHead(empty), noEdits, false);
    bench.server.finish(undefined);
    bench.server.flush();
    bench.io.turn();
    t.equal(bench.wire.state, 'ended');
    bench.wire.receive(smuggled);
    bench.io.turn();
    t.same(
      bench.tell().filter((line) => line.startsWith('request')),
      [`request ${request.slice(0, request.indexOf(' HTTP'))}`],
    );
  }
  t.end();
});

t.test('requests behind one that is refused as malformed are not told', (t) => {
  for (const request of [
    'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n',
  ]) {
    const bench = new ServerBench();
    bench.wire.receive(request + smuggled);
    bench.wire.receive(smuggled);
    t.match(bench.wire.take(), /^HTTP\/1\.1 400 [\s\S]*connection: close\r\n\r\nno$/);
    t.notOk(bench.tell().some((line) => line.includes('smuggled')));
  }
  t.end();
});

t.test(
  'the body of a request that was answered with an error is dropped, and the next request is the one behind it',
  (t) => {
    for (const [framing, body] of [
      [`Content-Length: ${smuggled.length}`, smuggled],
      ['Transfer-Encoding: chunked', `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`],
    ]) {
      const whole = refusing(403);
      whole.wire.receive(`POST /a HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${body}GET /b HTTP/1.1\r\nHost: x\r\n\r\n`);
      const paused = refusing(403);
      paused.wire.receive(`POST /a HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
      // A client that has its answer before it goes on (a pause-based desync).
      t.match(paused.wire.take(), 'HTTP/1.1 403 ');
      for (const byte of body) paused.wire.receive(byte);
      paused.wire.receive('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
      for (const bench of [whole, paused])
        t.same(
          bench.tell().filter((line) => line !== 'flush'),
          ['request POST /a', 'request GET /b'],
          framing,
        );
    }
    t.end();
  },
);

t.test(
  'a body that does not come behind an answer is waited for no longer than a head, and nothing after it is a request',
  (t) => {
    const bench = refusing(403);
    bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n');
    bench.io.advance(30_100);
    t.equal(bench.wire.state, 'ended');
    bench.wire.receive(smuggled);
    t.same(bench.tell(), ['request POST /a']);
    t.end();
  },
);

t.test('an answer in place of 100 ends the connection, whatever the client sends then', (t) => {
  const bench = refusing(417);
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 35\r\n\r\n');
  t.match(bench.wire.take(), /^HTTP\/1\.1 417 [\s\S]*connection: close\r\n/);
  bench.wire.receive(smuggled);
  bench.wire.receive(smuggled);
  t.notOk(bench.tell().some((line) => line.includes('smuggled')));
  t.end();
});

t.test('another interim answer is no leave to send the body', (t) => {
  for (const [interim, end] of [
    ['HTTP/1.1 103 Early Hints\r\n\r\n', 'connection: close\r\n'],
    ['HTTP/1.1 100 Continue\r\n\r\n', ''],
  ]) {
    const bench = new ServerBench();
    bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 35\r\n\r\n');
    bench.server.sendInterim(responseHead(interim));
    bench.server.sendHead(responseHead(empty), noEdits, false);
    bench.server.finish(undefined);
    bench.server.flush();
    t.equal(bench.wire.take(), `${interim}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n${end}\r\n`);
    // After 100 it is the body, since it was asked for; after 103 it may be a request, and is neither.
    bench.wire.receive(smuggled);
    t.notOk(bench.tell().some((line) => line.includes('smuggled')));
    t.equal(bench.wire.state, end === '' ? 'open' : 'ended');
  }
  t.end();
});

t.test(
  'bytes behind a request for an upgrade wait: they are a request when it is refused, and never when it is not',
  (t) => {
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    const taken = new ServerBench();
    taken.wire.receive(upgrade + smuggled);
    t.same(taken.tell(), ['request GET /ws', 'flush']);
    const head = 'HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    taken.server.sendHead(responseHead(head, 'GET', true), noEdits, false);
    taken.server.becomeTunnel();
    taken.io.turn();
    t.same(taken.tell(), [`body ${smuggled}`, 'flush']);
    taken.wire.receive(smuggled);
    t.same(taken.tell(), [`body ${smuggled}`, 'flush']);

    const refused = new ServerBench();
    refused.wire.receive(upgrade + smuggled);
    refused.server.sendHead(responseHead('HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n', 'GET', true), noEdits, false);
    refused.server.finish(undefined);
    refused.io.turn();
    t.same(refused.tell(), ['request GET /ws', 'flush', 'end', 'flush', 'request GET /smuggled', 'end', 'flush']);
    t.end();
  },
);

t.test('an empty line behind a body is no request that was begun: nobody is told 408', (t) => {
  for (const line of ['\r', '\r\n']) {
    const bench = refusing(204);
    bench.wire.receive(`POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok${line}`);
    bench.tell();
    bench.wire.take();
    bench.io.advance(30_100);
    t.same(bench.tell(), []);
    t.equal(bench.wire.take(), '');
    t.equal(bench.wire.state, 'ended');
  }
  const bench = refusing(204);
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok\r\n');
  bench.wire.receive('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
  t.ok(bench.tell().includes('request GET /b'));
  t.end();
});

t.test('a client that ended before its upgrade was answered has ended its side of the tunnel', (t) => {
  for (const behind of ['', 'bytes']) {
    const bench = new ServerBench();
    bench.wire.receive(`GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${behind}`);
    bench.wire.peerEnds();
    bench.tell();
    const head = 'HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    bench.server.sendHead(responseHead(head, 'GET', true), noEdits, false);
    bench.server.becomeTunnel();
    bench.server.flush();
    bench.io.turn();
    t.same(
      bench.tell().filter((line) => line !== 'flush'),
      behind === '' ? ['end'] : [`body ${behind}`, 'end'],
    );
    bench.server.sendBody(bytesOf('last'), 0, 4);
    bench.server.finish(undefined);
    t.match(bench.wire.take(), /last$/);
    t.equal(bench.wire.state, 'ended');
  }
  t.end();
});
