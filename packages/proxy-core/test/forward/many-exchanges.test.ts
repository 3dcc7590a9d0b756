/**
 * What docs/adr/0002 promises of a protocol with many exchanges on a connection, tried on one that has no bytes: its client's side makes a `Downstream` for each exchange,
 * its server's side hands out many `Place`s. Stage forward, the pool, balancing and the log are those of the proxy.
 */
import t from 'tap';
import type { Downstream, ExchangeEvents, Place, UpstreamConnection, UpstreamOwner } from '../../src/exchange.js';
import { type Failure, failure } from '../../src/failure.js';
import { Exchange, type ExchangeServices } from '../../src/forward/exchange.js';
import { defaultLimits } from '../../src/limits.js';
import { Slabs } from '../../src/message/slabs.js';
import { breakerCounts } from '../../src/pool/breaker.js';
import { Pool } from '../../src/pool/pool.js';
import { Cluster } from '../../src/upstream/cluster.js';
import { Endpoint } from '../../src/upstream/endpoint.js';
import { requestHead } from '../codec/client-bench.js';
import { bytesOf, responseHead } from '../codec/server-bench.js';
import { WireIo } from '../codec/wire.js';

const local = { host: '127.0.0.1', port: 80 };

/** The client's side of one exchange: a stream. */
class StreamDownstream implements Downstream {
  readonly remote = local;
  readonly local = local;
  readonly peer = undefined;
  readonly isTls = true;
  readonly protocol = 'http/2';
  bodyBytesReceived = 0;
  bodyBytesSent = 0;
  told: string[] = [];
  paused = false;
  /** Its window is used up. */
  full = false;

  sendInterim(): void {
    this.told.push('interim');
  }
  sendHead(head: { readonly status: number }): void {
    this.told.push(`head ${head.status}`);
  }
  sendLocal(status: number): void {
    this.told.push(`local ${status}`);
  }
  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    this.told.push(`body ${String.fromCharCode(...bytes.subarray(start, end))}`);
    return !this.full;
  }
  finish(trailers: { name(i: number): string; value(i: number): string } | undefined): void {
    this.told.push(trailers === undefined ? 'end' : `end ${trailers.name(0)}: ${trailers.value(0)}`);
  }
  flush(): void {}
  abort(): void {
    this.told.push('reset');
  }
  pauseRequest(): void {
    this.paused = true;
  }
  resumeRequest(): void {
    this.paused = false;
  }
  becomeTunnel(): void {}
}

/** The server's side of one exchange. */
class StreamPlace implements Place {
  readonly remote = local;
  readonly isTls = true;
  readonly alpn = 'h2';
  readonly peerUri = '';
  readonly reused: boolean;
  readonly connection: ManyConnection;
  events: ExchangeEvents | undefined = undefined;
  told: string[] = [];
  paused = false;
  full = false;

  constructor(connection: ManyConnection, reused: boolean) {
    this.connection = connection;
    this.reused = reused;
  }
  begin(events: ExchangeEvents): void {
    this.events = events;
  }
  sendHead(head: { pathText(): string }, _edits: unknown, endStream: boolean): void {
    this.told.push(`${head.pathText()}${endStream ? ' end' : ''}`);
  }
  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    this.told.push(`body ${String.fromCharCode(...bytes.subarray(start, end))}`);
    return !this.full;
  }
  sendEnd(): void {
    this.told.push('end');
  }
  flush(): void {}
  pauseResponse(): void {
    this.paused = true;
  }
  resumeResponse(): void {
    this.paused = false;
  }
  cancel(): void {
    this.told.push('reset');
    this.connection.release(this);
  }
  becomeTunnel(): void {}

  answer(trailers?: string): void {
    const { events } = this;
    events?.responseHead(responseHead('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'));
    events?.responseBody(bytesOf('ok'), 0, 2);
    const head = responseHead(`HTTP/1.1 200 OK\r\n${trailers ?? 'a: b'}\r\n\r\n`);
    events?.responseEnd(trailers === undefined ? undefined : head);
    this.connection.release(this);
  }

  /** The peer ends this exchange alone. */
  resetByPeer(cause: Failure, undelivered: boolean): void {
    const { events } = this;
    this.connection.release(this);
    events?.upstreamFailed(cause, undelivered);
  }
}

/** A connection with as many places as its peer allows. */
class ManyConnection implements UpstreamConnection {
  allowed = 0;
  state: 'connecting' | 'open' | 'leaving' | 'closed' = 'connecting';
  readonly places: StreamPlace[] = [];
  private readonly owner: UpstreamOwner;
  private readonly used = new Set<StreamPlace>();

  constructor(owner: UpstreamOwner) {
    this.owner = owner;
  }
  get usedPlaces(): number {
    return this.used.size;
  }
  get freePlaces(): number {
    return this.state === 'open' ? Math.max(0, this.allowed - this.used.size) : 0;
  }
  place(): Place {
    const place = new StreamPlace(this, this.places.length > 0);
    this.places.push(place);
    this.used.add(place);
    return place;
  }
  open(allowed: number): void {
    this.state = 'open';
    this.allowed = allowed;
    this.owner.opened(this);
  }
  release(place: StreamPlace): void {
    place.events = undefined;
    if (!this.used.delete(place)) return;
    if (this.state === 'open') this.owner.freed(this, 0);
    else this.closeWhenIdle();
  }
  /** The peer goes away (GOAWAY): no further exchange, those under way go on. */
  leave(): void {
    this.state = 'leaving';
    this.closeWhenIdle();
  }
  retire(): void {
    if (this.state !== 'closed') this.leave();
  }
  private closeWhenIdle(): void {
    if (this.state !== 'leaving' || this.used.size > 0) return;
    this.state = 'closed';
    this.owner.gone(this, failure('upstream-reset', 'left'));
  }
}

class Scene {
  readonly io = new WireIo();
  readonly dialled: ManyConnection[] = [];
  readonly finished: string[] = [];
  readonly cluster: Cluster;
  private readonly services: ExchangeServices;

  constructor(placesPerDial: number) {
    const { io } = this;
    const observer = {
      ejected() {},
      restored() {},
      panicked() {},
      overflowed() {},
      load: () => new Float64Array(breakerCounts.length),
    };
    const address = { host: '10.0.0.2', port: 80 };
    this.cluster = new Cluster(
      { name: 'up', endpoints: [{ address, weight: 1, tls: false }], balancer: 'p2c', connectTimeoutMs: 1_000 },
      {
        timers: io.timers,
        observer,
        tls: () => ({ settings: undefined, key: 'plain' }),
        make: (cluster, at, settings, weight) =>
          new Endpoint(
            at,
            settings,
            weight,
            () =>
              new Pool({
                dial: (owner) => {
                  const connection = new ManyConnection(owner);
                  this.dialled.push(connection);
                  return connection;
                },
                breaker: cluster.breaker,
                timers: io.timers,
                clock: io.clock,
                placesPerDial,
                idleTimeoutMs: () => 10_000,
              }),
          ),
      },
    );
    this.services = {
      clock: io.clock,
      timers: io.timers,
      limits: defaultLimits,
      slabs: new Slabs(),
      random: () => 0.5,
      draining: false,
      respond: (downstream, failed) =>
        downstream.sendLocal(failed.reason === 'upstream-reset' ? 502 : 503, [], bytesOf(''), false),
      finished: ({ head, status, reason }) => this.finished.push(`${head.pathText()} ${status} ${reason}`.trimEnd()),
    };
  }

  /** A stream opens with that head. */
  request(head: string): { stream: StreamDownstream; exchange: Exchange } {
    const stream = new StreamDownstream();
    const attempt = (exchange: Exchange): void => {
      const endpoint = this.cluster.known[0];
      exchange.tryOn(endpoint);
    };
    const exchange = new Exchange(this.services, 'outbound', attempt, stream, requestHead(head), local);
    exchange.forward({ timeoutMs: 0, retry: undefined } as Parameters<Exchange['forward']>[0], this.cluster);
    return { stream, exchange };
  }

  get(path: string): { stream: StreamDownstream; exchange: Exchange } {
    const it = this.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    it.exchange.requestEnd(undefined);
    it.exchange.requestFlush();
    return it;
  }

  post(path: string): { stream: StreamDownstream; exchange: Exchange } {
    return this.request(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
  }
}

t.test('exchanges that come together share one dial and one connection, up to what the peer allows', (t) => {
  const scene = new Scene(10);
  const all = ['/1', '/2', '/3'].map((path) => scene.get(path));
  t.equal(scene.dialled.length, 1);
  const [connection] = scene.dialled;
  connection.open(5);
  t.same(
    connection.places.map(({ told }) => told[0]),
    ['/1 end', '/2 end', '/3 end'],
  );
  scene.get('/4');
  scene.get('/5');
  t.equal(connection.places.length, 5, 'it is at hand while it has room');
  const sixth = scene.get('/6');
  t.equal(scene.dialled.length, 2, 'full: another is dialled');
  connection.places[1].answer();
  t.same(all[1].stream.told, ['head 200', 'body ok', 'end']);
  t.equal(connection.places[5].told[0], '/6 end', 'or who waits has the place that is free first');
  t.same(sixth.stream.told, []);
  connection.places[0].answer();
  scene.get('/7');
  t.equal(connection.places.length, 7);
  t.same(scene.finished, ['/2 200', '/1 200']);
  t.end();
});

t.test('flow control is of each exchange alone, in both directions', (t) => {
  const scene = new Scene(10);
  const [one, two] = [scene.post('/1'), scene.post('/2')];
  scene.dialled[0].open(10);
  const [first, second] = scene.dialled[0].places;
  first.full = true;
  one.exchange.requestBody(bytesOf('abc'), 0, 3);
  two.exchange.requestBody(bytesOf('def'), 0, 3);
  t.same([one.stream.paused, two.stream.paused], [true, false]);
  one.exchange.upstreamDrain();
  t.equal(one.stream.paused, false);
  two.stream.full = true;
  for (const place of [first, second]) {
    place.events?.responseHead(responseHead('HTTP/1.1 200 OK\r\n\r\n'));
    place.events?.responseBody(bytesOf('ok'), 0, 2);
  }
  t.same([first.paused, second.paused], [false, true]);
  two.exchange.downstreamDrain();
  t.equal(second.paused, false);
  t.end();
});

t.test('an exchange that ends early, from either end, leaves the others and the connection alone', (t) => {
  const scene = new Scene(10);
  const [gone, reset, late, whole] = ['/1', '/2', '/3', '/4'].map((path) => scene.post(path));
  const [connection] = scene.dialled;
  connection.open(10);
  const [first, second, third, fourth] = connection.places;
  gone.exchange.downstreamGone(failure('downstream-closed', 'RST_STREAM'));
  t.same(first.told.slice(-1), ['reset']);
  second.resetByPeer(failure('upstream-reset', 'RST_STREAM'), false);
  t.same(reset.stream.told, ['local 502']);
  third.events?.responseHead(responseHead('HTTP/1.1 200 OK\r\n\r\n'));
  third.resetByPeer(failure('upstream-reset', 'RST_STREAM'), false);
  t.same(late.stream.told, ['head 200', 'reset'], 'part of an answer is not taken for all of it');
  whole.exchange.requestEnd(undefined);
  fourth.answer('x-sum: 7');
  t.same(whole.stream.told, ['head 200', 'body ok', 'end x-sum: 7']);
  t.equal(connection.state, 'open');
  t.equal(connection.usedPlaces, 0);
  t.same(scene.finished, ['/1 0 downstream-closed', '/2 502 upstream-reset', '/3 200 upstream-reset', '/4 200']);
  t.equal(scene.cluster.breaker.requests, 0);
  t.end();
});

t.test('a peer that goes away finishes what it has; what it refuses is sent again elsewhere, unseen', (t) => {
  const scene = new Scene(10);
  const [kept, refused] = [scene.get('/1'), scene.get('/2')];
  const [connection] = scene.dialled;
  connection.open(10);
  const [first, second] = connection.places;
  connection.leave();
  second.resetByPeer(failure('upstream-reset', 'a stream above the last one of GOAWAY'), true);
  t.equal(scene.dialled.length, 2, 'no place there any more');
  scene.dialled[1].open(10);
  scene.dialled[1].places[0].answer();
  t.same(refused.stream.told, ['head 200', 'body ok', 'end']);
  t.same(kept.stream.told, []);
  first.answer();
  t.same(kept.stream.told, ['head 200', 'body ok', 'end']);
  t.equal(connection.state, 'closed');
  t.same(scene.finished, ['/2 200', '/1 200']);
  t.end();
});

t.test('a connection is old only when nothing is under way on it', (t) => {
  const scene = new Scene(10);
  scene.get('/1');
  const [connection] = scene.dialled;
  connection.open(10);
  scene.io.advance(60_000);
  t.equal(connection.state, 'open');
  scene.get('/2');
  t.equal(connection.places.length, 2);
  for (const place of connection.places) place.answer();
  scene.io.advance(12_000);
  t.equal(connection.state, 'closed');
  t.end();
});
