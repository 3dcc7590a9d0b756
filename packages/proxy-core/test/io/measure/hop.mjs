/**
 * A proxy of one hop that parses next to nothing, on the `linux` engine: what the engine itself costs.
 *   node hop.mjs [out|in CERTIFICATES] LISTEN_PORT UPSTREAM_PORT      in a worker thread, as the data plane runs it
 * `out`: mutual TLS towards the upstream, `in`: towards the client. CERTIFICATES is a folder with c.crt, c.key, s.crt, s.key and ca.crt.
 */

import { readFileSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createLinuxIo } from '../../../dist/io/linux/linux-io.js';

const separator = Buffer.from('\r\n\r\n');

if (isMainThread) {
  const ports = process.argv.slice(-2).map(Number);
  const [mode, folder] = process.argv.slice(2, -2);
  new Worker(new URL(import.meta.url), {
    workerData: [...ports, mode, folder],
    resourceLimits: { maxYoungGenerationSizeMb: 1 },
  });
} else {
  const [listenPort, upstreamPort, mode, folder] = workerData;
  const io = createLinuxIo();
  const context = (side) => {
    const read = (name) => readFileSync(`${folder}/${name}`, 'utf8');
    const name = side === 'client' ? 'c' : 's';
    return io.tlsContext({
      side,
      certificateChainPem: read(`${name}.crt`),
      privateKeyPem: read(`${name}.key`),
      trustPem: read('ca.crt'),
      requirePeerCertificate: true,
      alpn: ['tulle-http/1.1'],
    });
  };
  const out = mode === 'out' ? context('client') : undefined;
  const inward = mode === 'in' ? context('server') : undefined;
  const idle = [];
  const address = { host: '127.0.0.1', port: upstreamPort };

  class Upstream {
    constructor() {
      this.client = undefined;
      this.left = -1;
      this.connection = io.connect({ address, tls: out, serverName: '', timeoutMs: 5000 }, this);
    }
    onOpen() {}
    onDrain() {}
    onEnd() {}
    onData(_connection, bytes, start, end) {
      if (this.left < 0) this.left = messageLength(bytes, start, end);
      this.left -= end - start;
      this.client.connection.write(bytes, start, end, false);
      if (this.left > 0) return;
      this.left = -1;
      this.client.upstream = undefined;
      this.client = undefined;
      idle.push(this);
    }
    onClose() {
      const at = idle.indexOf(this);
      if (at >= 0) idle.splice(at, 1);
      this.client?.connection.destroy(false);
    }
  }

  class Client {
    constructor(connection) {
      this.connection = connection;
      this.upstream = undefined;
      if (inward) connection.startTls(inward, this);
      else connection.startPlain(this);
    }
    onOpen() {}
    onDrain() {}
    onEnd(connection) {
      connection.end();
    }
    onData(_connection, bytes, start, end) {
      messageLength(bytes, start, end);
      const upstream = idle.pop() ?? new Upstream();
      upstream.client = this;
      this.upstream = upstream;
      upstream.connection.mark();
      upstream.connection.write(bytes, start, end, false);
    }
    onClose() {
      this.upstream?.connection.destroy(false);
    }
  }

  io.listen(
    { address: { host: '127.0.0.1', port: listenPort }, original: false, backlog: 1024, reusePort: false },
    { onAccept: (connection) => new Client(connection), onAcceptError: (error) => console.error(error) },
  );
  io.run();
}

/** Length of a message with its body, by its first content-length line: as little as the trial does. */
function messageLength(bytes, start, end) {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  const headEnd = head.indexOf(separator);
  let i = 0;
  while (i < headEnd) {
    const line = head.indexOf(10, i);
    if (line < 0 || line > headEnd) break;
    i = line + 1;
    if ((head[i] | 32) === 99 && (head[i + 8] | 32) === 108 && head[i + 14] === 58 && head[i + 7] === 45) {
      let k = i + 15;
      while (head[k] === 32) k++;
      let length = 0;
      while (head[k] >= 48 && head[k] <= 57) length = length * 10 + head[k++] - 48;
      return headEnd + 4 + length;
    }
  }
  return headEnd + 4;
}
