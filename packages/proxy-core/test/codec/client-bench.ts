/** An `Http1Client` on a wire with an owner and an exchange that write down what they are told. */
import { Http1Client } from '../../src/codec/http1/client.js';
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import type { ExchangeEvents, UpstreamOwner } from '../../src/exchange.js';
import type { Failure } from '../../src/failure.js';
import type { Io } from '../../src/io/io.js';
import { defaultLimits, type Limits } from '../../src/limits.js';
import { Head } from '../../src/message/head.js';
import { type Wire, WireIo } from './wire.js';

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A request head out of its text, as a downstream codec would hand it over. */
export function requestHead(text: string): Head {
  const head = new Head(64);
  const decoder = new Http1Decoder(defaultLimits, {
    messageHead: () => decoder.stop(),
    messageBody: () => {},
    messageEnd: () => {},
    messageMalformed: ({ detail }) => {
      throw new Error(detail);
    },
  });
  const bytes = bytesOf(text);
  decoder.expectRequest(head);
  decoder.decode(bytes, 0, bytes.length);
  return head;
}

export class ClientBench implements UpstreamOwner, ExchangeEvents {
  readonly io: WireIo = new WireIo();
  readonly client: Http1Client;
  readonly wire: Wire;
  told: string[] = [];
  onResponseHead: (head: Head) => void = () => {};
  onResponseEnd: () => void = () => {};

  constructor(limits: Partial<Limits> = {}, verdict?: Failure, engine: Io['engine'] = 'memory') {
    this.io.engine = engine;
    this.client = new Http1Client(this.io, { ...defaultLimits, ...limits }, this, () => verdict);
    this.client.connect({ address: { host: '10.0.0.2', port: 80 }, tls: undefined, serverName: '', timeoutMs: 1_000 });
    this.wire = this.io.wires[0];
  }

  /** Opened, with one request of no body sent. */
  static withRequest(text = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n', endStream = true): ClientBench {
    const bench = new ClientBench();
    bench.client.onOpen(bench.wire);
    bench.send(text, endStream);
    bench.tell();
    return bench;
  }

  send(text = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n', endStream = true): void {
    const place = this.client.place();
    place.begin(this);
    place.sendHead(requestHead(text), { path: undefined, authority: undefined, remove: [], append: [] }, endStream);
    place.flush();
  }

  tell(): string[] {
    const { told } = this;
    this.told = [];
    return told;
  }

  opened(): void {
    this.told.push('opened');
  }

  freed(_connection: unknown, idleHintMs: number): void {
    this.told.push(`freed ${idleHintMs}`);
  }

  gone(_connection: unknown, failure: Failure): void {
    this.told.push(`connection gone ${failure.reason}`);
  }

  requestBody(): void {}
  requestEnd(): void {}
  requestFlush(): void {}
  downstreamDrain(): void {}
  downstreamGone(): void {}

  responseInterim(head: Head): void {
    this.told.push(`interim ${head.status}`);
  }

  responseHead(head: Head): void {
    this.told.push(`head ${head.status}`);
    this.onResponseHead(head);
  }

  responseBody(bytes: Uint8Array, start: number, end: number): void {
    this.told.push(`body ${String.fromCharCode(...bytes.subarray(start, end))}`);
  }

  responseEnd(trailers: Head | undefined): void {
    this.told.push(trailers === undefined ? 'end' : `end ${trailers.name(0)}: ${trailers.value(0)}`);
    this.onResponseEnd();
  }

  responseFlush(): void {
    this.told.push('flush');
  }

  upstreamDrain(): void {
    this.told.push('drain');
  }

  upstreamFailed(failure: Failure, undelivered: boolean): void {
    this.told.push(`failed ${failure.reason}${undelivered ? ' undelivered' : ''}`);
  }
}
