import t from 'tap';
import { failure } from '../../src/failure.js';
import { bytesOf, ClientBench } from './client-bench.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const post = 'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';

t.test('an exchange: the request in one write, the answer told, the place freed and used again', (t) => {
  const bench = new ClientBench();
  t.equal(bench.client.freePlaces, 0, 'not before it is open');
  bench.client.onOpen(bench.wire);
  t.same(bench.tell(), ['opened']);
  t.equal(bench.client.freePlaces, 1);
  bench.send();
  t.equal(bench.client.freePlaces, 0);
  t.equal(bench.client.reused, false);
  t.same(bench.wire.writes, ['GET /a HTTP/1.1\r\nhost: x\r\n\r\n']);
  t.equal(bench.wire.marks, 1);
  bench.wire.receive(ok);
  t.same(bench.tell(), ['head 200', 'body ok', 'end', 'flush', 'freed 0']);
  t.equal(bench.client.freePlaces, 1);
  bench.send();
  t.equal(bench.client.reused, true);
  bench.wire.receive(ok);
  t.same(bench.tell().at(-1), 'freed 0');
  t.end();
});

t.test('an answer split at every byte is told as if it had come whole', (t) => {
  const text =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n';
  for (let i = 1; i < text.length; i++) {
    const bench = ClientBench.withRequest();
    bench.wire.receive(text.slice(0, i));
    bench.wire.receive(text.slice(i));
    const told = bench
      .tell()
      .filter((line) => line !== 'flush')
      .join(' ')
      .replace('body o body k', 'body ok');
    t.equal(told, 'interim 100 head 200 body ok end A: b freed 0', `at ${i}`);
  }
  t.end();
});

t.test('a request with a body: chunks, then the end', (t) => {
  const bench = ClientBench.withRequest(post, false);
  t.equal(bench.wire.take(), 'POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  bench.client.sendBody(bytesOf('hello'), 0, 5);
  bench.client.sendEnd(undefined);
  bench.client.flush();
  t.same(bench.wire.writes, ['5\r\nhello\r\n0\r\n\r\n']);
  bench.wire.receive(ok);
  t.equal(bench.tell().at(-1), 'freed 0');
  t.end();
});

t.test("a request without Host, as HTTP/1.0 allows, names the server's address", (t) => {
  const bench = ClientBench.withRequest('GET /a HTTP/1.0\r\n\r\n');
  t.equal(bench.wire.take(), 'GET /a HTTP/1.1\r\nhost: 10.0.0.2:80\r\n\r\n');
  t.end();
});

t.test('Keep-Alive: timeout is handed on', (t) => {
  for (const [value, hint] of [
    ['timeout=5, max=100', 5_000],
    ['max=3,Timeout=12', 12_000],
    ['xtimeout=5', 0],
    ['timeout=', 0],
  ]) {
    const bench = ClientBench.withRequest();
    bench.wire.receive(`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\nContent-Length: 0\r\n\r\n`);
    t.equal(bench.tell().at(-1), `freed ${hint}`, String(value));
  }
  t.end();
});

t.test('a connection is not used again when the server closes it, or says that it will', (t) => {
  const closing = ClientBench.withRequest();
  closing.wire.receive('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
  t.same(closing.tell(), ['head 200', 'body ok', 'end', 'flush', 'connection gone upstream-reset']);
  t.equal(closing.client.freePlaces, 0);
  t.equal(closing.wire.state, 'destroyed');

  const old = ClientBench.withRequest();
  old.wire.receive('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.equal(old.tell().at(-1), 'connection gone upstream-reset');

  const untilClose = ClientBench.withRequest();
  untilClose.wire.receive('HTTP/1.1 200 OK\r\n\r\nab');
  untilClose.wire.peerEnds();
  t.same(untilClose.tell(), ['head 200', 'body ab', 'flush', 'end', 'flush', 'connection gone upstream-reset']);
  t.end();
});

t.test('bytes behind an answer: the answer counts, the connection does not', (t) => {
  const bench = ClientBench.withRequest();
  bench.wire.receive(ok + ok);
  t.same(bench.tell(), ['head 200', 'body ok', 'end', 'flush', 'connection gone upstream-reset']);
  t.end();
});

t.test('where an end is told a turn late, the place is free when it would have been told', (t) => {
  const answered = (): ClientBench => {
    const bench = new ClientBench({}, undefined, 'portable');
    bench.client.onOpen(bench.wire);
    bench.send();
    bench.wire.receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    bench.io.turn();
    t.equal(bench.client.freePlaces, 0);
    t.same(bench.tell().slice(1), ['head 200', 'end', 'flush']);
    return bench;
  };
  const kept = answered();
  kept.io.turn();
  t.same(kept.tell(), ['freed 0']);
  kept.send();
  t.ok(kept.client.reused);

  const ended = answered();
  ended.wire.peerEnds();
  ended.io.turn();
  t.same(ended.tell(), ['connection gone upstream-reset'], 'offered to nobody');

  const retired = answered();
  retired.client.retire();
  retired.io.turn();
  t.same(retired.tell(), ['connection gone upstream-reset']);

  const unsent = new ClientBench({}, undefined, 'portable');
  unsent.client.onOpen(unsent.wire);
  unsent.client.place().cancel();
  t.same(unsent.tell(), ['opened', 'freed 0'], 'nothing was asked, nothing can be behind it');
  t.end();
});

t.test('bytes or an end on an idle connection close it', (t) => {
  for (const act of ['bytes', 'end', 'reset']) {
    const bench = new ClientBench();
    bench.client.onOpen(bench.wire);
    bench.tell();
    if (act === 'bytes') bench.wire.receive('HTTP/1.1 408 Request Timeout\r\n\r\n');
    else if (act === 'end') bench.wire.peerEnds();
    else bench.wire.peerResets();
    t.same(bench.tell(), ['connection gone upstream-reset'], act);
    t.equal(bench.client.freePlaces, 0);
  }
  t.end();
});

t.test('an answer before the request is none: the exchange may be tried elsewhere', (t) => {
  const bench = new ClientBench();
  bench.client.onOpen(bench.wire);
  bench.client.place().begin(bench);
  bench.tell();
  bench.wire.receive(ok);
  t.same(bench.tell(), ['failed upstream-reset undelivered', 'connection gone upstream-reset']);
  t.end();
});

t.test('a lost connection says whether the server may have read anything', (t) => {
  for (const isUndelivered of [true, false]) {
    const suffix = isUndelivered ? ' undelivered' : '';
    const reset = ClientBench.withRequest();
    reset.wire.isUndelivered = isUndelivered;
    reset.wire.peerResets();
    t.same(reset.tell(), [`failed upstream-reset${suffix}`, 'connection gone upstream-reset']);

    const ended = ClientBench.withRequest();
    ended.wire.isUndelivered = isUndelivered;
    ended.wire.peerEnds();
    t.same(ended.tell(), [`failed upstream-reset${suffix}`, 'connection gone upstream-reset']);
    t.equal(ended.wire.state, 'reset');
  }
  const begun = ClientBench.withRequest();
  begun.wire.isUndelivered = true;
  begun.wire.receive('HTTP/1.1 2');
  begun.wire.peerResets();
  t.same(begun.tell().at(-2), 'failed upstream-reset', 'whoever answers has read');
  t.end();
});

t.test('a truncated answer fails after its head', (t) => {
  for (const text of [ok.slice(0, -1), 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n']) {
    const bench = ClientBench.withRequest();
    bench.wire.receive(text);
    bench.tell();
    bench.wire.peerEnds();
    t.same(bench.tell(), ['failed upstream-reset', 'connection gone upstream-reset']);
  }
  const untilClose = ClientBench.withRequest();
  untilClose.wire.receive('HTTP/1.1 200 OK\r\n\r\nab');
  untilClose.tell();
  untilClose.wire.peerResets();
  t.equal(untilClose.tell()[0], 'failed upstream-reset', 'a reset is no end');
  t.end();
});

t.test('a malformed answer is a bad response, and the connection is reset', (t) => {
  for (const text of [
    'HTTP/1.1 200 OK\nA: b\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    'SSH-2.0\r\n',
  ]) {
    const bench = ClientBench.withRequest();
    bench.wire.receive(text);
    t.same(
      bench.tell().filter((line) => line !== 'flush'),
      ['failed upstream-bad-response', 'connection gone upstream-bad-response'],
    );
    t.equal(bench.wire.state, 'reset');
  }
  t.end();
});

t.test('an answer that is whole before its request ends the connection', (t) => {
  const bench = ClientBench.withRequest(post, false);
  bench.client.sendBody(bytesOf('part'), 0, 4);
  bench.client.flush();
  bench.wire.take();
  bench.wire.receive(ok);
  t.same(bench.tell(), ['head 200', 'body ok', 'end', 'flush', 'connection gone upstream-reset']);
  t.ok(bench.client.sendBody(bytesOf('more'), 0, 4), 'what comes later is dropped');
  bench.client.sendEnd(undefined);
  bench.client.flush();
  t.same(bench.wire.writes, []);
  t.end();
});

t.test("an early answer's head lets the request go on", (t) => {
  const bench = ClientBench.withRequest(post, false);
  bench.wire.receive(ok.slice(0, -1));
  bench.wire.take();
  bench.client.sendBody(bytesOf('x'), 0, 1);
  bench.client.sendEnd(undefined);
  bench.client.flush();
  t.equal(bench.wire.take(), '1\r\nx\r\n0\r\n\r\n');
  bench.wire.receive('k');
  t.equal(bench.tell().at(-1), 'freed 0');
  t.end();
});

t.test('cancel ends the connection, unless nothing was sent', (t) => {
  const sent = ClientBench.withRequest();
  sent.client.cancel();
  t.same(sent.tell(), ['connection gone upstream-reset']);
  t.equal(sent.wire.state, 'reset');
  sent.client.cancel();
  t.same(sent.tell(), []);

  const unsent = new ClientBench();
  unsent.client.onOpen(unsent.wire);
  unsent.client.place().begin(unsent);
  unsent.tell();
  unsent.client.cancel();
  t.same(unsent.tell(), ['freed 0']);
  t.equal(unsent.client.freePlaces, 1);

  const within = ClientBench.withRequest();
  within.onResponseHead = () => within.client.cancel();
  within.wire.receive(ok);
  t.same(within.tell(), ['head 200', 'connection gone upstream-reset', 'flush'], 'no body, no end');
  t.end();
});

t.test('retire closes an idle connection now and a busy one after its answer', (t) => {
  const idle = new ClientBench();
  idle.client.onOpen(idle.wire);
  idle.tell();
  idle.client.retire();
  t.same(idle.tell(), ['connection gone upstream-reset']);

  const busy = ClientBench.withRequest();
  busy.client.retire();
  t.equal(busy.wire.state, 'open');
  busy.wire.receive(ok);
  t.same(busy.tell().slice(-2), ['flush', 'connection gone upstream-reset']);
  t.equal(busy.wire.state, 'destroyed');

  const connecting = new ClientBench();
  connecting.client.retire();
  connecting.client.onOpen(connecting.wire);
  t.equal(connecting.client.freePlaces, 0);
  t.equal(connecting.wire.state, 'destroyed');
  t.same(connecting.tell(), ['opened', 'connection gone upstream-reset'], 'whoever waited for it could have taken it');
  t.end();
});

t.test('a connection that does not open, or to the wrong peer, is gone with its reason', (t) => {
  const cases = [
    ['refused', 'upstream-connect-failed'],
    ['timeout', 'upstream-connect-timeout'],
    ['tls', 'upstream-tls-failed'],
  ] as const;
  for (const [code, reason] of cases) {
    const bench = new ClientBench();
    bench.wire.failsToOpen({ code, message: '' });
    t.same(bench.tell(), [`connection gone ${reason}`]);
  }
  const wrong = new ClientBench({}, failure('upstream-identity-mismatch'));
  wrong.client.onOpen(wrong.wire);
  t.same(wrong.tell(), ['connection gone upstream-identity-mismatch']);
  t.equal(wrong.wire.state, 'destroyed');
  t.end();
});

t.test('backpressure both ways', (t) => {
  const bench = ClientBench.withRequest(post, false);
  bench.wire.full = true;
  const large = bytesOf('x'.repeat(20_000));
  t.notOk(bench.client.sendBody(large, 0, large.length));
  bench.wire.drains();
  t.same(bench.tell(), ['drain']);
  bench.client.pauseResponse();
  t.ok(bench.wire.paused);
  bench.client.resumeResponse();
  t.notOk(bench.wire.paused);
  t.end();
});

t.test('a place that was paused at the end of its answer reads again for the next', (t) => {
  const bench = ClientBench.withRequest();
  bench.onResponseHead = () => bench.client.pauseResponse();
  bench.wire.receive(ok);
  t.equal(bench.tell().at(-1), 'freed 0');
  t.notOk(bench.wire.paused);
  t.end();
});

t.test('a tunnel: bytes behind the 101 belong to it, each side ends on its own', (t) => {
  const upgrade = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const bench = ClientBench.withRequest(upgrade, false);
  t.equal(bench.wire.take(), 'GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  bench.onResponseHead = () => bench.client.becomeTunnel();
  bench.wire.receive('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 ');
  t.same(bench.tell(), ['head 101', 'body HTTP/1.1 ', 'flush']);
  bench.client.sendBody(bytesOf('up'), 0, 2);
  bench.client.flush();
  t.equal(bench.wire.take(), 'up');
  bench.wire.peerEnds();
  t.same(bench.tell(), ['end', 'flush']);
  t.equal(bench.wire.state, 'open');
  bench.client.sendBody(bytesOf('last'), 0, 4);
  bench.client.sendEnd(undefined);
  t.equal(bench.wire.take(), 'last');
  t.equal(bench.wire.state, 'ended');
  bench.wire.closesInOrder();
  t.same(bench.tell(), ['connection gone upstream-reset']);
  t.end();
});

t.test('a tunnel that breaks is told', (t) => {
  const bench = ClientBench.withRequest('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', false);
  t.equal(bench.wire.take(), 'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n');
  bench.onResponseHead = () => bench.client.becomeTunnel();
  bench.wire.receive('HTTP/1.1 200 OK\r\n\r\n');
  bench.tell();
  bench.wire.peerResets();
  t.same(bench.tell(), ['failed upstream-reset', 'connection gone upstream-reset']);
  t.end();
});

t.test('an upgrade that is not taken up frees the place when the request ends', (t) => {
  const bench = ClientBench.withRequest(
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    false,
  );
  bench.onResponseHead = () => bench.client.sendEnd(undefined);
  bench.wire.take();
  bench.wire.receive(ok);
  t.same(bench.tell(), ['head 200', 'body ok', 'end', 'flush', 'freed 0']);
  t.same(bench.wire.writes, []);
  t.end();
});

t.test(
  'a final answer in place of 100 ends the connection: the body may still be read as one, or as a request',
  (t) => {
    const expecting = 'POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    for (const [answers, end] of [
      [ok, 'connection gone upstream-reset'],
      [`HTTP/1.1 103 Early Hints\r\n\r\n${ok}`, 'connection gone upstream-reset'],
      [`HTTP/1.1 100 Continue\r\n\r\n${ok}`, 'freed 0'],
    ]) {
      const bench = ClientBench.withRequest(expecting, false);
      bench.client.sendBody(bytesOf('ok'), 0, 2);
      bench.client.sendEnd(undefined);
      bench.wire.receive(answers);
      t.equal(bench.tell().at(-1), end, answers);
    }
    const without = ClientBench.withRequest('GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n');
    without.wire.receive(ok);
    t.equal(without.tell().at(-1), 'freed 0', 'there is no body to wait for');
    t.end();
  },
);

t.test('an interim answer that announces the end of the connection is believed', (t) => {
  const bench = ClientBench.withRequest();
  bench.wire.receive(`HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${ok}`);
  t.same(bench.tell(), ['interim 103', 'head 200', 'body ok', 'end', 'flush', 'connection gone upstream-reset']);
  t.end();
});

t.test('a 101 changes to what was asked for, or the answer is a bad one', (t) => {
  const ask = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket, foo/2\r\nUpgrade: bar\r\n\r\n';
  for (const [upgrade, told] of [
    ['WebSocket', 'head 101'],
    ['bar', 'head 101'],
    ['foo/2, websocket', 'head 101'],
    ['foo', 'failed upstream-bad-response'],
    ['websocket, irc', 'failed upstream-bad-response'],
    ['web', 'failed upstream-bad-response'],
  ]) {
    const bench = ClientBench.withRequest(ask, false);
    bench.wire.receive(`HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`);
    t.equal(bench.tell()[0], told, upgrade);
  }
  t.end();
});

t.test('the body of an answer that has none is no answer', (t) => {
  for (const [request, head] of [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 38'],
    ['GET', 'HTTP/1.1 204 No Content'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 38'],
  ]) {
    const split = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    const status = head.slice(9, 12);
    const together = ClientBench.withRequest(`${request} /a HTTP/1.1\r\nHost: x\r\n\r\n`);
    together.wire.receive(`${head}\r\n\r\n${split}`);
    t.same(together.tell(), [`head ${status}`, 'end', 'flush', 'connection gone upstream-reset'], head);
    const later = ClientBench.withRequest(`${request} /a HTTP/1.1\r\nHost: x\r\n\r\n`);
    later.wire.receive(`${head}\r\n\r\n`);
    t.equal(later.tell().at(-1), 'freed 0');
    later.wire.receive(split);
    t.same(later.tell(), ['connection gone upstream-reset'], 'bytes that no request asked for');
    t.equal(later.wire.state, 'reset');
  }
  t.end();
});
