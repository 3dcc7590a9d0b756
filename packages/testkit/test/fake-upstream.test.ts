import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { answer, fakeHttpUpstream, fakeTcpUpstream, truncatedAnswer } from '../src/fake-upstream.js';

/** A client that sends a text and tells all that came, and how it ended. */
async function talk(port: number, text: string, onData = () => {}): Promise<{ got: string; ending: string }> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let got = '';
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString('latin1');
    onData();
  });
  socket.write(text);
  return new Promise((resolve) => {
    socket.on('end', () => {
      socket.end();
      resolve({ got, ending: 'end' });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ got, ending: error.code ?? 'error' }));
  });
}

const get = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

t.test('answers come from the list, in order, and what was asked is noted', async (t) => {
  const upstream = await fakeHttpUpstream({ answers: [answer(200, 'one'), answer(503, 'two')], closeStale: 'end' });
  t.teardown(() => upstream.close());
  const first = await talk(upstream.address.port, get);
  const second = await talk(upstream.address.port, get.replace('/x', '/y'));
  const third = await talk(upstream.address.port, get);
  t.match(first, { got: /^HTTP\/1\.1 200 [\s\S]*content-length: 3\r\n\r\none$/, ending: 'end' });
  t.match(second, { got: /^HTTP\/1\.1 503 / });
  t.match(third, { got: /^HTTP\/1\.1 503 / }, 'the last answer serves all further requests');
  t.same(
    upstream.requests.map((request) => request.target),
    ['/x', '/y', '/x'],
  );
  t.equal(upstream.connections.length, 3);
  t.same(upstream.requests[0].fields, [['Host', 'a']]);
});

t.test('truncation ends or resets before the announced length', async (t) => {
  const [send, reset] = truncatedAnswer('half', 10, 'reset');
  const upstream = await fakeHttpUpstream({
    answers: [truncatedAnswer('half', 10, 'end'), [send, { hold: 'read' }, reset]],
  });
  t.teardown(() => upstream.close());
  t.match(await talk(upstream.address.port, get), { got: /content-length: 14\r\n\r\nhalf$/, ending: 'end' });
  // libuv tells an end where bytes and a reset arrive together, so the reset waits until the bytes were read.
  const { got, ending } = await talk(upstream.address.port, get, () => upstream.release('read'));
  t.match(got, /half$/);
  t.equal(ending, 'ECONNRESET');
});

t.test('an answer waits at a hold until it is released, and pipelined ones stay in order', async (t) => {
  const upstream = await fakeHttpUpstream({
    answers: [[{ hold: 'gate' }, ...answer(200, 'first')], answer(201, 'second')],
  });
  t.teardown(() => upstream.close());
  const socket = net.connect(upstream.address.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let got = '';
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString();
  });
  socket.write(get + get);
  while (upstream.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.equal(got, '');
  upstream.release('gate');
  while (!got.endsWith('second')) await once(socket, 'data');
  t.match(got, /200[\s\S]*first[\s\S]*201[\s\S]*second$/);
});

t.test('an early answer does not wait for the body', async (t) => {
  const upstream = await fakeHttpUpstream({ answers: [answer(413, 'too large')], early: true, closeStale: 'end' });
  t.teardown(() => upstream.close());
  const { got } = await talk(upstream.address.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nstart');
  t.match(got, /413/);
  t.equal(upstream.requests[0].whole, false);
});

t.test('a TCP upstream greets first and echoes', async (t) => {
  const upstream = await fakeTcpUpstream({ greeting: [{ send: '220 ' }], echo: true });
  t.teardown(() => upstream.close());
  const socket = net.connect({ port: upstream.address.port, host: '127.0.0.1', allowHalfOpen: true });
  let got = '';
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString();
  });
  while (got !== '220 ') await once(socket, 'data');
  socket.end('ping');
  await once(socket, 'end');
  t.equal(got, '220 ping');
  t.same([upstream.connections[0].received, upstream.connections[0].ending], ['ping', 'end']);
});

t.test('a client that resets is noted', async (t) => {
  const upstream = await fakeTcpUpstream();
  t.teardown(() => upstream.close());
  const socket = net.connect(upstream.address.port, '127.0.0.1');
  await once(socket, 'connect');
  while (upstream.connections.length === 0) await new Promise((resolve) => setImmediate(resolve));
  socket.resetAndDestroy();
  while (upstream.connections[0].ending === 'open') await new Promise((resolve) => setImmediate(resolve));
  t.equal(upstream.connections[0].ending, 'reset');
});
