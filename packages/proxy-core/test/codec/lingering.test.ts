import t from 'tap';
import { Lingering } from '../../src/codec/http1/lingering.js';
import { bytesOf, ServerBench } from './server-bench.js';

const get = 'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const limits = { lingerTimeoutMs: 1_000, streamIdleTimeoutMs: 5_000, headTimeoutMs: 3_000 };

/** A connection that ends with its answer, of which that many bytes are held. */
function answered(bytesHeld: number): ServerBench {
  const bench = new ServerBench(limits);
  bench.wire.bytesHeld = bytesHeld;
  bench.onRequest = (downstream) => downstream.sendLocal(200, [], bytesOf('ok'), true);
  bench.wire.receive(get);
  t.equal(bench.wire.state, 'ended');
  return bench;
}

t.test('the time of a lingering connection begins when all of its answer is sent', (t) => {
  const bench = answered(500);
  for (const held of [400, 300, 200, 100]) {
    bench.wire.bytesHeld = held;
    bench.io.advance(4_100);
    t.equal(bench.wire.state, 'ended', `${held} bytes held`);
  }
  bench.wire.bytesHeld = 0;
  bench.io.advance(1_000);
  t.equal(bench.wire.state, 'ended');
  bench.io.advance(1_100);
  t.equal(bench.wire.state, 'destroyed', 'not reset: the client has all of it');
  t.equal(bench.closed, 1);
  t.end();
});

t.test('a client that stops reading its last answer is reset, so that it does not take part of it for all', (t) => {
  const bench = answered(500);
  bench.io.advance(4_900);
  t.equal(bench.wire.state, 'ended');
  bench.io.advance(1_200);
  t.equal(bench.wire.state, 'reset');
  t.equal(bench.closed, 1);
  t.end();
});

t.test('progress puts the cut off', (t) => {
  const lingering = new Lingering(limits, 500, 0);
  t.equal(lingering.decide(500, 4_900), 'wait');
  t.equal(lingering.decide(499, 4_950), 'wait');
  t.equal(lingering.decide(499, 9_900), 'wait');
  t.equal(lingering.decide(499, 9_950), 'reset');
  t.end();
});

t.test('the rest of a request that was answered early has its time', (t) => {
  const bench = new ServerBench(limits);
  bench.onRequest = (downstream) => downstream.sendLocal(403, [], bytesOf('no'), false);
  bench.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  bench.io.advance(2_900);
  t.equal(bench.wire.state, 'open');
  bench.wire.receive('c');
  bench.io.advance(200);
  t.equal(bench.wire.state, 'ended', 'a byte now and then does not extend it');
  bench.io.advance(1_100);
  t.equal(bench.wire.state, 'destroyed');

  const whole = new ServerBench(limits);
  whole.onRequest = (downstream) => downstream.sendLocal(403, [], bytesOf('no'), false);
  whole.wire.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab');
  whole.io.advance(2_900);
  whole.wire.receive('cdef');
  whole.io.advance(3_100);
  t.equal(whole.wire.state, 'open', 'idle now, which is another time');
  t.end();
});
