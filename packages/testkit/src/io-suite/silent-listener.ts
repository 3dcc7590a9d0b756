/** An address that neither accepts nor refuses: a listener whose thread is blocked and whose queue is full, so that the kernel drops further SYNs. */
import { once } from 'node:events';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import type { SocketAddress } from '@tulle/proxy-core/internal';

export interface SilentListener {
  readonly address: SocketAddress;
  close(): void | Promise<void>;
}

/** Its loop never turns again after the port was told, so nothing is ever accepted. */
const blockedListener = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

/** Connections that a backlog of 1 lets into the queue on Linux. */
const queueLength = 2;

export async function silentListener(): Promise<SilentListener> {
  const worker = new Worker(blockedListener, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const fillers = Array.from({ length: queueLength }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(fillers.map((filler) => once(filler, 'connect')));
  return {
    address: { host: '127.0.0.1', port },
    async close() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}
