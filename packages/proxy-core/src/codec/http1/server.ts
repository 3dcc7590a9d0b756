/**
 * The client's side of HTTP/1.1: one connection, one exchange after the other (RFC 9112 section 9).
 *
 *     life      open ──answer with close, idle, client ended──▶ lingering ──client closed, lingerTimeoutMs──▶ closed
 *                 └──abort, reset──────────────────────────────────────────────────────────────────────────▶ closed
 *
 *     request   idle ─▶ arriving ─▶ whole ─────────────────▶ idle          both whole: the exchange is over
 *                                     └─becomeTunnel─▶ opaque ─▶ ended
 *     answer    none ─▶ awaited ─▶ started ─▶ whole ───────▶ none
 *
 * An answer that is whole before its request: the rest of the request is dropped within `maxDiscardBytes`. Bytes behind a whole request are kept and reading pauses
 * until it is answered. A body that turns out malformed before the answer began is told twice: `downstreamGone` to the exchange, which is over, and `malformed` to the
 * opener, which answers.
 */
import type { SocketAddress } from '../../address.js';
import type { Downstream, DownstreamConnection, ExchangeEvents, ExchangeOpener, SeenRequest } from '../../exchange.js';
import { type Failure, failure } from '../../failure.js';
import type { Connection, ConnectionHandler, Io, IoError, PeerCertificate } from '../../io/io.js';
import type { Limits } from '../../limits.js';
import type { HeadEdits } from '../../message/edits.js';
import type { Head } from '../../message/head.js';
import { Timer, type TimerOwner } from '../../time/wheel.js';
import { AnswerWriter } from './answer-writer.js';
import { type Carry, keepRest } from './carry.js';
import type { Http1Decoder, MessageEvents } from './decoder.js';
import { Lingering } from './lingering.js';
import type { Http1ServerOwner } from './server-owner.js';
import { type Spares, sparesFor } from './spares.js';

export class Http1Server implements ConnectionHandler, DownstreamConnection, Downstream, MessageEvents, TimerOwner {
  bodyBytesReceived = 0;

  private readonly connection: Connection;
  private readonly io: Io;
  private readonly limits: Limits;
  private readonly opener: ExchangeOpener;
  private readonly owner: Http1ServerOwner;
  private readonly spares: Spares;
  /** Idle, head, linger or drain deadline, whichever the state calls for. */
  private readonly deadline: Timer;
  private readonly body: AnswerWriter;

  private life: 'open' | 'lingering' | 'closed' = 'open';
  private request: 'idle' | 'arriving' | 'whole' | 'opaque' | 'ended' = 'idle';
  private answer: 'none' | 'awaited' | 'started' | 'whole' = 'none';
  private events: ExchangeEvents | undefined = undefined;
  private decoder: Http1Decoder | undefined = undefined;
  private head: Head | undefined = undefined;
  private carry: Carry | undefined = undefined;

  // Facts of the request under way, which its head may outlive.
  private keepAlive = true;
  private awaitsContinue = false;
  /** Its `requestEnd` waits for the answer: it may become a tunnel. */
  private mayTunnel = false;

  /** No request has come yet. */
  private isFirst = true;
  private closeAfter = false;
  private draining = false;
  private clientEnded = false;
  private discarded = 0;
  private consuming = false;
  private resumesAtTurnEnd = false;
  private lingering: Lingering | undefined = undefined;
  private reading = true;
  private pausedByOwner = false;

  /** `headTimeoutMs`: what is left for the first head, of `limits.headTimeoutMs` since accept. */
  constructor(connection: Connection, opener: ExchangeOpener, owner: Http1ServerOwner, headTimeoutMs?: number) {
    this.connection = connection;
    this.io = owner.io;
    this.limits = owner.limits;
    this.opener = opener;
    this.owner = owner;
    this.spares = sparesFor(this.limits);
    this.body = new AnswerWriter(connection);
    this.deadline = new Timer(this, 'http1-server');
    this.io.timers.arm(this.deadline, headTimeoutMs ?? this.limits.headTimeoutMs);
  }

  get remote(): SocketAddress {
    return this.connection.remote;
  }

  get local(): SocketAddress {
    return this.connection.local;
  }

  get peer(): PeerCertificate | undefined {
    return this.connection.peer;
  }

  get isTls(): boolean {
    return this.connection.isTls;
  }

  get protocol(): string {
    return this.body.minorVersion === 1 ? 'http/1.1' : 'http/1.0';
  }

  get bodyBytesSent(): number {
    return this.body.payloadBytes;
  }

  /** No exchange is under way and no part of a request has arrived. */
  get isIdle(): boolean {
    return this.life === 'open' && this.request === 'idle' && this.carry === undefined;
  }

  /** The next answer announces the end of the connection; an idle one ends after `drainIdleGraceMs`. */
  drain(): void {
    this.draining = true;
    if (this.isIdle) this.io.timers.arm(this.deadline, this.limits.drainIdleGraceMs);
  }

  /** Closes at once, whatever is under way. */
  destroy(): void {
    this.close(true, failure('downstream-closed', 'closed by the proxy'));
  }

  onOpen(_connection: Connection): void {}

  onData(_connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.life !== 'open') {
      this.discarded += end - start;
      if (this.life === 'lingering' && this.discarded > this.limits.maxDiscardBytes) this.close(false);
    } else if (this.carry === undefined) {
      this.consume(bytes, start, end);
    } else {
      this.carry.append(bytes, start, end);
      if (!this.resumesAtTurnEnd) this.consumeCarry();
    }
  }

  onEnd(_connection: Connection): void {
    this.clientEnded = true;
    if (!this.resumesAtTurnEnd) this.clientHasEnded();
  }

  onDrain(_connection: Connection): void {
    if (this.body.drained()) this.events?.downstreamDrain();
  }

  onClose(_connection: Connection, error: IoError | undefined): void {
    if (this.life === 'closed') return;
    this.closed(failure('downstream-closed', error?.message ?? 'the client closed the connection'));
  }

  onTimer(_timer: Timer, nowMs: number): void {
    if (this.lingering !== undefined) {
      const decision = this.lingering.decide(this.connection.bytesHeld, nowMs);
      if (decision === 'wait') this.io.timers.arm(this.deadline, this.limits.lingerTimeoutMs);
      else this.close(decision === 'reset');
    } else if (this.request === 'arriving' && this.answer === 'whole') {
      this.closeGracefully();
    } else if (this.request === 'idle' && this.life === 'open') {
      if (this.carry?.isEmptyLine !== false) this.closeGracefully();
      else this.refuse(failure('head-timeout', `no whole head within ${this.limits.headTimeoutMs} ms`), false);
    }
  }

  messageHead(head: Head): void {
    this.request = 'arriving';
    this.answer = 'awaited';
    this.keepAlive = head.keepAlive;
    this.awaitsContinue = head.expectContinue;
    this.mayTunnel = head.upgrade;
    this.closeAfter = false;
    this.bodyBytesReceived = 0;
    this.discarded = 0;
    this.body.answer(head.minorVersion, head.method);
    this.isFirst = false;
    const events = this.opener.request(this, head);
    if (this.answer === 'awaited' || this.answer === 'started') this.events = events;
  }

  messageBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.events !== undefined) {
      this.bodyBytesReceived += end - start;
      this.events.requestBody(bytes, start, end);
      return;
    }
    this.discarded += end - start;
    if (this.discarded > this.limits.maxDiscardBytes) this.closeGracefully();
  }

  messageEnd(trailers: Head | undefined): void {
    this.request = 'whole';
    if (this.answer === 'whole') this.exchangeOver();
    else if (!this.mayTunnel) this.events?.requestEnd(trailers);
  }

  messageMalformed(cause: Failure, seen: SeenRequest | undefined): void {
    const beganAnswer = this.answer === 'started';
    const hadAnswer = this.answer === 'whole';
    const hadExchange = this.events !== undefined;
    this.gone(cause);
    if (this.life !== 'open') return;
    if (beganAnswer) this.close(true);
    else if (hadAnswer) this.closeGracefully();
    else this.refuse(cause, hadExchange, seen);
  }

  sendInterim(head: Head): void {
    if (this.body.minorVersion === 0 || this.answer !== 'awaited') return;
    if (head.status === 100) this.awaitsContinue = false;
    this.body.writeInterim(head);
  }

  sendHead(head: Head, edits: HeadEdits, close: boolean): void {
    if (this.answer !== 'awaited') return;
    this.answer = 'started';
    const framing = this.body.framingOf(head);
    this.closeAfter = close || this.mustClose() || framing === 'close';
    this.body.writeHead(head, edits, framing, this.closeAfter);
    if (this.mayTunnel && !head.upgrade) this.requestEndsWithoutTunnel();
  }

  sendLocal(status: number, fields: readonly Uint8Array[], body: Uint8Array, close: boolean): void {
    if (this.answer !== 'awaited') return;
    this.closeAfter = close || this.mustClose();
    this.body.writeLocal(status, fields, body, this.closeAfter);
    this.answerWhole();
    if (!this.consuming) this.body.flush();
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    return this.answer === 'started' ? this.body.write(bytes, start, end) : true;
  }

  finish(trailers: Head | undefined): void {
    if (this.answer !== 'started') return;
    this.body.end(trailers);
    if (this.request === 'opaque' || this.request === 'ended') {
      this.answer = 'whole';
      this.body.flush();
      this.connection.end();
      if (this.request === 'ended') this.releaseExchange();
      return;
    }
    this.answerWhole();
  }

  flush(): void {
    this.body.flush();
  }

  abort(): void {
    this.close(true);
  }

  pauseRequest(): void {
    this.pausedByOwner = true;
    this.updateReading();
  }

  resumeRequest(): void {
    this.pausedByOwner = false;
    this.updateReading();
  }

  becomeTunnel(): void {
    if (this.answer !== 'started' || this.life !== 'open') return;
    this.request = 'opaque';
    this.mayTunnel = false;
    this.decoder?.becomeOpaque();
    this.resumeLater();
    this.updateReading();
  }

  /** Decodes what arrived as far as exchanges allow; keeps the rest. */
  private consume(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    this.consuming = true;
    while (at < end && this.life === 'open' && this.request !== 'whole') {
      if (this.request === 'idle') this.expectRequest();
      const next = (this.decoder as Http1Decoder).decode(bytes, at, end);
      if (next === at) break;
      at = next;
    }
    this.consuming = false;
    if (this.life !== 'open') {
      this.releaseDecoder();
      return;
    }
    this.carry = keepRest(this.carry, bytes, at, end);
    // Not during the loop: what arrived together is told together.
    this.events?.requestFlush();
    if (this.life !== 'open') return;
    this.body.flush();
    if (this.request === 'idle' && !this.resumesAtTurnEnd) this.rest();
    this.updateReading();
  }

  private consumeCarry(): void {
    const { carry } = this;
    if (carry !== undefined) this.consume(carry.bytes, 0, carry.length);
  }

  /** The first byte of a request is there. */
  private expectRequest(): void {
    if (this.decoder === undefined) this.decoder = this.spares.takeDecoder(this);
    else if (!this.decoder.isWhole) return;
    this.head ??= this.spares.takeRequestHead();
    this.decoder.expectRequest(this.head, this.opener.pathOptions);
    // The first head's time runs since accept. Never disarmed: `onTimer` looks at the state.
    if (!this.isFirst) this.io.timers.arm(this.deadline, this.limits.headTimeoutMs);
  }

  /** Between two requests: an idle connection holds nothing. A head under way keeps its decoder and its deadline. */
  private rest(): void {
    if (this.carry !== undefined) return;
    this.releaseDecoder();
    this.io.timers.arm(
      this.deadline,
      this.draining ? this.limits.drainIdleGraceMs : this.limits.downstreamIdleTimeoutMs,
    );
  }

  /** The connection cannot or shall not outlive this answer. */
  private mustClose(): boolean {
    if (!this.keepAlive || this.draining) return true;
    // Requests that came before its end are still answered.
    if (this.clientEnded && this.carry === undefined) return true;
    if (this.request !== 'arriving') return false;
    // Whether the client sends a body that it asked leave for is its choice (RFC 9110 section 10.1.1): the next request could not be told from it.
    return this.awaitsContinue || (this.decoder?.announced ?? 0) > this.limits.maxDiscardBytes;
  }

  /** The answer is no upgrade, so the request was an ordinary one without a body. */
  private requestEndsWithoutTunnel(): void {
    this.mayTunnel = false;
    if (this.request !== 'whole') return;
    this.events?.requestEnd(undefined);
    this.events?.requestFlush();
  }

  private answerWhole(): void {
    this.answer = 'whole';
    this.releaseExchange();
    if (this.request === 'whole') {
      this.exchangeOver();
      return;
    }
    // The rest of the request is dropped, within the time that a head has.
    this.io.timers.arm(this.deadline, this.limits.headTimeoutMs);
    this.updateReading();
  }

  private exchangeOver(): void {
    this.request = 'idle';
    this.answer = 'none';
    if (this.closeAfter) {
      this.closeGracefully();
      return;
    }
    if (this.consuming) return;
    if (this.carry !== undefined) this.resumeLater();
    else if (this.clientEnded) this.closeGracefully();
    else this.rest();
    this.updateReading();
  }

  /** What is kept, and the end, is told when the call that ended the exchange has returned: its owner may still read the head. */
  private resumeLater(): void {
    if ((this.carry === undefined && !this.clientEnded) || this.resumesAtTurnEnd) return;
    this.resumesAtTurnEnd = true;
    this.io.atTurnEnd(() => {
      this.resumesAtTurnEnd = false;
      if (this.life !== 'open') return;
      this.consumeCarry();
      if (this.clientEnded) this.clientHasEnded();
    });
  }

  private clientHasEnded(): void {
    if (this.life !== 'open') return;
    if (this.request === 'idle') {
      this.closeGracefully();
    } else if (this.request === 'opaque') {
      this.request = 'ended';
      const { events } = this;
      if (this.answer === 'whole') this.releaseExchange();
      events?.requestEnd(undefined);
      events?.requestFlush();
    } else if (this.request === 'arriving') {
      if (this.answer === 'whole') this.closeGracefully();
      else this.close(true, failure('downstream-closed', 'the client ended within its request'));
    }
  }

  /** Bytes wait for an answer, or the owner asked for a pause. */
  private updateReading(): void {
    const waits = this.request === 'whole' && this.carry !== undefined;
    const wanted = this.life !== 'open' || !(waits || (this.pausedByOwner && this.events !== undefined));
    if (wanted === this.reading || this.life === 'closed') return;
    this.reading = wanted;
    if (wanted) this.connection.resume();
    else this.connection.pause();
  }

  /** No valid request will come: the opener answers, and the connection ends. */
  private refuse(cause: Failure, told: boolean, seen?: SeenRequest): void {
    this.request = 'whole';
    this.answer = 'awaited';
    this.keepAlive = false;
    this.mayTunnel = false;
    this.bodyBytesReceived = 0;
    this.body.answer(1, '');
    this.opener.malformed(this, cause, told, seen);
  }

  /** The exchange is over for its owner, which is told. */
  private gone(cause: Failure): void {
    const { events } = this;
    this.events = undefined;
    events?.downstreamGone(cause);
    this.releaseExchange();
  }

  private releaseExchange(): void {
    this.events = undefined;
    this.pausedByOwner = false;
    if (this.head === undefined) return;
    this.spares.giveRequestHead(this.head);
    this.head = undefined;
  }

  private releaseDecoder(): void {
    if (this.decoder === undefined) return;
    this.decoder.stop();
    if (this.consuming) return;
    this.spares.giveDecoder(this.decoder);
    this.decoder = undefined;
  }

  /** FIN behind the answer, then what still comes is dropped: a reset now could overtake the answer (RFC 9112 section 9.6). */
  private closeGracefully(): void {
    if (this.life !== 'open') return;
    this.body.flush();
    this.life = 'lingering';
    this.discarded = 0;
    this.carry = undefined;
    this.releaseExchange();
    this.releaseDecoder();
    this.connection.end();
    this.updateReading();
    this.lingering = new Lingering(this.limits, this.connection.bytesHeld, this.io.clock.nowMs());
    this.io.timers.arm(this.deadline, this.limits.lingerTimeoutMs);
  }

  /** Closes at once. The owner of an exchange under way is told `cause`, or asked for this itself. */
  private close(reset: boolean, cause?: Failure): void {
    if (this.life === 'closed') return;
    this.connection.destroy(reset);
    this.closed(cause);
  }

  private closed(cause: Failure | undefined): void {
    this.life = 'closed';
    this.io.timers.disarm(this.deadline);
    this.body.drop();
    this.carry = undefined;
    this.releaseDecoder();
    if (cause === undefined) this.releaseExchange();
    else this.gone(cause);
    this.owner.clientClosed(this);
  }
}
