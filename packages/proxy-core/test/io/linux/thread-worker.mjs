/** A data thread: blocks in the engine's loop, takes messages when it is woken, and stops when told. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createLinuxIo } from '../../../dist/io/linux/linux-io.js';

const { wakeFd, port } = workerData;
let wakes = 0;
const io = createLinuxIo({
  wakeFd,
  onWake() {
    wakes++;
    for (let message = receiveMessageOnPort(port); message !== undefined; message = receiveMessageOnPort(port)) {
      if (message.message === 'stop') io.stop();
      else port.postMessage(`got ${message.message}`);
    }
  },
});
const echo = {
  onOpen() {},
  onData: (connection, bytes, start, end) => {
    connection.write(bytes, start, end, false);
  },
  onEnd: (connection) => connection.end(),
  onDrain() {},
  onClose() {},
};
const listener = io.listen(
  { address: { host: '127.0.0.1', port: 0 }, original: false, backlog: 16, reusePort: false },
  { onAccept: (connection) => connection.startPlain(echo), onAcceptError() {} },
);
port.postMessage(listener.address.port);
io.run();
io.close();
parentPort?.postMessage({ wakes, counts: io.counts() });
