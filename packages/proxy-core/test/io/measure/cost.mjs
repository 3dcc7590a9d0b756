/**
 * CPU per request of one plain hop, user and system time of the proxy's process, in rounds that take turns:
 *   node cost.mjs [--seconds 4] [--rounds 3] [NAME=COMMAND ...]
 * Each command is a proxy program that is given a port to listen on and the port of the upstream; ` + ` chains several, whose costs are added.
 * `engine` (hop.mjs) is measured unless another program of that name is given.
 *   node cost.mjs 'trial=node /path/to/epoll.js'
 *   node cost.mjs 'engine=node hop.mjs out CERTIFICATES + node hop.mjs in CERTIFICATES' 'trial=...'
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const connections = 16;
const body = 'x'.repeat(70);
const answer = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
const request = Buffer.from('GET /hello HTTP/1.1\r\nhost: server\r\nuser-agent: cost\r\n\r\n');

const args = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(args.splice(at, 2)[1]);
};
const seconds = option('seconds', 4);
const rounds = option('rounds', 3);
const hop = `engine=node ${fileURLToPath(new URL('./hop.mjs', import.meta.url))}`;
const programs = (args.some((text) => text.startsWith('engine=')) ? args : [hop, ...args]).map((text) => {
  const [name, command] = [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)];
  return { name, commands: command.split(' + ').map((one) => one.split(' ')), children: [], costs: [], port: 0 };
});

const upstream = net.createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => {
    for (let at = chunk.indexOf('\r\n\r\n'); at >= 0; at = chunk.indexOf('\r\n\r\n', at + 4)) socket.write(answer);
  });
  socket.on('error', () => {});
});
await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve));

for (const program of programs) {
  // From the last to the first, each before the one that it is the upstream of.
  let next = upstream.address().port;
  for (const [command, ...rest] of program.commands.reverse()) {
    const port = await freePort();
    program.children.push(spawn(command, [...rest, String(port), String(next)], { stdio: 'inherit' }));
    next = port;
  }
  program.port = next;
}
try {
  await sleep(1000);
  for (let round = 0; round < rounds; round++) {
    for (const program of programs) {
      await load(program.port, 500);
      const before = cpuMicroseconds(program.children);
      const requests = await load(program.port, seconds * 1000);
      program.costs.push((cpuMicroseconds(program.children) - before) / requests);
      console.log(
        `${program.name}: ${program.costs.at(-1).toFixed(2)} µs a request, ${Math.round(requests / seconds)} requests/s`,
      );
    }
  }
  for (const { name, costs } of programs)
    console.log(`${name}: median ${costs.sort((a, b) => a - b)[rounds >> 1].toFixed(2)} µs`);
} finally {
  for (const { children } of programs) for (const child of children) child.kill();
  upstream.close();
  process.exit();
}

/** Closed loop: each connection sends its next request when the answer is whole. */
async function load(port, ms) {
  let done = 0;
  const sockets = [];
  await Promise.all(
    Array.from({ length: connections }, () => {
      return new Promise((resolve, reject) => {
        const socket = net.connect({ port, host: '127.0.0.1', noDelay: true }, () => {
          sockets.push(socket);
          resolve();
        });
        let got = 0;
        socket.on('error', reject);
        socket.on('data', (chunk) => {
          got += chunk.length;
          if (got < answer.length) return;
          got -= answer.length;
          done++;
          socket.write(request);
        });
      });
    }),
  );
  for (const socket of sockets) socket.write(request);
  await sleep(ms);
  const requests = done;
  for (const socket of sockets) socket.destroy();
  await sleep(50);
  return requests;
}

/** User and system time of all threads of all processes; the kernel counts in ticks of 10 ms. */
function cpuMicroseconds(children) {
  return children.reduce((sum, { pid }) => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * 10_000;
  }, 0);
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
