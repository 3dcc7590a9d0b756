// Every flag of `tulle proxy`, on the built program.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import {
  adminPortOf,
  Certificates,
  ended,
  folderOf,
  portOf,
  proxy,
  type Running,
  withoutOpenssl,
} from './running-proxy.js';

async function server(t: Test, body: string): Promise<{ readonly to: string; readonly asked: () => number }> {
  let asked = 0;
  const it = http.createServer((_request, response) => {
    asked++;
    response.end(body);
  });
  await once(it.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    it.closeAllConnections();
    it.close();
  });
  return { to: `127.0.0.1:${(it.address() as net.AddressInfo).port}`, asked: () => asked };
}

async function ask(port: number, path = '/'): Promise<{ status: number; reason: string | null; body: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return { status: answer.status, reason: answer.headers.get('x-tulle-reason'), body: await answer.text() };
}

async function raw(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const part of socket) answer += String(part);
  return answer;
}

async function stop(t: Test, running: Running): Promise<void> {
  running.kill();
  t.equal(await running.exited, 0);
}

const nowhere = ['--to', '127.0.0.1:9'];
const anywhere = ['--listen', '127.0.0.1:0'];

void t.test('wrong use ends with 2 and says what is right', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /required option '--listen <addr:port>' not specified/],
    [anywhere, /required option '--to <addr:port,\.\.\.>' not specified/],
    [['--listen', '8080', ...nowhere], /Write ADDR:PORT, for example 127\.0\.0\.1:8080/],
    [['--listen', '127.0.0.1:65536', ...nowhere], /Write ADDR:PORT/],
    [['--listen', '[127.0.0.1]:80', ...nowhere], /is no IPv6 address/],
    [[...anywhere, '--to', '127.0.0.1:0'], /Port 0 is none that can be dialled/],
    [[...anywhere, '--to', '127.0.0.1:9,'], /Write ADDR:PORT/],
    [[...anywhere, '--to', 'no.such.host.invalid:80'], /no\.such\.host\.invalid has no address/],
    [[...anywhere, ...nowhere, '--protocol', 'h2'], /Allowed choices are auto, http, tcp/],
    [[...anywhere, ...nowhere, '--engine', 'fast'], /Allowed choices are auto, linux, portable/],
    [[...anywhere, ...nowhere, '--access-log-format', 'xml'], /Allowed choices are json, text/],
    [[...anywhere, ...nowhere, '--access-log', ''], /Write a file, - for standard output, or off/],
    [[...anywhere, ...nowhere, '--concurrency', '0'], /Write a whole number from 1 to 256/],
    [[...anywhere, ...nowhere, '--admin', 'x'], /Write ADDR:PORT/],
    [[...anywhere, ...nowhere, '--listen-cert', 'x'], /--listen-cert, --listen-key and --listen-ca belong together/],
    [[...anywhere, ...nowhere, '--to-ca', 'x'], /--to-cert, --to-key and --to-ca belong together/],
    [[...anywhere, ...nowhere, '--allow-san', 'spiffe://a/b'], /--allow-san needs --listen-cert/],
    [[...anywhere, ...nowhere, '--to-san', 'spiffe://a/b'], /--to-san and --to-sni need --to-cert/],
    [[...anywhere, ...nowhere, '--to-sni', 'a'], /--to-san and --to-sni need --to-cert/],
    [[...anywhere, ...nowhere, '--no-such-flag'], /unknown option '--no-such-flag'/],
    [[...anywhere, ...nowhere, 'extra'], /too many arguments/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr, stdout } = ended(args);
    t.equal(status, 2, args.join(' '));
    t.match(stderr, message);
    t.equal(stdout, '');
  }
});

void t.test('what cannot start ends with 1, and says which address or file and what to do', async (t) => {
  const { to } = await server(t, 'x');
  const busy = ended(['--listen', to, ...nowhere]);
  t.equal(busy.status, 1);
  t.match(busy.stderr, /EADDRINUSE.*another program listens there; stop it or choose another port/);
  const admin = ended([...anywhere, ...nowhere, '--admin', to]);
  t.equal(admin.status, 1, 'it does not go on without its admin pages');
  t.match(admin.stderr, new RegExp(`admin address ${to}: .*EADDRINUSE`));
  const log = ended([...anywhere, ...nowhere, '--access-log', '/nowhere/log']);
  t.equal(log.status, 1);
  t.match(log.stderr, /access log \/nowhere\/log: ENOENT.*name a file that can be written/);
  const files = ['--listen-cert', '/nowhere/cert', '--listen-key', '/nowhere/key', '--listen-ca', '/nowhere/ca'];
  const missing = ended([...anywhere, ...nowhere, ...files]);
  t.equal(missing.status, 1);
  t.match(missing.stderr, /cannot read \/nowhere\/cert: ENOENT/);
});

void t.test('--to with several servers uses all of them; --engine and --concurrency say what runs', async (t) => {
  const servers = [await server(t, 'one'), await server(t, 'two')];
  const to = servers.map((each) => each.to).join(',');
  const running = proxy(t, [...anywhere, '--to', to, '--engine', 'portable', '--concurrency', '2']);
  const port = await portOf(running);
  while (servers.some(({ asked }) => asked() === 0)) t.equal((await ask(port)).status, 200);
  t.match(running.err(), /listening on .* engine=portable\n/);
  t.match(running.err(), /the portable engine has one thread, not 2/);
  await stop(t, running);
});

void t.test('--protocol: http refuses what is none, tcp forwards anything, auto tells them apart', async (t) => {
  const { to } = await server(t, 'of the server');
  const line = 'NOT HTTP\r\n\r\n';
  const expected: [string, RegExp, RegExp][] = [
    ['http', /^HTTP\/1\.1 400 .*x-tulle-reason: bad-request/s, /^HTTP\/1\.1 200 .*of the server$/s],
    ['tcp', /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n\r\n$/, /^HTTP\/1\.1 200 .*of the server$/s],
    ['auto', /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n\r\n$/, /^HTTP\/1\.1 200 .*of the server$/s],
  ];
  for (const [protocol, toGarbage, toHttp] of expected) {
    const running = proxy(t, [...anywhere, '--to', to, '--protocol', protocol]);
    const port = await portOf(running);
    t.match(await raw(port, line), toGarbage, protocol);
    t.match(await raw(port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'), toHttp, protocol);
    await stop(t, running);
    const protocols = running
      .out()
      .trim()
      .split('\n')
      .map((each) => (JSON.parse(each) as { protocol: string }).protocol);
    t.same(protocols, { http: ['http/1.1', 'http/1.1'], tcp: ['tcp', 'tcp'], auto: ['tcp', 'http/1.1'] }[protocol]);
  }
});

void t.test(
  '--access-log: a file in either format, or nothing; the line about listening is on standard output then',
  async (t) => {
    const { to } = await server(t, 'x');
    const folder = folderOf(t);
    for (const [log, format, line] of [
      [join(folder, 'json'), 'json', /^\{"start":"[^"]+",.*"path":"\/it".*\}\n$/],
      [join(folder, 'text'), 'text', /^\[[^\]]+\] outbound "GET \/it http\/1\.1" 200 - 0 1 .*\n$/],
      ['off', 'text', /^$/],
    ] as const) {
      const running = proxy(t, [...anywhere, '--to', to, '--access-log', log, '--access-log-format', format]);
      const [, port] = await running.told(/^listening on 127\.0\.0\.1:(\d+) engine=\w+\n$/);
      await ask(Number(port), '/it');
      await stop(t, running);
      t.equal(running.err(), '');
      t.match(log === 'off' ? '' : readFileSync(log, 'utf8'), line);
    }
    t.notOk(existsSync('off'));
  },
);

void t.test('--admin answers /ready, /metrics and /clusters, and nothing else', async (t) => {
  const { to } = await server(t, 'x');
  const running = proxy(t, [...anywhere, '--to', to, '--admin', '127.0.0.1:0']);
  const admin = await adminPortOf(running);
  await ask(await portOf(running));
  t.match(await ask(admin, '/ready'), { status: 200, body: 'ready\n' });
  const [[first]] = JSON.parse((await ask(admin, '/clusters')).body) as { name: string }[][];
  t.equal(first.name, 'http');
  // Counted by a data thread that has answered the question before.
  t.match(
    (await ask(admin, '/metrics')).body,
    /^tulle_requests_total\{direction="outbound",cluster="http",status="200"\} 1$/m,
  );
  t.match(await ask(admin, '/'), { status: 404, body: 'try /ready, /metrics or /clusters\n' });
  t.equal((await fetch(`http://127.0.0.1:${admin}/ready`, { method: 'POST' })).status, 405);
  await stop(t, running);
});

void t.test('mutual TLS on both sides, with who may be who', { skip: withoutOpenssl }, async (t) => {
  const { to } = await server(t, 'through');
  const certificates = new Certificates(t);
  certificates.issue('near', 'spiffe://x/near');
  certificates.issue('far', 'spiffe://x/far');
  const far = async (allowed: string): Promise<Running> =>
    proxy(t, [
      ...anywhere,
      '--to',
      to,
      ...certificates.flags('listen', 'far'),
      '--allow-san',
      allowed,
      '--allow-san',
      'spiffe://x/nobody',
    ]);
  const near = async (target: number, server: string): Promise<Running> =>
    proxy(t, [
      ...anywhere,
      '--to',
      `127.0.0.1:${target}`,
      ...certificates.flags('to', 'near'),
      '--to-san',
      server,
      '--to-sni',
      'far.example',
    ]);
  const good = await far('spiffe://x/near');
  const strict = await far('spiffe://x/other');
  const goodPort = await portOf(good);
  const client = await near(goodPort, 'spiffe://x/far');
  t.match(await ask(await portOf(client)), { status: 200, body: 'through' });
  const mistaken = await near(goodPort, 'spiffe://x/other');
  t.match(await ask(await portOf(mistaken)), { status: 503, reason: 'upstream-identity-mismatch' });
  const unwanted = await near(await portOf(strict), 'spiffe://x/far');
  t.equal((await ask(await portOf(unwanted))).status, 502, 'the far side closes what it does not let in');
  for (const running of [client, mistaken, unwanted, good, strict]) await stop(t, running);
  t.match(JSON.parse(client.out()), { peer: 'spiffe://x/far', tls: true });
  t.match(JSON.parse(good.out().split('\n')[0]), { peer: 'spiffe://x/near', tls: true, status: 200 });
  t.match(strict.out(), /"reason":"access-denied"/);
});

void t.test('--to-sni is what the server is asked for; TLS 1.2 is refused', { skip: withoutOpenssl }, async (t) => {
  const certificates = new Certificates(t);
  certificates.issue('near', 'spiffe://x/near');
  certificates.issue('far', 'spiffe://x/far');
  const [cert, key, ca] = ['far.pem', 'far-key.pem', 'ca.pem'].map((name) => readFileSync(certificates.file(name)));
  const names: (string | false | null)[] = [];
  const upstream = tls.createServer(
    { cert, key, ca, requestCert: true, ALPNProtocols: ['tulle-http/1.1'] },
    (socket) => {
      names.push(socket.servername);
      socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
    },
  );
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => upstream.close());
  const to = `127.0.0.1:${(upstream.address() as net.AddressInfo).port}`;
  const running = proxy(t, [...anywhere, '--to', to, ...certificates.flags('to', 'near'), '--to-sni', 'far.example']);
  t.equal((await ask(await portOf(running))).status, 204);
  t.same(names, ['far.example']);
  await stop(t, running);
  const ending = proxy(t, [...anywhere, ...nowhere, ...certificates.flags('listen', 'far')]);
  const old = tls.connect({
    port: await portOf(ending),
    host: '127.0.0.1',
    cert,
    key,
    ca,
    maxVersion: 'TLSv1.2',
    rejectUnauthorized: false,
  });
  const [error] = (await once(old, 'error').catch((thrown: unknown) => [thrown])) as [NodeJS.ErrnoException];
  t.match(error.code, /ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION|ECONNRESET/);
  await stop(t, ending);
});

void t.test(
  'behind mutual TLS a server learns who its client is, and not from the client',
  { skip: withoutOpenssl },
  async (t) => {
    const told: unknown[] = [];
    const app = http.createServer(({ headers }, response) => {
      told.push(headers['x-forwarded-client-cert']);
      response.end();
    });
    await once(app.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => app.close());
    const certificates = new Certificates(t);
    certificates.issue('near', 'spiffe://x/near');
    certificates.issue('far', 'spiffe://x/far');
    const to = `127.0.0.1:${(app.address() as net.AddressInfo).port}`;
    const far = proxy(t, [...anywhere, '--to', to, ...certificates.flags('listen', 'far')]);
    const toFar = ['--to', `127.0.0.1:${await portOf(far)}`, ...certificates.flags('to', 'near')];
    const near = proxy(t, [...anywhere, ...toFar]);
    const headers = { 'x-forwarded-client-cert': 'URI=spiffe://x/admin' };
    const [response] = await once(http.get({ port: await portOf(near), headers }), 'response');
    response.resume();
    t.equal(response.statusCode, 200);
    t.same(told, ['URI=spiffe://x/near']);
    for (const running of [near, far]) await stop(t, running);
  },
);

void t.test('SIGHUP reads certificates again', { skip: withoutOpenssl }, async (t) => {
  const certificates = new Certificates(t);
  certificates.issue('far', 'spiffe://x/far');
  const running = proxy(t, [...anywhere, ...nowhere, ...certificates.flags('listen', 'far')]);
  await portOf(running);
  running.kill('SIGHUP');
  await running.said(/certificates were read again/);
  await stop(t, running);
});

void t.test('SIGTERM lets open requests finish, a second one does not', async (t) => {
  const waiting: http.ServerResponse[] = [];
  let came: () => void = () => {};
  const slow = http.createServer((_request, response) => {
    waiting.push(response);
    came();
  });
  await once(slow.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    slow.closeAllConnections();
    slow.close();
  });
  const to = `127.0.0.1:${(slow.address() as net.AddressInfo).port}`;
  /** Asks, and resolves with a function for the answer once the request has reached the server. */
  const opened = async (port: number): Promise<() => Promise<string>> => {
    const asked = new Promise<void>((resolve) => {
      came = resolve;
    });
    const answer = ask(port).then(
      ({ body }) => body,
      () => 'cut off',
    );
    await asked;
    return () => answer;
  };
  const patient = proxy(t, [...anywhere, '--to', to]);
  const port = await portOf(patient);
  const answer = await opened(port);
  patient.kill();
  while (!(await refuses(port))) await new Promise(setImmediate);
  t.notOk(patient.isOver(), 'it listens no more, and the request is open');
  waiting[0].end('finished');
  t.equal(await answer(), 'finished');
  t.equal(await patient.exited, 0);
  const hasty = proxy(t, [...anywhere, '--to', to]);
  const hastyPort = await portOf(hasty);
  const cut = await opened(hastyPort);
  hasty.kill();
  while (!(await refuses(hastyPort))) await new Promise(setImmediate);
  hasty.kill('SIGINT');
  t.equal(await hasty.exited, 0);
  t.equal(await cut(), 'cut off');
});

async function refuses(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  const outcome = await once(socket, 'connect').then(
    () => false,
    () => true,
  );
  socket.destroy();
  return outcome;
}

void t.test('it loads nothing but the proxy: no other command, no protobuf, Kubernetes, schema or YAML', async (t) => {
  const folder = join(folderOf(t), 'coverage');
  mkdirSync(folder);
  // V8's coverage names each script that was loaded, on each thread.
  const running = proxy(t, [...anywhere, ...nowhere], { NODE_V8_COVERAGE: folder });
  await portOf(running);
  await stop(t, running);
  const scripts = readdirSync(folder)
    .flatMap((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }).result)
    .map(({ url }) => url)
    .filter((url) => url.startsWith('file:') || url.startsWith('node:'));
  t.ok(scripts.some((url) => url.includes('/proxy-core/dist/proxy.js')));
  const strange = scripts.filter(
    (url) =>
      url.startsWith('file:') &&
      !/\/(?:proxy-core\/dist|node_modules\/(?:koffi|@koromix|commander)|cli\/(?:bin|dist\/(?:proxy|commands\/proxy\.js|[\w-]+\.js)))/.test(
        url,
      ),
  );
  t.same(strange, []);
  t.notOk(scripts.some((url) => /\/cli\/dist\/(?:commands\/(?!proxy\.js)|demo|check|testbed|pod-)/.test(url)));
  const planes = scripts.filter((url) => url.endsWith('/proxy-core/dist/data-plane.js'));
  t.equal(planes.length, 1, 'the data plane is on the thread that runs it');
  t.notOk(scripts.includes('node:http'), 'and an HTTP server is for those who ask for --admin');
});
