/**
 * Stage forward: one exchange under way. It moves bodies both ways with backpressure, starts further tries, and ends in exactly one log line.
 *
 *     deciding ──forward──▶ waiting ──placed──▶ forwarding ──answer and request whole──▶ over
 *        │                    │ ▲                   │
 *        │ refuse, answer     │ └────── retry ──────┤
 *        ▼                    ▼ unplaced            ▼ upstreamFailed, timeout, downstreamGone
 *      over ◀───────────────────────────────────────┘
 *
 * Routing, policy and balancing are decided by `outbound.ts` or `inbound.ts`, which own the order of the stages.
 */
import type { SocketAddress } from '../address.js';
import type { Direction } from '../config/config.js';
import type { Downstream, ExchangeEvents, Place, PlaceWaiter } from '../exchange.js';
import { type Failure, failure, isSafeReason, type Reason, reasons } from '../failure.js';
import type { FilterSequence } from '../filter/sequence.js';
import type { Clock } from '../io/io.js';
import type { Limits } from '../limits.js';
import { copyOf } from '../message/copy.js';
import { type HeadEdits, joinEdits, noEdits } from '../message/edits.js';
import { noHash } from '../message/hash.js';
import type { Head } from '../message/head.js';
import type { Slabs } from '../message/slabs.js';
import { requestIdRoom } from '../request-id.js';
import { Timer, type TimerOwner, type TimerWheel } from '../time/wheel.js';
import type { Cluster } from '../upstream/cluster.js';
import type { Endpoint } from '../upstream/endpoint.js';
import { FailedTries, noEndpoints } from './failed-tries.js';
import { HeldBody } from './held.js';
import { editsOfAnswer, isMeshProxy, reasonOf } from './peer-reason.js';
import { type ForwardPlan, mayRetryAnswer, mayRetryFailure, type TryFacts } from './retry.js';

/** What an exchange needs from its data thread. */
export interface ExchangeServices {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly limits: Limits;
  readonly slabs: Slabs;
  /** Uniform in [0, 1); not for secrets. */
  readonly random: () => number;
  /** The proxy is going away: answers announce the end of their connection. */
  readonly draining: boolean;
  /** Answers on behalf of the proxy (stage respond). */
  respond(downstream: Downstream, failed: Failure, close: boolean): void;
  /** Counts and logs (stage observe); the exchange's head is still valid. */
  finished(exchange: Exchange): void;
}

/** Starts one try of an exchange: balance, then pool. Written in `outbound.ts` and `inbound.ts`. */
export type Attempt = (exchange: Exchange) => void;

type Phase = 'deciding' | 'waiting' | 'forwarding' | 'over';

export class Exchange implements ExchangeEvents, PlaceWaiter, TimerOwner {
  readonly direction: Direction;
  readonly head: Head;
  readonly downstream: Downstream;
  /** Where the client's connection was going. */
  readonly destination: SocketAddress;
  readonly startMs: number;

  // For the log line, written as the stages decide.
  reason: Reason | '' = '';
  detail = '';
  status = 0;
  route = '';
  policy = '';
  peerUri = '';
  attempts = 0;
  clusterName = '';
  /** The endpoint of the try under way. */
  private endpoint: Endpoint | undefined = undefined;
  /** The endpoint of the last try that is over. */
  lastEndpoint: Endpoint | undefined = undefined;
  /** Of the server of the last try, once there was a place. */
  upstreamUri = '';
  /** From the last try's start to the answer's head; -1: there was none. */
  upstreamMs = -1;

  requestEdits: HeadEdits = noEdits;
  responseEdits: HeadEdits = noEdits;
  /** Asked about the answer's head; undefined: nobody. */
  filters: FilterSequence | undefined = undefined;
  cluster: Cluster | undefined = undefined;
  /** Of the key by which consistent hashing chooses; `noHash` without. */
  hash: number = noHash;

  private readonly services: ExchangeServices;
  private readonly attempt: Attempt;
  private readonly slab: Uint8Array;
  private readonly held: HeldBody;
  private readonly idleTimer: Timer;
  private idleMs: number;
  private requestTimer: Timer | undefined = undefined;
  private tryTimer: Timer | undefined = undefined;
  private failedTries: FailedTries | undefined = undefined;
  private phase: Phase = 'deciding';
  private request: 'arriving' | 'whole' = 'arriving';
  private answer: 'none' | 'started' | 'whole' = 'none';
  /** Request events were told since the last `requestFlush`: the codec will call it, and one write then carries all. */
  private flushComes = true;
  private plan: ForwardPlan | undefined = undefined;
  private place: Place | undefined = undefined;
  private heldTrailers: Head | undefined = undefined;
  private tryStartMs = 0;

  constructor(
    services: ExchangeServices,
    direction: Direction,
    attempt: Attempt,
    downstream: Downstream,
    head: Head,
    destination: SocketAddress,
  ) {
    this.services = services;
    this.direction = direction;
    this.attempt = attempt;
    this.downstream = downstream;
    this.destination = destination;
    this.head = head;
    this.held = new HeldBody(services.slabs);
    this.slab = services.slabs.take(head.end - head.start + requestIdRoom);
    head.moveTo(this.slab);
    // Its bytes were there when the turn began: time that it spent behind others in this turn is the proxy's.
    this.startMs = services.clock.turnMs();
    this.idleTimer = new Timer(this, 'stream-idle');
    this.idleMs = services.limits.streamIdleTimeoutMs;
  }

  /** Endpoints that were tried in vain. */
  get tried(): readonly Endpoint[] {
    return this.failedTries?.endpoints ?? noEndpoints;
  }

  /** Of the last try, for the log line. */
  get upstreamAddress(): SocketAddress | undefined {
    return this.lastEndpoint?.address;
  }

  /** Ends the exchange with an answer of the proxy's own that says why. */
  refuse(failed: Failure): this {
    this.answerFailure(failed);
    return this;
  }

  /** Ends the exchange with a redirect or a direct response that the route asks for. */
  answerDirectly(status: number, fields: readonly Uint8Array[], body: Uint8Array): this {
    this.status = status;
    this.answer = 'whole';
    this.downstream.sendLocal(status, fields, body, this.services.draining);
    this.finish();
    return this;
  }

  /** Routing and policy have decided: the first try begins. */
  forward(plan: ForwardPlan, cluster: Cluster): this {
    this.plan = plan;
    this.cluster = cluster;
    this.clusterName = cluster.name;
    if (cluster.breaker.requests >= cluster.breaker.maxRequests) {
      cluster.breaker.overflowed('requests');
      return this.refuse(failure('upstream-overflow', `${cluster.breaker.requests} requests are under way`));
    }
    cluster.breaker.requests++;
    if (plan.timeoutMs > 0) {
      this.requestTimer = new Timer(this, 'request-timeout');
      this.services.timers.arm(this.requestTimer, plan.timeoutMs);
    }
    this.idleMs = plan.idleTimeoutMs ?? this.idleMs;
    this.touch();
    this.phase = 'waiting';
    this.attempt(this);
    return this;
  }

  /** An endpoint was chosen for the next try. */
  tryOn(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.upstreamUri = '';
    this.upstreamMs = -1;
    this.attempts++;
    endpoint.active++;
    this.tryStartMs = this.services.clock.turnMs();
    const perTryMs = this.plan?.retry?.perTryTimeoutMs ?? 0;
    if (perTryMs > 0) {
      this.tryTimer ??= new Timer(this, 'try-timeout');
      this.services.timers.arm(this.tryTimer, perTryMs);
    }
    endpoint.pool.acquire(this);
  }

  placed(place: Place): void {
    this.place = place;
    this.phase = 'forwarding';
    this.upstreamUri = place.peerUri;
    place.begin(this);
    const noBody = this.head.framing === 'none' && !this.head.upgrade;
    place.sendHead(this.head, this.requestEdits, noBody);
    const room = this.held.replay(place, this.services.limits.maxReplayBytes);
    if (this.request === 'whole' && !noBody) place.sendEnd(this.heldTrailers);
    if (!this.flushComes) place.flush();
    if (room) this.downstream.resumeRequest();
  }

  unplaced(failed: Failure): void {
    this.tryFailed(failed, true, false);
  }

  displaced(): void {
    if (this.endpoint !== undefined) this.endpoint.active--;
    this.endpoint = undefined;
    this.attempts--;
    if (this.tryTimer !== undefined) this.services.timers.disarm(this.tryTimer);
    this.attempt(this);
  }

  requestBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.phase === 'over') return;
    this.flushComes = true;
    this.touch();
    if (this.phase !== 'forwarding') {
      // What was read with the head; nothing more comes before there is a place.
      this.held.append(bytes, start, end);
      this.downstream.pauseRequest();
      return;
    }
    const { place } = this;
    if (place === undefined) return;
    if (this.answer === 'none') this.held.keep(bytes, start, end, this.services.limits.maxReplayBytes);
    if (!place.sendBody(bytes, start, end)) this.downstream.pauseRequest();
  }

  requestEnd(trailers: Head | undefined): void {
    if (this.phase === 'over') return;
    this.flushComes = true;
    this.request = 'whole';
    // As long as the body can be replayed, its trailers can.
    if (trailers !== undefined && this.held.isWhole) this.heldTrailers = copyOf(trailers);
    if (this.phase !== 'forwarding') return;
    if (this.head.framing !== 'none' || this.head.upgrade) this.place?.sendEnd(trailers);
    if (this.answer === 'whole') this.finish();
  }

  requestFlush(): void {
    this.flushComes = false;
    this.place?.flush();
  }

  downstreamDrain(): void {
    this.touch();
    this.place?.resumeResponse();
  }

  downstreamGone(failed: Failure): void {
    if (this.phase === 'over') return;
    this.reason = failed.reason;
    this.detail = failed.detail;
    // What the codec answers after a malformed body; 0 when nobody is left to answer.
    if (this.answer === 'none') this.status = reasons[failed.reason].status;
    this.finish();
  }

  responseInterim(head: Head): void {
    this.touch();
    this.downstream.sendInterim(head);
  }

  responseHead(head: Head): void {
    this.touch();
    const { services, endpoint } = this;
    const nowMs = services.clock.turnMs();
    this.upstreamMs = nowMs - this.tryStartMs;
    if (endpoint !== undefined) this.cluster?.answered(endpoint, head.status, this.upstreamMs, nowMs);
    const isProxy = isMeshProxy(endpoint, this.place);
    const peerReason = isProxy ? reasonOf(head) : '';
    if (head.status >= 500 && mayRetryAnswer(head.status, peerReason, this.facts(false))) {
      const neverArrived = isSafeReason(peerReason);
      const failed = neverArrived
        ? undefined
        : failure('upstream-reset', `an earlier try was answered with ${head.status}`);
      if (this.tryAgain(failed, neverArrived && this.goesElsewhere(), false)) return;
    }
    this.failedTries?.giveRetry();
    if (this.tryTimer !== undefined) services.timers.disarm(this.tryTimer);
    let edits = editsOfAnswer(head, this.responseEdits, isProxy && this.failedTries?.mayHaveArrived === undefined);
    if (this.filters !== undefined) {
      const outcome = this.filters.onResponse(head, this.head); // filter
      if (outcome.kind === 'failed') {
        this.answerFailure(outcome.failure);
        return;
      }
      edits = joinEdits(edits, outcome.edits);
    }
    this.status = head.status;
    this.answer = 'started';
    this.downstream.sendHead(head, edits, services.draining);
    if (head.upgrade) {
      this.downstream.becomeTunnel();
      this.place?.becomeTunnel();
      if (this.requestTimer !== undefined) services.timers.disarm(this.requestTimer);
    }
  }

  responseBody(bytes: Uint8Array, start: number, end: number): void {
    this.touch();
    if (!this.downstream.sendBody(bytes, start, end)) this.place?.pauseResponse();
  }

  responseEnd(trailers: Head | undefined): void {
    this.answer = 'whole';
    this.downstream.finish(trailers);
    // A tunnel is over when both directions are; an answer that came before the request was whole ends the exchange, the codec discards the rest.
    const { upgrade, method } = this.head;
    if (upgrade && (this.status === 101 || method === 'CONNECT') && this.request === 'arriving') return;
    this.finish();
  }

  responseFlush(): void {
    this.downstream.flush();
  }

  upstreamDrain(): void {
    this.touch();
    this.downstream.resumeRequest();
  }

  upstreamFailed(failed: Failure, undelivered: boolean): void {
    const wasKept = this.place?.reused === true;
    this.place = undefined;
    this.tryFailed(failed, undelivered, wasKept);
  }

  onTimer(timer: Timer): void {
    if (this.phase === 'over') return;
    if (timer === this.failedTries?.backOff) {
      this.attempt(this);
      return;
    }
    if (timer === this.tryTimer) {
      this.tryFailed(
        failure('request-timeout', `no answer within ${this.plan?.retry?.perTryTimeoutMs} ms of this try`),
        false,
        false,
      );
      return;
    }
    const failed =
      timer === this.requestTimer
        ? failure('request-timeout', `no whole answer within ${this.plan?.timeoutMs} ms`)
        : failure('stream-idle', `no byte moved for ${this.idleMs} ms`);
    // The endpoint had all of the request and said nothing.
    if (this.answer === 'none' && this.request === 'whole' && this.place !== undefined) this.blame();
    this.answerFailure(failed);
  }

  private tryFailed(failed: Failure, undelivered: boolean, wasKept: boolean): void {
    if (this.phase === 'over') return;
    // A kept connection that the server closed before the request reached it says nothing about the endpoint.
    const isStale = undelivered && wasKept;
    if (reasons[failed.reason].side === 'upstream' && !isStale) this.blame();
    const neverArrived = undelivered || isSafeReason(failed.reason);
    // The place was none: another is taken, whatever the route says about retries.
    const isWanted = isStale ? this.held.isWhole : mayRetryFailure(failed, this.facts(undelivered));
    // One that is lost without an answer has mostly been closed too, only that nobody can prove it.
    const isFree = (wasKept && failed.reason === 'upstream-reset') || (neverArrived && this.goesElsewhere());
    const isSent =
      this.answer !== 'none' || !isWanted || !this.tryAgain(neverArrived ? undefined : failed, isFree, isStale);
    if (isSent) this.answerFailure(failed);
  }

  /**
   * Begins another try, unless the cluster's retry budget is used up. A free one repeats nothing and goes where the request has not been: at once, since it burdens nobody.
   * Any other waits and takes from the budget.
   * @param failed the try that is over, where the application may have seen its request.
   */
  private tryAgain(failed: Failure | undefined, isFree: boolean, isStale: boolean): boolean {
    const { cluster, services } = this;
    if (cluster === undefined) return false;
    const tries = this.failedTries ?? new FailedTries(this, cluster.breaker);
    this.failedTries = tries;
    if (!isFree && !tries.takeRetry()) return false;
    tries.mayHaveArrived ??= failed;
    if (isStale) tries.stale++;
    else if (this.endpoint !== undefined) tries.endpoints.push(this.endpoint);
    this.endTry();
    this.phase = 'waiting';
    if (isFree) {
      tries.giveRetry();
      this.attempt(this);
    } else services.timers.arm(tries.backOff, tries.nextWaitMs(this.plan?.retry, services.random));
    return true;
  }

  /** Is there an endpoint that the request has not been sent to? */
  private goesElsewhere(): boolean {
    return this.cluster?.hasUntried(this.tried, this.endpoint) === true;
  }

  private blame(): void {
    if (this.endpoint !== undefined) this.cluster?.failed(this.endpoint, this.services.clock.nowMs());
  }

  private facts(undelivered: boolean): TryFacts {
    return {
      attempts: this.attempts - (this.failedTries?.stale ?? 0),
      undelivered,
      method: this.head.method,
      replayable: this.held.isWhole,
      retry: this.plan?.retry,
    };
  }

  /** The try is over without an answer for the client: its place is given up. */
  private endTry(): void {
    const { endpoint } = this;
    this.place?.cancel();
    this.place = undefined;
    if (this.tryTimer !== undefined) this.services.timers.disarm(this.tryTimer);
    if (endpoint === undefined) return;
    endpoint.pool.abandon(this);
    endpoint.active--;
    this.endpoint = undefined;
    this.lastEndpoint = endpoint;
  }

  private answerFailure(last: Failure): void {
    const failed = (isSafeReason(last.reason) ? this.failedTries?.mayHaveArrived : undefined) ?? last;
    this.reason = failed.reason;
    this.detail = failed.detail;
    this.place?.cancel();
    this.place = undefined;
    if (this.answer === 'none') {
      this.answer = 'whole';
      this.status = reasons[failed.reason].status;
      this.services.respond(this.downstream, failed, this.services.draining);
    } else {
      // The client has part of an answer: it must not take it for a whole one.
      this.downstream.abort();
    }
    this.finish();
  }

  private touch(): void {
    if (this.idleMs > 0) this.services.timers.arm(this.idleTimer, this.idleMs);
  }

  private finish(): void {
    if (this.phase === 'over') return;
    const { services, endpoint, cluster } = this;
    const forwarded = this.phase !== 'deciding' && cluster !== undefined;
    this.phase = 'over';
    services.timers.disarm(this.idleTimer);
    if (this.requestTimer !== undefined) services.timers.disarm(this.requestTimer);
    if (this.tryTimer !== undefined) services.timers.disarm(this.tryTimer);
    if (this.failedTries !== undefined) services.timers.disarm(this.failedTries.backOff);
    this.failedTries?.giveRetry();
    // A place whose request and answer are both whole goes back to its pool by itself.
    if (this.answer !== 'whole' || this.request !== 'whole') this.place?.cancel();
    this.place = undefined;
    if (endpoint !== undefined) {
      endpoint.pool.abandon(this);
      endpoint.active--;
      this.lastEndpoint = endpoint;
    }
    if (forwarded) cluster.breaker.requests--;
    services.finished(this);
    this.held.release();
    services.slabs.give(this.slab);
  }
}
