// A TCP server that speaks first and then echoes: the kind of protocol a proxy must not wait for.
//   PORT  default 9000     HOST  default 0.0.0.0     GREETING  default "hello, speak and I repeat"
import { createServer } from 'node:net';

const port = Number(process.env.PORT ?? 9000);
const host = process.env.HOST ?? '0.0.0.0';
const greeting = process.env.GREETING ?? 'hello, speak and I repeat';

const connections = new Set();
const server = createServer({ allowHalfOpen: true }, (socket) => {
  connections.add(socket);
  socket.on('close', () => connections.delete(socket));
  socket.on('error', () => socket.destroy());
  socket.write(`${greeting}\n`);
  socket.pipe(socket);
});
server.on('error', (error) => {
  console.error(`cannot listen on ${host}:${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, host, () => console.log(`greeter listens on ${host}:${port}`));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  for (const socket of connections) socket.end();
});
