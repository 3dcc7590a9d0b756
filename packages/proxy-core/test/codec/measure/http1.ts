/**
 * What a head costs: nanoseconds and bytes of garbage for decoding and for encoding a request. Not a test; run with
 * `node --expose-gc --import=tsx packages/proxy-core/test/codec/measure/http1.ts`.
 */
import { Http1Client } from '../../../src/codec/http1/client.js';
import { Http1Decoder, type MessageEvents } from '../../../src/codec/http1/decoder.js';
import { encodeRequest } from '../../../src/codec/http1/encoder.js';
import { Http1Server } from '../../../src/codec/http1/server.js';
import type { Downstream, ExchangeEvents, ExchangeOpener } from '../../../src/exchange.js';
import { defaultLimits } from '../../../src/limits.js';
import { noEdits } from '../../../src/message/edits.js';
import { Head } from '../../../src/message/head.js';
import { defaultPathOptions, type PathOptions } from '../../../src/message/path-options.js';
import { Wire, WireIo } from '../wire.js';

const small =
  'GET /some/path HTTP/1.1\r\nHost: server.default.svc.cluster.local\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n';
const big =
  'GET /api/v1/orders/12345?limit=10&x=1 HTTP/1.1\r\nHost: server.default.svc.cluster.local\r\n' +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Safari/537.36\r\n' +
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp\r\nAccept-Language: en-US,en;q=0.9\r\n' +
  'Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n' +
  'x-request-id: 6f1c2b1e-7f3d-4a1b-9c39-3b1f5ad0a111\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n' +
  'X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n\r\n';
const response =
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\n\r\nok';

const runs = 500_000;
const rounds = 5;
let seen = 0;
const events: MessageEvents = {
  messageHead: (head) => {
    seen += head.fieldCount;
  },
  messageBody: (_bytes, start, end) => {
    seen += end - start;
  },
  messageEnd: () => {
    seen++;
  },
  messageMalformed: ({ detail }) => {
    throw new Error(detail);
  },
};
const head = new Head(defaultLimits.maxHeaderFields);
const decoder = new Http1Decoder(defaultLimits, events);
const buffer = new Uint8Array(65_536);
const out = new Uint8Array(65_536);

/** Few enough that no collection falls between: what is allocated is still there to be counted. */
const countedRuns = 2_000;

function measure(name: string, work: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < runs; i++) work();
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / runs);
  }
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < countedRuns; i++) work();
  const bytes = (process.memoryUsage().heapUsed - before) / countedRuns;
  console.log(`${name.padEnd(44)} ${best.toFixed(0).padStart(6)} ns  ${bytes.toFixed(1).padStart(6)} bytes of heap`);
}

/** A request through `Http1Server` and `Http1Client` and its answer back, sockets left out: what the two connections cost around the codec. */
function measureExchange(): void {
  const io = new WireIo();
  const client = new Http1Client(io, defaultLimits, { opened() {}, freed() {}, gone() {} }, () => undefined);
  client.connect({ address: { host: '10.0.0.2', port: 80 }, tls: undefined, serverName: '', timeoutMs: 1_000 });
  const upstream = new SilentWire();
  io.wires[0].write = upstream.write;
  client.onOpen(io.wires[0]);
  const slab = new Uint8Array(4_096);
  const passing = new Passing(client, slab);
  const wire = new SilentWire();
  const server = new Http1Server(wire, passing, { io, limits: defaultLimits, clientClosed() {} });
  passing.server = server;
  const requestLength = place(small);
  const answer = Uint8Array.from(response, (character) => character.charCodeAt(0));
  measure('exchange through server and client', () => {
    server.onData(wire, buffer, 0, requestLength);
    client.onData(io.wires[0], answer, 0, answer.length);
  });
}

class SilentWire extends Wire {
  override readonly write = (_bytes: Uint8Array, start: number, end: number): boolean => {
    seen += end - start;
    return true;
  };
}

/** The least that an exchange is. */
class Passing implements ExchangeOpener, ExchangeEvents {
  readonly pathOptions: PathOptions = defaultPathOptions;
  server: Http1Server | undefined = undefined;
  private readonly client: Http1Client;
  private readonly slab: Uint8Array;

  constructor(client: Http1Client, slab: Uint8Array) {
    this.client = client;
    this.slab = slab;
  }

  request(_downstream: Downstream, request: Head): ExchangeEvents {
    request.moveTo(this.slab);
    const place = this.client.place();
    place.begin(this);
    place.sendHead(request, noEdits, true);
    return this;
  }

  malformed(): void {}
  requestBody(): void {}
  requestEnd(): void {}
  requestFlush(): void {
    this.client.flush();
  }
  downstreamDrain(): void {}
  downstreamGone(): void {}
  responseInterim(): void {}
  responseHead(answer: Head): void {
    this.server?.sendHead(answer, noEdits, false);
  }
  responseBody(bytes: Uint8Array, start: number, end: number): void {
    this.server?.sendBody(bytes, start, end);
  }
  responseEnd(): void {
    this.server?.finish(undefined);
  }
  responseFlush(): void {
    this.server?.flush();
  }
  upstreamDrain(): void {}
  upstreamFailed(): void {}
}

function place(text: string): number {
  for (let i = 0; i < text.length; i++) buffer[i] = text.charCodeAt(i);
  return text.length;
}

for (const text of [small, big]) {
  const length = place(text);
  measure(`decode request, ${length} bytes`, () => {
    decoder.expectRequest(head);
    decoder.decode(buffer, 0, length);
  });
  measure(`encode request, ${length} bytes`, () => {
    seen += encodeRequest(head, noEdits, true, out, out, 0);
  });
}
const length = place(response);
measure(`decode response, ${length} bytes`, () => {
  decoder.expectResponse(head, 'GET', false);
  decoder.decode(buffer, 0, length);
});
measureExchange();
if (seen === 0) throw new Error('nothing was decoded');
