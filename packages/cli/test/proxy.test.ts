// The built `tulle proxy`, and how it notices renewed certificates.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { watchFiles } from '../src/proxy/certificates.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-proxy-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

interface Running {
  readonly out: () => string;
  readonly err: () => string;
  readonly kill: () => void;
  readonly exited: Promise<number | null>;
  /** Resolves when standard error matches. */
  said(what: RegExp): Promise<RegExpExecArray>;
}

function proxy(t: Test, args: string[]): Running {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [program, 'proxy', ...args], { env: { PATH, HOME } });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => {
    out += String(part);
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  child.stderr.on('data', (part) => {
    err += String(part);
  });
  return {
    out: () => out,
    err: () => err,
    kill: () => child.kill('SIGTERM'),
    exited,
    async said(what) {
      for (;;) {
        const found = what.exec(err);
        if (found !== null) return found;
        const more = await Promise.race([once(child.stderr, 'data'), exited]);
        if (typeof more === 'number') throw new Error(`ended with ${more}: ${err}`);
      }
    },
  };
}

async function status(port: number, path: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

void t.test(
  'a certificate file that is missing for a moment costs a sentence, and is taken when it is back',
  async (t) => {
    const folder = folderOf(t);
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=one'.split(' ');
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    const tls = ['--listen-cert', cert, '--listen-key', key, '--listen-ca', cert];
    const running = proxy(t, ['--listen', '127.0.0.1:0', '--to', '127.0.0.1:9', ...tls]);
    await running.said(/listening on/);
    renameSync(key, `${key}.old`);
    await running.said(/the old ones stay: cannot read .*key\.pem/);
    renameSync(`${key}.old`, key);
    await running.said(/certificates were read again/);
    running.kill();
    t.equal(await running.exited, 0);
  },
);

void t.test('standard output is the access log alone, and /ready says 503 while it drains', async (t) => {
  const admin = await freePort();
  const sockets: net.Socket[] = [];
  const app = net.createServer((socket) => void sockets.push(socket.on('error', () => {})));
  await once(app.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    app.close();
  });
  const to = `127.0.0.1:${(app.address() as net.AddressInfo).port}`;
  const running = proxy(t, [
    '--listen',
    '127.0.0.1:0',
    '--to',
    to,
    '--protocol',
    'tcp',
    '--admin',
    `127.0.0.1:${admin}`,
  ]);
  const [, port] = await running.said(/listening on 127\.0\.0\.1:(\d+)/);
  t.equal(await status(admin, '/ready'), 200);
  const client = net.connect({ port: Number(port), host: '127.0.0.1' });
  client.on('error', () => {});
  client.write('hi');
  await once(app, 'connection');
  running.kill();
  let draining = 200;
  while (draining === 200) draining = await status(admin, '/ready');
  t.equal(draining, 503);
  client.destroy();
  t.equal(await running.exited, 0);
  const lines = running.out().trimEnd().split('\n');
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0]), { protocol: 'tcp' });
});

void t.test('other files of the folder neither cause a reload nor keep one away', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'cert.pem');
  let changes = 0;
  let noticed: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    noticed = resolve;
  });
  const stop = watchFiles(
    [file],
    () => {
      changes++;
      noticed();
    },
    (message) => t.fail(message),
  );
  t.teardown(stop);
  // Busier than any quiet time: a debounce over all names never ends.
  const busy = setInterval(() => writeFileSync(join(folder, 'other.log'), 'x'), 20);
  t.teardown(() => clearInterval(busy));
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.equal(changes, 0);
  writeFileSync(file, 'x');
  await first;
  t.equal(changes, 1);
});
