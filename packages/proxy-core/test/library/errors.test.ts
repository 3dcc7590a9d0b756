// What a program that uses the library is told when it uses it wrongly: a code to compare, the place, and what to do.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  createProxy,
  type ForwardOptions,
  forward,
  ProxyError,
  type ProxyOptions,
} from '@tulle/proxy-core';
import t, { type Test } from 'tap';
import { freePort, onEveryEngine, tcpServer } from '../proxy/fixture.js';

const good: ForwardOptions = { listen: '127.0.0.1:0', to: ['127.0.0.1:9'] };

function refused(t: Test, options: unknown, code: string, ...messages: RegExp[]): void {
  try {
    forward(options as ForwardOptions);
    t.fail(`taken: ${JSON.stringify(options)}`);
  } catch (error) {
    t.ok(error instanceof ProxyError);
    t.match(error, { code });
    for (const message of messages) t.match(error, { message });
  }
}

void t.test('forward() says what is missing, unknown or of the wrong kind, all of it at once', async (t) => {
  refused(t, {}, 'ERR_TULLE_OPTION', /^ {2}listen is missing$/m, /^ {2}to is missing$/m);
  refused(t, undefined, 'ERR_TULLE_OPTION', /they must be an object, not nothing/);
  refused(t, { ...good, to: [] }, 'ERR_TULLE_OPTION', /to is empty; name at least one upstream/);
  refused(t, { ...good, to: '127.0.0.1:80' }, 'ERR_TULLE_OPTION', /to must be a list, not "127.0.0.1:80"/);
  refused(
    t,
    { ...good, too: 1, listne: 2 },
    'ERR_TULLE_OPTION',
    /too is not known; known here are listen, to,/,
    /listne/,
  );
  refused(
    t,
    { ...good, protocol: 'h2' },
    'ERR_TULLE_OPTION',
    /protocol must be one of "auto", "http", "tcp", not "h2"/,
  );
  refused(
    t,
    { ...good, timeoutMs: '5' },
    'ERR_TULLE_OPTION',
    /timeoutMs must be a whole number from 0 to \d+, not "5"/,
  );
  refused(t, { ...good, retry: { attempts: 99, on: ['x'] } }, 'ERR_TULLE_OPTION', /retry\.attempts/, /retry\.on\[0\]/);
  refused(t, { ...good, accessLog: 5 }, 'ERR_TULLE_OPTION', /accessLog must be/);
  refused(t, { ...good, limits: { maxHeadBytes: 0 } }, 'ERR_TULLE_OPTION', /limits\.maxHeadBytes must be/);
  refused(t, { ...good, limits: { maxHead: 1 } }, 'ERR_TULLE_OPTION', /limits\.maxHead is not known/);
});

void t.test('an address has to be an IP address and a port that exists', async (t) => {
  refused(t, { ...good, listen: '127.0.0.1:65536' }, 'ERR_TULLE_OPTION', /listen must be an IP address with a port/);
  refused(t, { ...good, listen: 'example.com:80' }, 'ERR_TULLE_OPTION', /a name has to be resolved first/);
  refused(t, { ...good, to: ['127.0.0.1:80', '127.0.0.1'] }, 'ERR_TULLE_OPTION', /to\[1\] must be an IP address/);
  refused(t, { ...good, to: ['127.0.0.1:0'] }, 'ERR_TULLE_OPTION', /to\[0\] has port 0/);
});

void t.test('certificate files: each that cannot be read or is none is named with its option', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-files-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'cert.pem');
  writeFileSync(file, 'no certificate');
  const missing = join(folder, 'missing.pem');
  const files = { certificateFile: missing, privateKeyFile: file, caFile: file };
  refused(
    t,
    { ...good, listenTls: files },
    'ERR_TULLE_FILE',
    /listenTls\.certificateFile: cannot read .*missing\.pem: ENOENT/,
  );
  refused(
    t,
    { ...good, toTls: { ...files, certificateFile: file } },
    'ERR_TULLE_FILE',
    /toTls\.certificateFile: .* no PEM text/,
  );
  refused(
    t,
    { ...good, toTls: {} },
    'ERR_TULLE_OPTION',
    /toTls\.certificateFile is missing/,
    /toTls\.caFile is missing/,
  );
  refused(t, { ...good, toTls: { caPem: 'x' } }, 'ERR_TULLE_OPTION', /toTls\.privateKeyPem is missing/);
  refused(
    t,
    { ...good, listenTls: { ...files, serverName: 'x' } },
    'ERR_TULLE_OPTION',
    /listenTls\.serverName is not known/,
  );
});

void t.test('createProxy() checks its options before it starts anything', async (t) => {
  const wrong = (options: unknown): Promise<unknown> => createProxy(forward(good), options as ProxyOptions);
  await t.rejects(wrong({ engine: 'fast' }), { code: 'ERR_TULLE_OPTION', message: /engine must be one of "auto"/ });
  await t.rejects(wrong({ concurrency: 0 }), {
    code: 'ERR_TULLE_OPTION',
    message: /concurrency must be a whole number from 1/,
  });
  await t.rejects(wrong({ onWarnings: () => {} }), { code: 'ERR_TULLE_OPTION', message: /onWarnings is not known/ });
  await t.rejects(wrong({ onWarning: 'x' }), {
    code: 'ERR_TULLE_OPTION',
    message: /onWarning must be a function, not string/,
  });
  await t.rejects(createProxy(forward({ ...good, accessLog: 'callback' })), {
    code: 'ERR_TULLE_OPTION',
    message: /the access log goes to onAccessLog, which is missing/,
  });
  await t.rejects(wrong({ signal: {} }), { code: 'ERR_TULLE_OPTION', message: /signal must be an AbortSignal/ });
});

onEveryEngine(t, 'what a data thread refuses has a code', async (t, engine) => {
  const taken = await tcpServer(t, () => {});
  await t.rejects(createProxy(forward({ ...good, listen: `127.0.0.1:${taken}` }), { engine }), {
    name: 'ProxyError',
    code: 'EADDRINUSE',
    message: /another program listens there; stop it or choose another port/,
  });
  await t.rejects(createProxy(forward({ ...good, listen: '203.0.113.1:0' }), { engine }), { code: 'EADDRNOTAVAIL' });
  const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
  const listenTls = { certificateChainPem: pem, privateKeyPem: pem, caPem: pem };
  await t.rejects(createProxy(forward({ ...good, listenTls }), { engine }), {
    code: 'ERR_TULLE_TLS',
    message: /^TLS towards clients \(identity listen, trust listen\): /,
  });
  await t.rejects(createProxy(forward({ ...good, toTls: listenTls }), { engine }), {
    code: 'ERR_TULLE_TLS',
    message: /^TLS towards upstreams \(identity to, trust to\): /,
  });
  await t.rejects(createProxy(forward({ ...good, accessLog: '/nowhere/at/all' }), { engine }), {
    code: 'ERR_TULLE_ACCESS_LOG',
    message: /ENOENT.*name a file that can be written/,
  });
  const proxy = await createProxy(forward(good), { engine });
  await t.rejects(proxy.update({ ...forward(good), clusters: [] as never, listeners: 5 as never }), {
    name: 'ConfigError',
    code: 'ERR_TULLE_CONFIG',
    complaints: [{ path: 'listeners' }],
  });
  t.throws(() => proxy.address('other'), { code: 'ERR_TULLE_OPTION', message: /bound are: main/ });
  await t.rejects(proxy.close({ drainTimeoutMs: -1 }), { code: 'ERR_TULLE_OPTION' });
  await proxy.close();
  await t.rejects(proxy.update(forward(good)), { code: 'ERR_TULLE_ENDED' });
  await t.rejects(proxy.clusters(), { code: 'ERR_TULLE_ENDED' });
  t.ok(new ConfigError([]) instanceof ProxyError);
  // Nothing of the failed ones is left: the port that was free is free.
  const port = await freePort();
  const again = await createProxy(forward({ ...good, listen: `127.0.0.1:${port}` }), { engine });
  await again.close();
});
