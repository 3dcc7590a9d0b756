import t from 'tap';
import { fieldIds } from '../../src/message/fields.js';
import { addedBytes, fromLatin1, type Head } from '../../src/message/head.js';
import { jsonLines, type LineFormat, textLines } from '../../src/observe/access-log.js';
import { LineWriter } from '../../src/observe/line-writer.js';
import type { ExchangeRecord, RejectionRecord } from '../../src/observe/record.js';
import { headOf } from '../route/head-of.js';

const address = { host: '10.0.0.1', port: 80 };

function record(more: Partial<ExchangeRecord> = {}): ExchangeRecord {
  return {
    startMs: 0,
    reason: '',
    detail: '',
    route: 'route',
    policy: '',
    peerUri: '',
    upstreamUri: '',
    destination: address,
    clusterName: 'cluster',
    upstreamAddress: address,
    attempts: 1,
    upstreamMs: 1.5,
    head: headOf('/a?b=c'),
    status: 200,
    downstream: { remote: address, isTls: false, protocol: 'http/1.1', bodyBytesReceived: 1, bodyBytesSent: 2 },
    ...more,
  };
}

function withId(id: Uint8Array): Head {
  const head = headOf('/a');
  const name = fromLatin1('x-request-id');
  head.moveTo(new Uint8Array(head.end + addedBytes(name, id.length)));
  head.bytes.set(id, head.addField(fieldIds['x-request-id'], name, id.length));
  return head;
}

function written(format: LineFormat, it: ExchangeRecord): string {
  const out = new LineWriter();
  format.exchange(out, 'outbound', it, Date.UTC(2026, 0, 2, 3, 4, 5, 6) + 0.789, 12.3456);
  return Buffer.from(out.take()).toString('latin1');
}

void t.test('a line of JSON has every fact', async (t) => {
  const head = headOf('/a?b=c', ['user-agent: tester/1 ("x")', 'x-request-id: id']);
  const it = record({ head, reason: 'upstream-reset', detail: 'why', peerUri: 'spiffe://x/y' });
  t.same(JSON.parse(written(jsonLines, it)), {
    start: '2026-01-02T03:04:05.006789Z',
    direction: 'outbound',
    protocol: 'http/1.1',
    method: 'GET',
    authority: 'server.test',
    path: '/a?b=c',
    status: 200,
    reason: 'upstream-reset',
    bytes_received: 1,
    bytes_sent: 2,
    duration_us: 12_346,
    upstream_duration_us: 1_500,
    downstream: '10.0.0.1:80',
    upstream: '10.0.0.1:80',
    peer: 'spiffe://x/y',
    tls: false,
    route: 'route',
    cluster: 'cluster',
    policy: '',
    attempts: 1,
    user_agent: 'tester/1 ("x")',
    request_id: 'id',
    detail: 'why',
  });
});

void t.test('a line of text has them too, in the order of Envoy where Envoy has them', async (t) => {
  const head = headOf('/a?b=c', ['user-agent: tester/1 ("x")', 'x-request-id: id']);
  t.equal(
    written(textLines, record({ head, upstreamUri: 'spiffe://x/server', policy: 'ns/it' })),
    '[2026-01-02T03:04:05.006789Z] outbound "GET /a?b=c http/1.1" 200 - 1 2 12346 1500 "server.test" "tester/1 (\\"x\\")" "id" ' +
      '10.0.0.1:80 10.0.0.1:80 "spiffe://x/server" "route" "cluster" "ns/it" 1 ""\n',
  );
});

void t.test('where both sides have an identity, the client is named beside the server', async (t) => {
  const both = record({ peerUri: 'spiffe://x/client', upstreamUri: 'spiffe://x/server' });
  const line = JSON.parse(written(jsonLines, both)) as Record<string, unknown>;
  t.match(line, { peer: 'spiffe://x/server', downstream_peer: 'spiffe://x/client' });
  t.notOk('downstream_peer' in (JSON.parse(written(jsonLines, record({ peerUri: 'spiffe://x/client' }))) as object));
});

void t.test('what was refused has what could be read of it', async (t) => {
  const refused: RejectionRecord = {
    remote: address,
    destination: { host: '10.0.0.2', port: 15_001 },
    isTls: false,
    isHttp: true,
    method: 'PUT',
    target: '/a"\n\u00ff',
    reason: 'bad-request',
    detail: 'why',
    status: 400,
  };
  const line = (format: LineFormat, it: RejectionRecord): string => {
    const out = new LineWriter();
    format.rejected(out, 'inbound', it, 0);
    return Buffer.from(out.take()).toString('latin1');
  };
  t.match(JSON.parse(line(jsonLines, refused)), {
    protocol: 'http/1.1',
    method: 'PUT',
    path: '/a"\n\u00ff',
    authority: '10.0.0.2:15001',
    status: 400,
    reason: 'bad-request',
  });
  t.match(
    line(textLines, refused),
    /^\[[^\]]+\] inbound "PUT \/a\\"\\u000a\\u00ff http\/1\.1" 400 bad-request 0 0 0 - "10\.0\.0\.2:15001" /,
  );
  const silent = { ...refused, isHttp: false, method: '', target: '', status: 0 };
  t.match(line(textLines, silent), /inbound "- - tcp" - bad-request/);
});

void t.test(
  'whatever bytes a peer sends, a line stays one line of printable ASCII, and JSON reads them back',
  async (t) => {
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const text = String.fromCharCode(...every);
    const it = record({
      head: withId(every),
      route: text,
      clusterName: text,
      policy: text,
      peerUri: text,
      detail: `${text}\u2028€`,
    });
    for (const format of [jsonLines, textLines]) t.match(written(format, it), /^[ -~]*\n$/);
    const line = JSON.parse(written(jsonLines, it)) as Record<string, string>;
    for (const field of ['request_id', 'route', 'cluster', 'policy', 'peer']) t.equal(line[field], text, field);
    t.equal(line.detail, `${text}\u2028€`);
  },
);

void t.test('the longest line there can be is whole and fits in what is kept free for it', async (t) => {
  const bytes = new Uint8Array(20_000).fill(255);
  const text = '\u2028'.repeat(20_000);
  const head = headOf('/a');
  head.path = bytes;
  head.pathStart = 0;
  head.pathEnd = bytes.length;
  head.bytes = bytes;
  head.queryStart = head.authorityStart = 0;
  head.queryEnd = head.authorityEnd = bytes.length;
  head.ids[0] = fieldIds['x-request-id'];
  head.offsets.set([0, 12, 0, bytes.length]);
  const it = record({
    head,
    route: text,
    clusterName: text,
    policy: text,
    peerUri: text,
    upstreamUri: text,
    detail: text,
  });
  const out = new LineWriter();
  for (const format of [jsonLines, textLines]) {
    let lines = 0;
    for (; !out.isFull; lines++) format.exchange(out, 'outbound', it, 0, 0);
    const all = Buffer.from(out.take()).toString('latin1');
    t.ok(all.endsWith('\n'));
    t.equal(all.split('\n').length, lines + 1);
    out.reset();
  }
  const line = JSON.parse(written(jsonLines, it)) as Record<string, string>;
  t.match(line.request_id, /^\u00ff+\.\.\.$/, 'what was cut says so');
});
