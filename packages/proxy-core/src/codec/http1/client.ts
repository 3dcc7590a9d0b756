/**
 * The server's side of HTTP/1.1: one upstream connection with one place (RFC 9112 section 9).
 *
 *     connecting ──opened, right peer──▶ idle ──place──▶ reserved ──sendHead──▶ busy ──both whole, kept by both──▶ (settling) ──▶ idle
 *          │                              │ bytes, end, retire │ cancel: idle     │ cancel, close, malformed, not kept    │ bytes, end, retire
 *          ▼                              ▼                    ▼                  ▼                                        ▼
 *        closed ◀──────────────────────────────────────────────────────────────────────────────────────────────────────────
 *
 * `settling` where the engine tells late that the server has closed behind its answer, see `endsLate`.
 * An answer that is whole before its request ends the connection: what the server would read next is the rest of a body.
 */
import type { SocketAddress } from '../../address.js';
import { formatAddress } from '../../address.js';
import type { ExchangeEvents, Place, UpstreamConnection, UpstreamOwner } from '../../exchange.js';
import { type Failure, failure, upstreamFailure } from '../../failure.js';
import type { Connection, ConnectionHandler, ConnectOptions, Io, IoError } from '../../io/io.js';
import type { Limits } from '../../limits.js';
import type { HeadEdits } from '../../message/edits.js';
import { fieldIds } from '../../message/fields.js';
import { fromLatin1, type Head } from '../../message/head.js';
import { BodyWriter } from './body-writer.js';
import { type Carry, keepRest } from './carry.js';
import type { Http1Decoder, MessageEvents } from './decoder.js';
import { encodeRequest, headBound, requestFraming } from './encoder.js';
import { keepAliveTimeoutMs } from './keep-alive.js';
import { outbox } from './outbox.js';
import { type Spares, sparesFor } from './spares.js';

const noBytes = new Uint8Array(0);

export class Http1Client implements ConnectionHandler, UpstreamConnection, Place, MessageEvents {
  reused = false;

  private readonly io: Io;
  private readonly owner: UpstreamOwner;
  private readonly verifyPeer: (connection: Connection) => Failure | undefined;
  private readonly spares: Spares;

  private connection: Connection | undefined = undefined;
  private body: BodyWriter | undefined = undefined;
  private state: 'connecting' | 'idle' | 'reserved' | 'busy' | 'settling' | 'closed' = 'connecting';
  private request: 'none' | 'arriving' | 'whole' | 'opaque' | 'ended' = 'none';
  private answer: 'none' | 'awaited' | 'started' | 'whole' = 'none';
  private events: ExchangeEvents | undefined = undefined;
  private decoder: Http1Decoder | undefined = undefined;
  private head: Head | undefined = undefined;
  private carry: Carry | undefined = undefined;
  /** The server keeps the connection after this answer. */
  private kept = true;
  private idleHintMs = 0;
  /** The request asked leave to send its body, and the server has not given it. */
  private awaitsContinue = false;
  /** Protocols that the request asked to change to, lower case; '' without. */
  private upgradeTo = '';
  private retiring = false;
  private paused = false;
  private consuming = false;
  /**
   * node reads a FIN that is there with an answer one turn after it, and cannot say what the server's kernel took: a request sent in between would be lost and could
   * not be sent again. The other engines know at once, or can say.
   */
  private readonly endsLate: boolean;
  private readonly atNextTurnEnd = (): void => this.io.atTurnEnd(this.settled);
  private readonly settled = (): void => {
    if (this.state === 'settling') this.offer();
  };

  constructor(
    io: Io,
    limits: Limits,
    owner: UpstreamOwner,
    verifyPeer: (connection: Connection) => Failure | undefined,
  ) {
    this.io = io;
    this.owner = owner;
    this.verifyPeer = verifyPeer;
    this.spares = sparesFor(limits);
    this.endsLate = io.engine === 'portable';
  }

  /** Once: the outcome comes as `opened` or `gone`, after this returned. */
  connect(options: ConnectOptions): void {
    this.connection = this.io.connect(options, this);
    this.body = new BodyWriter(this.connection);
  }

  get freePlaces(): number {
    return this.state === 'idle' && !this.retiring ? 1 : 0;
  }

  get usedPlaces(): number {
    return this.state === 'reserved' || this.state === 'busy' ? 1 : 0;
  }

  get remote(): SocketAddress {
    return this.wire.remote;
  }

  get isTls(): boolean {
    return this.wire.isTls;
  }

  get alpn(): string {
    return this.wire.alpn;
  }

  get peerUri(): string {
    return this.wire.peer?.uris[0] ?? '';
  }

  place(): Place {
    if (this.freePlaces === 0) throw new Error('bug in the pool: a place was asked for where there is none');
    this.state = 'reserved';
    return this;
  }

  retire(): void {
    this.retiring = true;
    if (this.state === 'idle' || this.state === 'settling') this.close(false, failure('upstream-reset', 'retired'));
  }

  begin(events: ExchangeEvents): void {
    this.events = events;
  }

  sendHead(head: Head, edits: HeadEdits, endStream: boolean): void {
    if (this.state !== 'reserved') return;
    const { wire, writer } = this;
    this.state = 'busy';
    this.answer = 'awaited';
    this.kept = true;
    this.idleHintMs = 0;
    this.awaitsContinue = head.expectContinue && head.framing !== 'none';
    this.upgradeTo = head.upgrade ? upgradeOf(head) : '';
    this.head = this.spares.takeResponseHead();
    this.decoder = this.spares.takeDecoder(this);
    this.decoder.expectResponse(this.head, head.method, head.upgrade);
    wire.mark();
    writer.begin();
    const fallback = head.authorityEnd > head.authorityStart ? noBytes : fromLatin1(formatAddress(wire.remote));
    outbox.open(writer, headBound(head, edits, fallback));
    outbox.length = encodeRequest(head, edits, endStream, fallback, outbox.bytes, outbox.length);
    writer.setFraming(requestFraming(head, endStream));
    this.request = endStream || (head.framing === 'none' && !head.upgrade) ? 'whole' : 'arriving';
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    return this.sendsBody() ? this.writer.write(bytes, start, end) : true;
  }

  sendEnd(trailers: Head | undefined): void {
    if (!this.sendsBody()) return;
    if (this.request === 'opaque') {
      this.request = 'ended';
      this.writer.flush();
      this.wire.end();
      this.settleTunnel();
      return;
    }
    this.writer.end(trailers);
    this.request = 'whole';
    if (!this.consuming) this.settle();
  }

  flush(): void {
    this.body?.flush();
  }

  pauseResponse(): void {
    if (this.paused || this.state === 'closed') return;
    this.paused = true;
    this.wire.pause();
  }

  resumeResponse(): void {
    if (!this.paused || this.state === 'closed') return;
    this.paused = false;
    this.wire.resume();
  }

  cancel(): void {
    if (this.state === 'reserved') {
      this.events = undefined;
      this.free();
    } else if (this.state === 'busy') {
      // The server must not take a request that was cut short for a whole one.
      this.close(true, failure('upstream-reset', 'the exchange was given up'));
    }
  }

  becomeTunnel(): void {
    if (this.state !== 'busy') return;
    this.request = 'opaque';
    this.writer.setFraming('close');
  }

  onOpen(connection: Connection): void {
    const refusal = this.verifyPeer(connection);
    if (refusal !== undefined) {
      this.close(false, refusal);
      return;
    }
    this.state = 'idle';
    // Retired meanwhile: whoever waited for this connection is still served, and nobody else.
    const { retiring } = this;
    this.retiring = false;
    this.owner.opened(this);
    if (retiring) this.retire();
  }

  onData(_connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.state === 'closed') return;
    if (this.state !== 'busy') {
      this.fail(failure('upstream-reset', 'the server sent bytes that no request asked for'), true);
      return;
    }
    if (this.carry === undefined) {
      this.consume(bytes, start, end);
    } else {
      this.carry.append(bytes, start, end);
      this.consume(this.carry.bytes, 0, this.carry.length);
    }
  }

  onEnd(_connection: Connection): void {
    if (this.state !== 'busy') {
      this.fail(failure('upstream-reset', 'the server closed an idle connection'), true);
      return;
    }
    this.kept = false;
    this.consuming = true;
    const inOrder = this.decoder?.end() === true;
    this.consuming = false;
    if (this.state !== 'busy') {
      this.releaseCodec();
      return;
    }
    if (inOrder) {
      this.events?.responseFlush();
      this.settle();
    } else {
      this.fail(
        failure('upstream-reset', 'the server closed the connection within its answer'),
        this.nothingReceived(),
      );
    }
  }

  onDrain(_connection: Connection): void {
    if (this.writer.drained()) this.events?.upstreamDrain();
  }

  onClose(_connection: Connection, error: IoError | undefined): void {
    if (this.state === 'closed') return;
    const wasOpen = this.state !== 'connecting';
    const cause = upstreamFailure(error, wasOpen);
    this.closed(cause, this.state === 'reserved' || this.nothingReceived());
  }

  messageHead(head: Head): void {
    if (!head.keepAlive) this.kept = false;
    if (head.status < 200 && head.status !== 101) {
      if (head.status === 100) this.awaitsContinue = false;
      this.events?.responseInterim(head);
      return;
    }
    if (head.status === 101 && !isAmong(upgradeOf(head), this.upgradeTo)) {
      this.fail(failure('upstream-bad-response', 'a 101 to a protocol that was not asked for'), false);
      return;
    }
    this.answer = 'started';
    // Whether it will still read the body that it did not ask for is its choice (RFC 9110 section 10.1.1): what is sent next could be taken for that body, or the body for what is sent next.
    if (this.awaitsContinue) this.kept = false;
    const hint = head.find(fieldIds['keep-alive']);
    if (hint >= 0)
      this.idleHintMs = keepAliveTimeoutMs(head.bytes, head.offsets[4 * hint + 2], head.offsets[4 * hint + 3]);
    this.events?.responseHead(head);
  }

  messageBody(bytes: Uint8Array, start: number, end: number): void {
    this.events?.responseBody(bytes, start, end);
  }

  messageEnd(trailers: Head | undefined): void {
    this.answer = 'whole';
    this.events?.responseEnd(trailers);
  }

  messageMalformed(cause: Failure): void {
    this.fail(cause, false);
  }

  private get wire(): Connection {
    if (this.connection === undefined) throw new Error('bug in the pool: used before connect');
    return this.connection;
  }

  private get writer(): BodyWriter {
    if (this.body === undefined) throw new Error('bug in the pool: used before connect');
    return this.body;
  }

  private sendsBody(): boolean {
    return this.state === 'busy' && (this.request === 'arriving' || this.request === 'opaque');
  }

  /** Sure that the server's kernel acknowledged nothing of the request: no answer has begun either. */
  private nothingReceived(): boolean {
    return this.answer === 'awaited' && this.carry === undefined && this.wire.undelivered();
  }

  private consume(bytes: Uint8Array, start: number, end: number): void {
    const { events } = this;
    let at = start;
    this.consuming = true;
    while (at < end && this.state === 'busy' && this.answer !== 'whole') {
      const next = (this.decoder as Http1Decoder).decode(bytes, at, end);
      if (next === at) break;
      at = next;
    }
    this.consuming = false;
    events?.responseFlush();
    if (this.state !== 'busy') {
      this.releaseCodec();
      return;
    }
    if (this.answer === 'whole') {
      // Bytes behind an answer belong to no request: nothing that this connection says can be trusted any more.
      if (at < end) this.kept = false;
      this.settle();
    } else {
      this.carry = keepRest(this.carry, bytes, at, end);
    }
  }

  /** The answer or the request has become whole: is the place free again? */
  private settle(): void {
    if (this.state !== 'busy' || this.answer !== 'whole') return;
    if (this.request === 'opaque' || this.request === 'ended') {
      this.settleTunnel();
      return;
    }
    this.flush();
    this.events = undefined;
    if (this.request === 'whole' && this.kept && !this.retiring) this.free();
    else this.close(false, failure('upstream-reset', 'the connection ended with its answer'));
  }

  /** Both directions have ended: the connection closes in order by itself. */
  private settleTunnel(): void {
    if (this.request === 'ended' && this.answer === 'whole') this.events = undefined;
  }

  private free(): void {
    this.resumeResponse();
    this.releaseCodec();
    this.carry = undefined;
    this.request = 'none';
    this.answer = 'none';
    if (this.state !== 'busy') {
      this.offer();
      return;
    }
    this.reused = true;
    this.state = 'settling';
    if (this.endsLate) this.io.atTurnEnd(this.atNextTurnEnd);
    else this.offer();
  }

  private offer(): void {
    this.state = 'idle';
    if (this.retiring) this.close(false, failure('upstream-reset', 'retired'));
    else this.owner.freed(this, this.idleHintMs);
  }

  /** The connection is of no use any more: closes it and tells the exchange on it. */
  private fail(cause: Failure, undelivered: boolean): void {
    if (this.state === 'closed') return;
    this.wire.destroy(true);
    this.closed(cause, undelivered);
  }

  /** As `fail`, for an exchange that knows. */
  private close(reset: boolean, cause: Failure): void {
    this.events = undefined;
    this.wire.destroy(reset);
    this.closed(cause, false);
  }

  private closed(cause: Failure, undelivered: boolean): void {
    const { events } = this;
    this.state = 'closed';
    this.events = undefined;
    this.carry = undefined;
    this.body?.drop();
    this.releaseCodec();
    events?.upstreamFailed(cause, undelivered);
    this.owner.gone(this, cause);
  }

  private releaseCodec(): void {
    this.decoder?.stop();
    if (this.consuming) return;
    if (this.decoder !== undefined) this.spares.giveDecoder(this.decoder);
    if (this.head !== undefined) this.spares.giveResponseHead(this.head);
    this.decoder = undefined;
    this.head = undefined;
  }
}

/** The protocols of a head's Upgrade fields, lower case. */
function upgradeOf(head: Head): string {
  const values: string[] = [];
  for (let i = head.find(fieldIds.upgrade); i >= 0; i = head.find(fieldIds.upgrade, i + 1)) values.push(head.value(i));
  return values.join(',').toLowerCase();
}

/** Whether all protocols of the first list are in the second: a server may only change to what was asked for (RFC 9110 section 7.8). */
function isAmong(chosen: string, asked: string): boolean {
  const known = protocolsOf(asked);
  return protocolsOf(chosen).every((protocol) => known.includes(protocol));
}

function protocolsOf(list: string): string[] {
  return list
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}
