/** An `Http1Server` on a wire with an opener that writes down what it is told. */
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import { Http1Server } from '../../src/codec/http1/server.js';
import type { Downstream, ExchangeEvents, ExchangeOpener } from '../../src/exchange.js';
import type { Failure } from '../../src/failure.js';
import { defaultLimits, type Limits } from '../../src/limits.js';
import { Head } from '../../src/message/head.js';
import { defaultPathOptions, type PathOptions } from '../../src/message/path-options.js';
import { Wire, WireIo } from './wire.js';

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A response head out of its text, as an upstream codec would hand it over. */
export function responseHead(text: string, method = 'GET', upgradeAsked = false): Head {
  let kept: Head | undefined;
  const decoder = new Http1Decoder(defaultLimits, {
    messageHead: (head) => {
      kept = head;
      decoder.stop();
    },
    messageBody: () => {},
    messageEnd: () => {},
    messageMalformed: ({ detail }) => {
      throw new Error(detail);
    },
  });
  const bytes = bytesOf(text);
  decoder.expectResponse(new Head(64), method, upgradeAsked);
  decoder.decode(bytes, 0, bytes.length);
  if (kept === undefined) throw new Error(`no whole head: ${text}`);
  return kept;
}

export class ServerBench implements ExchangeOpener {
  pathOptions: PathOptions = defaultPathOptions;
  readonly io: WireIo = new WireIo();
  readonly wire: Wire = new Wire();
  readonly server: Http1Server;
  /** What the opener and its exchanges were told, in order. */
  told: string[] = [];
  /** Called with each request, before `request` returns. */
  onRequest: (downstream: Downstream, head: Head) => void = () => {};
  /** Called with the whole request. */
  onRequestEnd: (downstream: Downstream) => void = () => {};
  closed = 0;

  constructor(limits: Partial<Limits> = {}, headTimeoutMs?: number) {
    const clientClosed = (): number => this.closed++;
    const owner = { io: this.io, limits: { ...defaultLimits, ...limits }, clientClosed };
    this.server = new Http1Server(this.wire, this, owner, headTimeoutMs);
    this.wire.handler = this.server;
  }

  /** All that was told since the last call. */
  tell(): string[] {
    const { told } = this;
    this.told = [];
    return told;
  }

  request(downstream: Downstream, head: Head): ExchangeEvents {
    const slab = new Uint8Array(head.end - head.start);
    head.moveTo(slab);
    this.told.push(`request ${head.method} ${head.pathText()}${head.queryText()}`);
    this.onRequest(downstream, head);
    return {
      requestBody: (bytes, start, end) => this.told.push(`body ${String.fromCharCode(...bytes.subarray(start, end))}`),
      requestEnd: (trailers) => {
        this.told.push(trailers === undefined ? 'end' : `end ${trailers.name(0)}: ${trailers.value(0)}`);
        this.onRequestEnd(downstream);
      },
      requestFlush: () => this.told.push('flush'),
      downstreamDrain: () => this.told.push('drain'),
      downstreamGone: (failure) => this.told.push(`gone ${failure.reason}`),
      responseInterim: () => {},
      responseHead: () => {},
      responseBody: () => {},
      responseEnd: () => {},
      responseFlush: () => {},
      upstreamDrain: () => {},
      upstreamFailed: () => {},
    };
  }

  malformed(downstream: Downstream, failure: Failure, told: boolean): void {
    this.told.push(`malformed ${failure.reason}${told ? ', told' : ''}`);
    downstream.sendLocal(failure.reason === 'head-timeout' ? 408 : 400, [], bytesOf('no'), true);
  }
}
