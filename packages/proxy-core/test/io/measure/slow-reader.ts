/**
 * A sender that pushes as much as it can through a proxy to a reader of 1 MiB/s: `node --import=tsx FILE ENGINE tcp|http plain|tls SECONDS`.
 * Prints how much the proxy took beyond what the reader has, which the buffers of four sockets and `writeHighWaterBytes` bound, and by how much its resident memory
 * grew after a first such transfer. The proxy is a process of its own (packages/cli must be built).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '@tulle/testkit';

const [engine, protocol, transport, seconds] = process.argv.slice(2);
if (
  !/^(linux|portable)$/.test(engine) ||
  !/^(tcp|http)$/.test(protocol) ||
  !/^(plain|tls)$/.test(transport) ||
  !(Number(seconds) > 0)
) {
  console.error('usage: slow-reader.ts linux|portable tcp|http plain|tls SECONDS');
  process.exit(2);
}
const mebibyte = 1_048_576;
const total = 1_024 * mebibyte;
const piece = Buffer.alloc(65_536, 7);

const folder = mkdtempSync(join(tmpdir(), 'slow-reader-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const authority = await createAuthority();
const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
const pems = {
  cert: file('cert.pem', identity.certificateChainPem),
  key: file('key.pem', identity.privateKeyPem),
  ca: file('ca.pem', authority.rootPem),
};

let sent = 0;
/** Pushes as long as the kernel takes it; a new request, or a new connection, begins a new transfer. */
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  const push = (): void => {
    while (!socket.destroyed && sent < total) {
      sent += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', push);
  if (protocol === 'tcp') push();
  else
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
      push();
    });
});
await once(server.listen(0, '127.0.0.1'), 'listening');

const proxy = startProxy((server.address() as net.AddressInfo).port);
const port = await portOf(proxy);

await transfer(3_000);
const before = residentMiB();
const { taken, read, peakMiB } = await transfer(Number(seconds) * 1_000);
const grewMiB = Math.round((peakMiB - before) * 100) / 100;
console.log(
  JSON.stringify({
    engine,
    protocol,
    transport,
    readMiB: round(read),
    heldMiB: round(taken - read),
    rssMiB: round(before * mebibyte),
    grewMiB,
  }),
);
proxy.kill('SIGKILL');
rmSync(folder, { recursive: true });
process.exit(0);

function startProxy(to: number): ChildProcess {
  const secure =
    transport === 'tls' ? ['--listen-cert', pems.cert, '--listen-key', pems.key, '--listen-ca', pems.ca] : [];
  const cli = fileURLToPath(new URL('../../../../cli/dist/main.js', import.meta.url));
  const options = [
    '--listen',
    '127.0.0.1:0',
    '--to',
    `127.0.0.1:${to}`,
    '--protocol',
    protocol,
    '--engine',
    engine,
    '--access-log',
    'off',
  ];
  return spawn(process.execPath, [cli, 'proxy', ...options, ...secure], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function portOf(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = /127\.0\.0\.1:(\d+)/.exec(line);
    if (found !== null) return Number(found[1]);
  }
  throw new Error('the proxy does not say where it listens');
}

/** Reads 1 MiB/s for a while; what the sender got rid of, what was read of it, and the most that the proxy held meanwhile. */
async function transfer(ms: number): Promise<{ taken: number; read: number; peakMiB: number }> {
  sent = 0;
  let read = 0;
  let peakMiB = 0;
  const options = { host: '127.0.0.1', port };
  const material = { cert: identity.certificateChainPem, key: identity.privateKeyPem, ca: authority.rootPem };
  const socket =
    transport === 'tls'
      ? tls.connect({ ...options, ...material, checkServerIdentity: () => undefined })
      : net.connect(options);
  socket.on('error', () => {});
  await once(socket, transport === 'tls' ? 'secureConnect' : 'connect');
  if (protocol === 'http') socket.write('GET / HTTP/1.1\r\nhost: a.test\r\n\r\n');
  socket.pause();
  socket.on('readable', () => {});
  const startMs = performance.now();
  while (performance.now() - startMs < ms) {
    const due = ((performance.now() - startMs) / 1_000) * mebibyte - read;
    const part = socket.read(Math.min(due, socket.readableLength)) as Buffer | null;
    read += part?.length ?? 0;
    peakMiB = Math.max(peakMiB, residentMiB());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const taken = sent;
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  return { taken, read, peakMiB };
}

function residentMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))?.[1]) / 1_024;
}

function round(bytes: number): number {
  return Math.round((bytes / mebibyte) * 10) / 10;
}
