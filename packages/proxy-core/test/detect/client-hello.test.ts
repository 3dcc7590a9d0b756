import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import t from 'tap';
import { readClientHello } from '../../src/detect/client-hello.js';
import { type HelloParts, helloMessage, inRecords } from './hello-bytes.js';

const max = 16_384;
const read = (bytes: Uint8Array, limit = max) => readClientHello(bytes, 0, bytes.length, limit);

t.test('ALPN in the order of the client, and the server name', async (t) => {
  const bytes = inRecords(helloMessage({ alpn: ['h2', 'http/1.1'], serverName: 'a.test' }));
  t.same(read(bytes), { alpn: ['h2', 'http/1.1'], serverName: 'a.test' });
  const shifted = Uint8Array.from([1, 2, ...bytes, 3]);
  t.same(readClientHello(shifted, 2, shifted.length - 1, max), { alpn: ['h2', 'http/1.1'], serverName: 'a.test' });
});

t.test('without the extensions, and in the form of TLS 1.2 without any, nothing is offered', async (t) => {
  for (const parts of [{}, { withoutExtensions: true }, { sessionBytes: 0 }])
    t.same(read(inRecords(helloMessage(parts))), { alpn: [], serverName: '' });
});

t.test('what OpenSSL sends is understood, with a post-quantum key share as without', async (t) => {
  for (const options of [{}, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, { ecdhCurve: 'P-521' }] as const) {
    const server = net.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const accepted = once(server, 'connection');
    const { port } = server.address() as net.AddressInfo;
    const client = tls.connect({
      ...options,
      port,
      host: '127.0.0.1',
      servername: 'b.test',
      ALPNProtocols: ['x', 'yy'],
    });
    client.on('error', () => {});
    const [socket] = (await accepted) as [net.Socket];
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    t.same(read(bytes), { alpn: ['x', 'yy'], serverName: 'b.test' });
    client.destroy();
    socket.destroy();
    server.close();
  }
});

t.test('nothing is decided before the message is whole, at every byte, in any records', async (t) => {
  const message = helloMessage({ alpn: ['tulle-tcp'], serverName: 'a.test', extensions: [[51, new Uint8Array(80)]] });
  for (const sizes of [[], [1], [2, 2], [3, 1, 1], new Array<number>(message.length).fill(1), [60, 60]]) {
    const bytes = inRecords(message, sizes);
    for (let end = 0; end < bytes.length; end++)
      if (readClientHello(bytes, 0, end, max) !== 'more') t.fail(`decided after ${end} bytes of ${bytes.length}`);
    t.same(read(bytes), { alpn: ['tulle-tcp'], serverName: 'a.test' });
  }
});

const malformed: readonly (readonly [string, Uint8Array])[] = [
  ['a record of another type', Uint8Array.of(23, 3, 1, 0, 1, 0)],
  ['a record of another major version', Uint8Array.of(22, 2)],
  ['an empty record', Uint8Array.of(22, 3, 1, 0, 0)],
  ['a record that is too long', Uint8Array.of(22, 3, 1, 0x40, 0x01)],
  ['another handshake message', Uint8Array.of(22, 3, 1, 0, 4, 2)],
  ['a message that cannot end within the bound', Uint8Array.of(22, 3, 1, 0x20, 0, 1, 1, 0, 0)],
  ['another record type within the message', Uint8Array.of(22, 3, 1, 0, 1, 1, 21)],
  ['a byte behind the message in its record', inRecords(Uint8Array.from([...helloMessage({}), 0]))],
  ['a session id that is too long', inRecords(helloMessage({ sessionBytes: 33 }))],
  [
    'an extension twice',
    inRecords(helloMessage({ extensions: [[16, Uint8Array.of(0, 3, 2, 104, 50)]], alpn: ['h2'] })),
  ],
  ['an empty list of protocols', inRecords(helloMessage({ alpn: [] }))],
  ['a protocol without a name', inRecords(helloMessage({ alpn: ['h2', ''] }))],
  [
    'bytes behind the list of protocols',
    inRecords(helloMessage({ extensions: [[16, Uint8Array.of(0, 2, 1, 65, 9)]] })),
  ],
  ['an empty server name', inRecords(helloMessage({ serverName: '' }))],
  ['a server name with a NUL', inRecords(helloMessage({ serverName: 'a\u0000b' }))],
  ['two server names', inRecords(helloMessage({ extensions: [[0, Uint8Array.of(0, 8, 0, 0, 1, 65, 0, 0, 1, 66)]] }))],
];

t.test('malformed: refused as soon as it is certain', async (t) => {
  for (const [what, bytes] of malformed) t.equal(read(bytes), 'malformed', what);
  const message = helloMessage({ alpn: ['h2'] });
  for (const [what, at, value] of [
    ['extensions longer than the message', 48, 0xff],
    ['extensions shorter than the message', 48, 1],
    ['an extension longer than all', 52, 0xff],
    ['an odd length of cipher suites', 40, 3],
  ] as const) {
    const broken = helloMessage({ alpn: ['h2'], sessionBytes: 0 });
    t.ok(at < broken.length && broken[at] !== value, what);
    broken[at] = value;
    t.equal(read(inRecords(broken)), 'malformed', what);
  }
  t.equal(read(inRecords(message.subarray(0, message.length - 1))), 'more');
});

t.test('the bound counts what comes over the wire', async (t) => {
  const bytes = inRecords(helloMessage({ alpn: ['h2'] }), [10, 10]);
  t.same(read(bytes, bytes.length), { alpn: ['h2'], serverName: '' });
  t.equal(read(bytes, bytes.length - 1), 'malformed');
  t.equal(readClientHello(bytes, 0, bytes.length - 1, bytes.length - 1), 'malformed', 'as when it is not whole');
  t.equal(readClientHello(bytes, 0, bytes.length - 2, bytes.length - 1), 'more');
});

const names = fc.array(fc.stringMatching(/^[!-~]{1,20}$/), { minLength: 1, maxLength: 4 });
const parts: fc.Arbitrary<HelloParts> = fc.record(
  {
    alpn: names,
    serverName: fc.stringMatching(/^[a-z.]{1,30}$/),
    extensions: fc.uniqueArray(fc.tuple(fc.integer({ min: 20, max: 60 }), fc.uint8Array({ maxLength: 40 })), {
      selector: ([type]) => type,
      maxLength: 5,
    }),
    sessionBytes: fc.nat(32),
  },
  { requiredKeys: [] },
);

t.test(
  'invariant: what was put in is read out, and a cut changes nothing: `more` before the end, never another answer',
  async () => {
    fc.assert(
      fc.property(parts, fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 8 }), fc.nat(), (hello, sizes, cut) => {
        const bytes = inRecords(helloMessage(hello), sizes);
        const found = read(bytes);
        const wanted = { alpn: hello.alpn ?? [], serverName: hello.serverName ?? '' };
        if (JSON.stringify(found) !== JSON.stringify(wanted))
          throw new Error(`${JSON.stringify(found)} of ${JSON.stringify(wanted)}`);
        return readClientHello(bytes, 0, cut % bytes.length, max) === 'more';
      }),
      { numRuns: 2_000 },
    );
  },
);

t.test('invariant: of damaged bytes a prefix says `more` or what the whole says, and nothing is thrown', async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(parts, fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 8 }), damage, (hello, sizes, changes) => {
      const bytes = inRecords(helloMessage(hello), sizes);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const whole = JSON.stringify(read(bytes));
      let last = '"more"';
      for (let end = 0; end <= bytes.length; end++) {
        const now = JSON.stringify(readClientHello(bytes, 0, end, max));
        if (last !== '"more"' && now !== last) return false;
        last = now;
      }
      return last === whole;
    }),
    { numRuns: 1_000 },
  );
});
