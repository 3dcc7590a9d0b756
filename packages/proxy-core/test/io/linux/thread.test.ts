import { once } from 'node:events';
import net from 'node:net';
import { MessageChannel, Worker } from 'node:worker_threads';
import t from 'tap';
import { closeWakeFd, createWakeFd, wake } from '../../../src/io/linux/wake.js';

t.test('a thread blocked in run serves, is woken for messages, and ends when it is told', async (t) => {
  const wakeFd = createWakeFd();
  t.teardown(() => closeWakeFd(wakeFd));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL('./thread-worker.mjs', import.meta.url), {
    workerData: { wakeFd, port: port2 },
    transferList: [port2],
  });
  t.teardown(() => worker.terminate());
  const ended = once(worker, 'message');
  const exited = once(worker, 'exit');
  const [port] = await once(port1, 'message');

  const socket = net.connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.write('hello');
  t.equal(String((await once(socket, 'data'))[0]), 'hello');

  const answers: string[] = [];
  port1.on('message', (message) => answers.push(message));
  for (const text of ['one', 'two']) {
    port1.postMessage(text);
    wake(wakeFd);
  }
  while (answers.length < 2) await once(port1, 'message');
  t.same(answers, ['got one', 'got two']);

  port1.postMessage('stop');
  wake(wakeFd);
  const [{ wakes, counts }] = await ended;
  t.ok(wakes >= 2 && wakes <= 3, `${wakes} wakes`);
  t.same(counts, { fds: 0, sessions: 0, contexts: 0 }, 'all that the thread held is given back');
  const [code] = await exited;
  t.equal(code, 0);
  port1.close();
  socket.destroy();
});
