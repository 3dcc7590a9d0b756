/**
 * Entry of a data thread with the `linux` engine: blocks in epoll until the main thread wakes it through an eventfd, and never runs a promise.
 * Started by `thread.ts` as a worker.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createLinuxIo } from '../io/linux/linux-io.js';
import type { Limits } from '../limits.js';
import type { Command } from './messages.js';
import { ThreadProxy } from './thread-proxy.js';

export interface LinuxThreadData {
  readonly limits: Limits;
  readonly wakeFd: number;
  readonly socketMark: number | undefined;
  readonly reusePort: boolean;
}

const port = parentPort;
if (port === null) throw new Error('linux-thread is the entry of a worker, not a program');
const { limits, wakeFd, socketMark, reusePort } = workerData as LinuxThreadData;
const io = createLinuxIo({ limits, socketMark, wakeFd, onWake: receive });
const proxy = new ThreadProxy(
  io,
  { reusePort },
  (reply) => port.postMessage(reply),
  () => io.stop(),
);
io.run();
io.close();
// Ends the worker: nothing of its own is left to wait for.
port.close();

function receive(): void {
  for (let next = receiveMessageOnPort(parentPort!); next !== undefined; next = receiveMessageOnPort(parentPort!)) {
    proxy.handle(next.message as Command);
  }
}
