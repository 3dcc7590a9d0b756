import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { maxErrors, requestTimeoutMs } from '../limits.js';
import { expectationOf, FixedAnswerReader, type FixedExpectation, HeadCache } from './fixed-answer.js';
import { Histogram } from './histogram.js';
import { Payloads } from './payload.js';
import { Failures } from './result.js';

/*
 * The closed loop of a benchmark: each connection sends its next request when it has its answer. Its connections outlive a run, so that a warm-up, a
 * settling time and the measured time are the same connections. When a run has ended nothing is on its way: the kernel's figures taken then are complete.
 *
 *   closed ──dial──> dialling ──> busy ──answer──> idle ──next──> busy
 *      └─────<── every end of the connection, and after each answer when connections are not kept
 */

/** Where the generator connects to, and how. */
export interface LoadTarget {
  host: string;
  port: number;
  /** PEM texts, when the generator itself speaks mutual TLS. */
  tls: { certificate: string; key: string; ca: string; serverName: string } | undefined;
}

export interface ClosedLoopSettings {
  target: LoadTarget;
  connections: number;
  keepAlive: boolean;
  requestBytes: number;
  responseBytes: number;
}

/** When a run ends: whichever comes first. */
export interface RunLength {
  seconds: number;
  requests: number;
}

export interface LoopFigures {
  requests: number;
  failures: Failures;
  durationS: number;
  connects: number;
  bytes: { sent: number; received: number };
  latencyUs: Histogram;
}

/** One request in so many carries the hash of its body, which the server checks. */
const hashEvery = 64;
const sweepMs = 100;
const bufferBytes = 256 * 1024;

export class ClosedLoop {
  readonly #settings: ClosedLoopSettings;
  readonly #shared: Shared;
  readonly #places: Place[];

  constructor(settings: ClosedLoopSettings) {
    this.#settings = settings;
    this.#shared = new Shared(settings);
    this.#places = Array.from({ length: settings.connections }, () => new Place(this.#shared));
  }

  /** Opens kept connections before the first run; failures show in the run. */
  async open(): Promise<void> {
    if (this.#settings.keepAlive) await Promise.all(this.#places.map((place) => place.open()));
  }

  /** @param progress is called with the number of requests so far, after every `every` of them. */
  run(
    length: RunLength,
    every: number = Number.POSITIVE_INFINITY,
    progress?: (requests: number) => void,
  ): Promise<LoopFigures> {
    const shared = this.#shared;
    const startUs = nowUs();
    shared.begin(startUs + length.seconds * 1e6, length.requests, every, progress);
    return new Promise((resolve) => {
      const sweep = setInterval(() => {
        const now = nowUs();
        for (const place of this.#places) place.sweep(now);
      }, sweepMs);
      shared.finished = () => {
        clearInterval(sweep);
        const { requests, failures, connects, latencyUs } = shared;
        const { requestBytes, responseBytes } = this.#settings;
        resolve({
          requests,
          failures,
          durationS: (shared.lastUs - startUs) / 1e6,
          connects,
          bytes: { sent: requests * requestBytes, received: requests * responseBytes },
          latencyUs,
        });
      };
      for (const place of this.#places) place.next();
    });
  }

  /** Connections that are open and have nothing on their way. */
  get openConnections(): number {
    return this.#places.filter((place) => place.isIdle).length;
  }

  close(): void {
    for (const place of this.#places) place.close();
  }
}

/** What all connections of a loop share: the request's bytes, the receive buffer and the figures of the current run. */
class Shared {
  readonly target: LoadTarget;
  readonly keepAlive: boolean;
  readonly request: Buffer;
  readonly hashedRequest: Buffer;
  readonly expected: FixedExpectation;
  readonly cache: HeadCache;
  readonly buffer: Buffer;
  requests: number;
  connects: number;
  failures: Failures;
  latencyUs: Histogram;
  lastUs: number;
  finished: () => void;
  #endUs: number;
  #startable: number;
  #every: number;
  #progress: ((requests: number) => void) | undefined;
  #active: number;

  constructor(settings: ClosedLoopSettings) {
    this.target = settings.target;
    this.keepAlive = settings.keepAlive;
    const { requestBytes, keepAlive } = settings;
    const body = new Payloads({ min: requestBytes, max: requestBytes }).bytesOf(0);
    const hash = createHash('sha256').update(body).digest('hex');
    this.request = requestOf(body, keepAlive, '');
    this.hashedRequest = requestBytes === 0 ? this.request : requestOf(body, keepAlive, hash);
    this.expected = expectationOf(settings.responseBytes);
    this.cache = new HeadCache();
    this.buffer = Buffer.allocUnsafeSlow(bufferBytes);
    this.requests = 0;
    this.connects = 0;
    this.failures = new Failures();
    this.latencyUs = new Histogram();
    this.lastUs = 0;
    this.finished = () => {};
    this.#endUs = 0;
    this.#startable = 0;
    this.#every = Number.POSITIVE_INFINITY;
    this.#progress = undefined;
    this.#active = 0;
  }

  begin(endUs: number, requests: number, every: number, progress: ((requests: number) => void) | undefined): void {
    this.requests = 0;
    this.connects = 0;
    this.failures = new Failures();
    this.latencyUs = new Histogram();
    this.#endUs = endUs;
    this.#startable = requests;
    this.#every = every;
    this.#progress = progress;
    this.#active = 0;
    this.lastUs = nowUs();
  }

  /** Whether another request may start now; if so it counts as out. */
  take(now: number): boolean {
    if (now >= this.#endUs || this.#startable <= 0 || this.failures.total >= maxErrors) return false;
    this.#startable -= 1;
    this.#active += 1;
    return true;
  }

  answered(latencyUs: number): void {
    this.requests += 1;
    this.latencyUs.record(latencyUs);
    if (this.requests % this.#every === 0) this.#progress?.(this.requests);
  }

  /** A request that was out is no more, well or not. Call `rest` once its connection has tried to go on. */
  ended(): void {
    this.#active -= 1;
  }

  rest(now: number): void {
    if (this.#active > 0) return;
    this.lastUs = now;
    const finished = this.finished;
    this.finished = () => {};
    finished();
  }
}

class Place {
  readonly #shared: Shared;
  readonly #reader: FixedAnswerReader;
  #socket: Socket | undefined;
  #state: 'closed' | 'dialling' | 'idle' | 'busy';
  #sentUs: number;
  #sent: number;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#reader = new FixedAnswerReader(shared.expected, shared.cache);
    this.#socket = undefined;
    this.#state = 'closed';
    this.#sentUs = 0;
    this.#sent = 0;
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#dial(() => {
        this.#state = 'idle';
        resolve();
      });
      this.#socket?.once('close', () => resolve());
    });
  }

  /** Starts the next request, or lets the connection rest when the run is over. */
  next(): void {
    const now = nowUs();
    if (!this.#shared.take(now)) {
      this.#shared.rest(now);
      return;
    }
    this.#sentUs = now;
    if (this.#state === 'idle') this.#send();
    else this.#dial(() => this.#send());
  }

  sweep(now: number): void {
    if (this.#state !== 'busy' && this.#state !== 'dialling') return;
    if (now - this.#sentUs > requestTimeoutMs * 1000)
      this.#fail('timeout', `no whole answer in ${requestTimeoutMs} ms`);
  }

  close(): void {
    this.#state = 'closed';
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #send(): void {
    this.#state = 'busy';
    const { request, hashedRequest } = this.#shared;
    this.#socket?.write(this.#sent % hashEvery === 0 ? hashedRequest : request);
    this.#sent += 1;
  }

  #dial(connected: () => void): void {
    const { target, buffer } = this.#shared;
    this.#state = 'dialling';
    this.#reader.reset();
    this.#shared.connects += 1;
    const onread = {
      buffer,
      callback: (length: number): boolean => {
        if (this.#socket === socket) this.#received(length);
        return true;
      },
    };
    const { host, port, tls } = target;
    const socket: Socket =
      tls === undefined
        ? connect({ host, port, noDelay: true, onread })
        : connectTls({
            host,
            port,
            onread,
            cert: tls.certificate,
            key: tls.key,
            ca: tls.ca,
            servername: tls.serverName,
            minVersion: 'TLSv1.3',
          } as ConnectionOptions);
    this.#socket = socket;
    let reason = 'closed by the other side';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost(reason);
    });
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      if (this.#socket === socket) connected();
    });
  }

  #received(length: number): void {
    if (this.#state !== 'busy') {
      this.#fail('bad-response', 'bytes came that no request asked for');
      return;
    }
    const verdict = this.#reader.read(this.#shared.buffer, length);
    if (verdict === 'more') return;
    if (verdict !== 'complete' && verdict !== 'complete-closing') {
      this.#fail(verdict, this.#shared.buffer.toString('latin1', 0, Math.min(length, 200)));
      return;
    }
    this.#shared.answered(nowUs() - this.#sentUs);
    if (verdict === 'complete' && this.#shared.keepAlive) this.#state = 'idle';
    else this.close();
    this.#shared.ended();
    this.next();
  }

  #lost(reason: string): void {
    if (this.#state === 'busy') this.#fail('connection-lost', reason);
    else if (this.#state === 'dialling') this.#fail('connect-failed', reason);
    else this.close();
  }

  #fail(fault: string, detail: string): void {
    const hadRequest = this.#state === 'busy' || (this.#state === 'dialling' && this.#sentUs > 0);
    this.close();
    if (!hadRequest) return;
    this.#shared.failures.add(fault, detail);
    this.#shared.ended();
    // Not in this call: a server that refuses at once must not become a recursion.
    setImmediate(() => this.next());
  }
}

function requestOf(body: Buffer, keepAlive: boolean, sha256: string): Buffer {
  const head =
    `${body.length === 0 ? 'GET' : 'POST'} / HTTP/1.1\r\nhost: bench.test\r\nuser-agent: tulle-bench\r\naccept: */*\r\n` +
    (body.length === 0 ? '' : `content-length: ${body.length}\r\n`) +
    (sha256 === '' ? '' : `x-tulle-bench-sha256: ${sha256}\r\n`) +
    (keepAlive ? '\r\n' : 'connection: close\r\n\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

function nowUs(): number {
  return performance.now() * 1000;
}
