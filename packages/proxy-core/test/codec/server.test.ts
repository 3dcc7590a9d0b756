import t from 'tap';
import type { Downstream } from '../../src/exchange.js';
import { noEdits } from '../../src/message/edits.js';
import { bytesOf, responseHead, ServerBench } from './server-bench.js';

const get = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';

function answer(downstream: Downstream, head = ok, body = 'ok', method = 'GET', close = false): void {
  downstream.sendHead(responseHead(head, method), noEdits, close);
  const bytes = bytesOf(body);
  downstream.sendBody(bytes, 0, bytes.length);
  downstream.finish(undefined);
  downstream.flush();
}

t.test('a request and its answer: head and body leave in one write, the connection stays', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(get);
  t.same(bench.tell(), ['request GET /a', 'end', 'flush']);
  answer(bench.server);
  t.same(bench.wire.writes, ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok']);
  t.ok(bench.server.isIdle);
  t.equal(bench.server.bodyBytesSent, 2);
  bench.wire.take();
  bench.wire.receive(get);
  answer(bench.server);
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  t.end();
});

t.test('a request split at every byte is told once, as if it had come whole', (t) => {
  const text = 'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n';
  for (let i = 1; i < text.length; i++) {
    const bench = new ServerBench();
    bench.wire.receive(text.slice(0, i));
    bench.wire.receive(text.slice(i));
    const told = bench.tell().filter((line) => line !== 'flush');
    const body = told
      .filter((line) => line.startsWith('body '))
      .map((line) => line.slice(5))
      .join('');
    t.same([told[0], body, told.at(-1)], ['request POST /a', 'ok', 'end A: b'], `at ${i}`);
  }
  t.end();
});

t.test('pipelined requests: the next is told when the answer is whole, and reading pauses meanwhile', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(`${get}${get.replace('/a', '/b')}${get.replace('/a', '/c').slice(0, 9)}`);
  t.same(bench.tell(), ['request GET /a', 'end', 'flush']);
  t.ok(bench.wire.paused);
  answer(bench.server);
  t.same(bench.tell(), [], 'not within the call that ended the exchange');
  bench.io.turn();
  t.same(bench.tell(), ['request GET /b', 'end', 'flush']);
  answer(bench.server);
  bench.io.turn();
  t.same(bench.tell(), []);
  t.notOk(bench.wire.paused, 'reads the rest of the third');
  bench.wire.receive(get.replace('/a', '/c').slice(9));
  t.same(bench.tell(), ['request GET /c', 'end', 'flush']);
  t.end();
});

t.test('pipelined requests that are answered at once leave in one write', (t) => {
  const bench = new ServerBench();
  bench.onRequest = (downstream) => downstream.sendLocal(404, [bytesOf('a: b\r\n')], bytesOf('no'), false);
  bench.wire.receive(get + get);
  const one = 'HTTP/1.1 404 Not Found\r\na: b\r\ncontent-length: 2\r\n\r\nno';
  t.same(bench.wire.writes, [one + one]);
  t.end();
});

t.test('HTTP/1.0: no chunks, closes unless asked to keep', (t) => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const bench = new ServerBench();
  bench.wire.receive('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  answer(bench.server);
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok');
  bench.wire.receive('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  answer(bench.server, chunked);
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok');
  t.equal(bench.wire.state, 'ended');

  const other = new ServerBench();
  other.wire.receive('GET /a HTTP/1.0\r\n\r\n');
  other.server.sendInterim(responseInterim());
  t.equal(other.wire.take(), '', 'HTTP/1.0 knows no interim answers');
  answer(other.server);
  t.match(other.wire.take(), 'connection: close');
  t.equal(other.wire.state, 'ended');
  t.end();
});

t.test('an answer without a length becomes chunks for HTTP/1.1', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(get);
  answer(bench.server, 'HTTP/1.1 200 OK\r\n\r\n', 'hello world');
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n');
  t.ok(bench.server.isIdle);
  t.end();
});

t.test('an answer to HEAD has no body, also one of the proxy itself', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(get.replace('GET', 'HEAD'));
  answer(bench.server, ok, '', 'HEAD');
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n');
  bench.wire.receive(get.replace('GET', 'HEAD'));
  bench.server.sendLocal(503, [], bytesOf('gone'), false);
  t.equal(bench.wire.take(), 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\n');
  t.end();
});

t.test('a large body goes from the buffer it came in, announced with more', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(get);
  const body = 'x'.repeat(20_000);
  bench.server.sendHead(responseHead('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'), noEdits, false);
  bench.server.sendBody(bytesOf(body), 0, body.length);
  bench.server.finish(undefined);
  bench.server.flush();
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4e20\r\n';
  t.same(bench.wire.writes, [`${head}>`, `${body}>`, '\r\n0\r\n\r\n']);
  t.end();
});

t.test('Expect: 100-continue passes end to end', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  t.same(bench.tell(), ['request POST /a', 'flush']);
  bench.onRequestEnd = (downstream) => answer(downstream);
  bench.server.sendInterim(responseInterim());
  t.equal(bench.wire.take(), 'HTTP/1.1 100 Continue\r\n\r\n');
  bench.wire.receive('ok');
  t.same(bench.tell(), ['body ok', 'end']);
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  t.end();
});

t.test("a final answer in place of 100 ends the connection: whether the body follows is the client's choice", (t) => {
  const bench = new ServerBench();
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  bench.server.sendLocal(403, [], bytesOf('no'), false);
  t.match(bench.wire.take(), 'connection: close');
  t.equal(bench.wire.state, 'open', 'the body may still come');
  bench.wire.receive('ok');
  t.equal(bench.wire.state, 'ended');
  t.end();
});

t.test('an early answer: the rest of the request is dropped and the connection stays', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  bench.tell();
  answer(bench.server);
  t.notMatch(bench.wire.take(), 'connection: close');
  bench.wire.receive(`cdef${get}`);
  t.same(bench.tell(), ['request GET /a', 'end', 'flush']);
  t.end();
});

t.test('an early answer before a body that is too long: closes, lingering for the client to read', (t) => {
  const bench = new ServerBench({ maxDiscardBytes: 10, lingerTimeoutMs: 2_000 });
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  answer(bench.server);
  t.equal(bench.wire.state, 'open');
  bench.wire.receive('b\r\n01234567890\r\n');
  t.equal(bench.wire.state, 'ended', 'FIN, not RST');
  bench.wire.receive('0123456789');
  t.equal(bench.wire.state, 'ended');
  bench.wire.receive('0');
  t.equal(bench.wire.state, 'destroyed', 'no more than once again that much');
  t.equal(bench.closed, 1);

  const announced = new ServerBench({ maxDiscardBytes: 10 });
  announced.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n');
  answer(announced.server);
  t.match(announced.wire.take(), 'connection: close', 'a length over the bound is known at once');
  t.end();
});

t.test('lingering ends by itself', (t) => {
  const bench = new ServerBench({ lingerTimeoutMs: 2_000 });
  bench.wire.receive(get);
  answer(bench.server, ok, 'ok', 'GET', true);
  t.equal(bench.wire.state, 'ended');
  bench.io.advance(1_900);
  t.equal(bench.wire.state, 'ended');
  bench.io.advance(200);
  t.equal(bench.wire.state, 'destroyed');
  t.equal(bench.closed, 1);
  t.end();
});

t.test('a malformed head is answered by the opener, and the connection ends', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('GET / HTTP/1.1\nHost: x\r\n\r\n');
  t.same(bench.tell(), ['malformed bad-request']);
  t.equal(bench.wire.take(), 'HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
  t.equal(bench.wire.state, 'ended');
  bench.wire.receive(get);
  t.same(bench.tell(), [], 'what follows is dropped');
  t.end();
});

t.test('a malformed body: the exchange is told, and the client gets 400 if nothing was answered', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  bench.tell();
  bench.wire.receive('0x2\r\n');
  t.same(bench.tell(), ['gone bad-request', 'malformed bad-request, told']);
  t.match(bench.wire.take(), 'HTTP/1.1 400 ');
  t.equal(bench.wire.state, 'ended');

  const started = new ServerBench();
  started.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  started.server.sendHead(responseHead(ok), noEdits, false);
  started.wire.receive('0x2\r\n');
  t.same(started.tell().slice(-1), ['gone bad-request']);
  t.equal(started.wire.state, 'reset', 'half an answer must not look whole');
  t.end();
});

t.test('a head that does not come whole in time gets 408; silence is closed without a word', (t) => {
  const bench = new ServerBench({ headTimeoutMs: 1_000 });
  bench.io.advance(900);
  bench.wire.receive(get.slice(0, 5));
  bench.wire.receive(get.slice(5, 9));
  bench.io.advance(150);
  t.same(bench.tell(), ['malformed head-timeout'], "the first head's time runs since accept");
  t.match(bench.wire.take(), 'HTTP/1.1 408 ');

  const silent = new ServerBench({ headTimeoutMs: 1_000 });
  silent.io.advance(1_100);
  t.same(silent.tell(), []);
  t.equal(silent.wire.take(), '');
  t.equal(silent.wire.state, 'ended');
  t.end();
});

t.test('an idle connection is closed after its time, a busy one is not', (t) => {
  const bench = new ServerBench({ downstreamIdleTimeoutMs: 5_000, headTimeoutMs: 1_000 });
  bench.wire.receive(get);
  bench.io.advance(20_000);
  t.equal(bench.wire.state, 'open');
  answer(bench.server);
  bench.io.advance(4_900);
  t.equal(bench.wire.state, 'open');
  bench.wire.receive(get.slice(0, 5));
  bench.io.advance(900);
  bench.wire.receive(get.slice(5));
  answer(bench.server);
  bench.io.advance(4_900);
  t.equal(bench.wire.state, 'open');
  bench.io.advance(200);
  t.equal(bench.wire.state, 'ended');
  t.end();
});

t.test('drain: the answer under way announces the end, an idle connection ends after its grace', (t) => {
  const busy = new ServerBench();
  busy.wire.receive(get);
  busy.server.drain();
  answer(busy.server);
  t.match(busy.wire.take(), 'connection: close');
  t.equal(busy.wire.state, 'ended');

  const idle = new ServerBench({ drainIdleGraceMs: 1_000 });
  idle.wire.receive(get);
  answer(idle.server);
  idle.server.drain();
  idle.io.advance(500);
  idle.wire.take();
  idle.wire.receive(get);
  answer(idle.server);
  t.match(idle.wire.take(), 'connection: close', 'a request within the grace is served');

  const silent = new ServerBench({ drainIdleGraceMs: 1_000 });
  silent.server.drain();
  silent.io.advance(1_100);
  t.equal(silent.wire.state, 'ended');

  const started = new ServerBench({ drainIdleGraceMs: 1_000 });
  started.wire.receive(get);
  started.server.sendHead(responseHead(ok), noEdits, false);
  started.server.drain();
  started.server.sendBody(bytesOf('ok'), 0, 2);
  started.server.finish(undefined);
  t.equal(started.wire.state, 'open', 'its head promised to stay');
  started.io.advance(1_100);
  t.equal(started.wire.state, 'ended');
  t.end();
});

t.test('backpressure: a full connection stops the answer, its drain lets it go on', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(get);
  bench.tell();
  bench.server.sendHead(responseHead('HTTP/1.1 200 OK\r\n\r\n'), noEdits, false);
  const large = bytesOf('x'.repeat(20_000));
  t.ok(bench.server.sendBody(large, 0, large.length));
  bench.wire.full = true;
  t.notOk(bench.server.sendBody(large, 0, large.length));
  t.notOk(bench.server.sendBody(large, 0, 10), 'a small piece too');
  bench.wire.drains();
  t.same(bench.tell(), ['drain']);
  bench.wire.drains();
  t.same(bench.tell(), [], 'nobody waits');
  bench.server.pauseRequest();
  t.ok(bench.wire.paused);
  bench.server.resumeRequest();
  t.notOk(bench.wire.paused);
  t.end();
});

t.test('a request paused by its exchange reads on when the answer is whole', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  bench.server.pauseRequest();
  answer(bench.server);
  t.notOk(bench.wire.paused);
  bench.wire.receive('cdef');
  t.ok(bench.server.isIdle);
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  t.notOk(bench.wire.paused, 'the pause was not for the next one');
  t.end();
});

t.test('the client goes away: the exchange is told once', (t) => {
  const reset = new ServerBench();
  reset.wire.receive(get);
  reset.tell();
  reset.wire.peerResets();
  t.same(reset.tell(), ['gone downstream-closed']);
  t.equal(reset.closed, 1);

  const short = new ServerBench();
  short.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  short.tell();
  short.wire.peerEnds();
  t.same(short.tell(), ['gone downstream-closed']);
  t.equal(short.wire.state, 'reset');

  const idle = new ServerBench();
  idle.wire.peerEnds();
  t.equal(idle.wire.state, 'ended');
  idle.wire.closesInOrder();
  t.same(idle.tell(), []);
  t.equal(idle.closed, 1);
  t.end();
});

t.test('a client that has ended its side still gets its answers, the last with close', (t) => {
  const bench = new ServerBench();
  bench.wire.receive(get + get);
  bench.wire.peerEnds();
  t.equal(bench.wire.state, 'open');
  answer(bench.server);
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  bench.io.turn();
  answer(bench.server);
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
  t.equal(bench.wire.state, 'ended');

  const later = new ServerBench();
  later.wire.receive(get);
  later.server.sendHead(responseHead(ok), noEdits, false);
  later.wire.peerEnds();
  later.server.sendBody(bytesOf('ok'), 0, 2);
  later.server.finish(undefined);
  t.equal(later.wire.state, 'ended');
  t.match(later.wire.take(), /ok$/);
  t.end();
});

t.test('abort resets, and nothing more is told', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  bench.tell();
  bench.server.sendHead(responseHead(ok), noEdits, false);
  bench.server.abort();
  t.equal(bench.wire.state, 'reset');
  t.same(bench.tell(), []);
  t.equal(bench.closed, 1);
  bench.server.flush();
  t.same(bench.wire.writes, [], 'what was collected is dropped');
  t.end();
});

t.test('an abort from within the request stops decoding', (t) => {
  const bench = new ServerBench();
  bench.onRequest = (downstream) => downstream.abort();
  bench.wire.receive(get + get);
  t.same(bench.tell(), ['request GET /a']);
  t.end();
});

t.test('a tunnel: bytes pass both ways as they are, each side ends on its own', (t) => {
  const upgrade = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\n';
  const bench = new ServerBench();
  bench.wire.receive(`${upgrade}early`);
  t.same(bench.tell(), ['request GET /ws', 'flush'], 'its end is that of the tunnel');
  t.ok(bench.wire.paused);
  bench.server.sendHead(responseHead(switching, 'GET', true), noEdits, false);
  bench.server.becomeTunnel();
  bench.server.flush();
  t.equal(
    bench.wire.take(),
    'HTTP/1.1 101 Switching Protocols\r\nA: b\r\nconnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  bench.io.turn();
  t.same(bench.tell(), ['body early', 'flush']);
  bench.wire.receive(get);
  t.same(bench.tell(), [`body ${get}`, 'flush'], 'a request in a tunnel is none');
  bench.server.sendBody(bytesOf('back'), 0, 4);
  bench.server.flush();
  t.equal(bench.wire.take(), 'back');
  bench.wire.peerEnds();
  t.same(bench.tell(), ['end', 'flush']);
  t.equal(bench.wire.state, 'open');
  bench.server.sendBody(bytesOf('more'), 0, 4);
  bench.server.finish(undefined);
  t.equal(bench.wire.take(), 'more');
  t.equal(bench.wire.state, 'ended');
  bench.wire.closesInOrder();
  t.same(bench.tell(), []);
  t.equal(bench.closed, 1);
  t.end();
});

t.test('a tunnel that breaks while it is open is told', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
  bench.server.sendHead(responseHead('HTTP/1.1 200 OK\r\n\r\n', 'CONNECT', true), noEdits, false);
  bench.server.becomeTunnel();
  bench.server.flush();
  t.equal(bench.wire.take(), 'HTTP/1.1 200 OK\r\n\r\n');
  bench.server.finish(undefined);
  t.equal(bench.wire.state, 'ended');
  bench.tell();
  bench.wire.receive('x');
  bench.wire.peerResets();
  t.same(bench.tell(), ['body x', 'flush', 'gone downstream-closed']);
  t.end();
});

t.test('an upgrade that is not taken up ends like any request', (t) => {
  const bench = new ServerBench();
  bench.wire.receive('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  bench.tell();
  answer(bench.server);
  t.same(bench.tell(), ['end', 'flush']);
  t.ok(bench.server.isIdle);
  t.end();
});

t.test('a connection whose bytes another one sends hears of it when it holds too much', (t) => {
  const slow = new ServerBench();
  const other = new ServerBench();
  for (const { wire, server } of [slow, other]) {
    wire.receive(get);
    server.sendHead(responseHead('HTTP/1.1 200 OK\r\n\r\n'), noEdits, false);
  }
  slow.server.flush();
  slow.tell();
  slow.wire.full = true;
  t.ok(slow.server.sendBody(bytesOf('a'), 0, 1), 'collected');
  t.ok(other.server.sendBody(bytesOf('b'), 0, 1), 'takes the place in the outbox');
  t.match(slow.wire.take(), /1\r\na\r\n$/);
  t.notOk(slow.server.sendBody(bytesOf('a'), 0, 1));
  slow.wire.drains();
  t.same(slow.tell(), ['drain']);
  t.end();
});

t.test('two connections in one turn do not mix', (t) => {
  const a = new ServerBench();
  const b = new ServerBench();
  a.wire.receive(get);
  b.wire.receive(get);
  a.server.sendHead(responseHead(ok), noEdits, false);
  b.server.sendHead(responseHead('HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n'), noEdits, false);
  a.server.sendBody(bytesOf('aa'), 0, 2);
  b.server.sendBody(bytesOf('b'), 0, 1);
  a.server.finish(undefined);
  b.server.finish(undefined);
  a.server.flush();
  b.server.flush();
  t.equal(a.wire.take(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\naa');
  t.equal(b.wire.take(), 'HTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nb');
  t.end();
});

function responseInterim(): ReturnType<typeof responseHead> {
  return responseHead('HTTP/1.1 100 Continue\r\n\r\n');
}
