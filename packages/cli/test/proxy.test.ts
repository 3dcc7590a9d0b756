// The built `tulle proxy`, and how it notices renewed certificates.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { watchFiles } from '../src/proxy/certificates.js';
import { adminPortOf, folderOf, proxy, withoutOpenssl } from './running-proxy.js';

async function status(port: number, path: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
}

void t.test(
  'a certificate file that is missing for a moment costs a sentence, and is taken when it is back',
  { skip: withoutOpenssl },
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
  const sockets: net.Socket[] = [];
  const app = net.createServer((socket) => void sockets.push(socket.on('error', () => {}).resume()));
  await once(app.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    app.close();
  });
  const to = `127.0.0.1:${(app.address() as net.AddressInfo).port}`;
  const running = proxy(t, ['--listen', '127.0.0.1:0', '--to', to, '--protocol', 'tcp', '--admin', '127.0.0.1:0']);
  const [, port] = await running.said(/listening on 127\.0\.0\.1:(\d+)/);
  const admin = await adminPortOf(running);
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

void t.test('how paths are read can be chosen; what is no option is wrong use', async (t) => {
  const app = createServer((request, response) => response.end(request.url));
  await once(app.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => app.close());
  const to = ['--listen', '127.0.0.1:0', '--to', `127.0.0.1:${(app.address() as net.AddressInfo).port}`];
  const running = proxy(t, [...to, '--path', 'escapedSlashes=keep', '--path', 'duplicateSlashes=reject']);
  const [, port] = await running.said(/listening on 127\.0\.0\.1:(\d+)/);
  t.equal(await (await fetch(`http://127.0.0.1:${port}/a%2fb`)).text(), '/a%2Fb');
  t.equal(await status(Number(port), '/a//b'), 400);
  running.kill();
  t.equal(await running.exited, 0);
  const wrong: [string[], RegExp][] = [
    [['slashes=keep'], /--path slashes=keep: write option=value with one of the options dotSegments, duplicateSlashes/],
    [['backslash=merge'], /--path backslash=merge: backslash is one of reject, slash, keep/],
    [['backslash=keep=slash'], /--path backslash=keep=slash: backslash is one of/],
    [['backslash=keep', '--path', 'backslash=slash'], /backslash has a value already, keep/],
  ];
  for (const [args, expected] of wrong) {
    const refused = proxy(t, [...to, '--path', ...args]);
    t.equal(await refused.exited, 2);
    t.match(refused.err(), expected);
  }
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
