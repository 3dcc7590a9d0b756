/**
 * May a failed try be repeated? Pure, one function, one table of reasons behind it.
 * By default only what provably never reached the application is sent again; the route's owner may allow more.
 */
import type { RetryConfig } from '../config/config.js';
import { type Failure, type Reason, reasons } from '../failure.js';

/** Further tries where the route says nothing. */
const defaultAttempts = 2;
/** Envoy's default of `retry_back_off.base_interval`. */
const defaultBaseMs = 25;

/** What the route says about tries (config.route.v3.RouteAction.timeout and retry_policy). */
export interface ForwardPlan {
  /** Whole exchange; 0: none. */
  readonly timeoutMs: number;
  /** Silence in both directions; 0: none, undefined: the limit's. */
  readonly idleTimeoutMs: number | undefined;
  readonly retry: RetryConfig | undefined;
}

export interface TryFacts {
  /** Tries so far that count, the failed one included. */
  readonly attempts: number;
  /** The peer's kernel acknowledged nothing of the request. */
  readonly undelivered: boolean;
  readonly method: string;
  /** All request body bytes that were sent are still held. */
  readonly replayable: boolean;
  readonly retry: RetryConfig | undefined;
}

export function mayRetryFailure(failed: Failure, facts: TryFacts): boolean {
  if (!hasTries(facts)) return false;
  const row = reasons[failed.reason];
  // What this proxy itself refuses (an open circuit breaker) it would refuse again at once.
  if (row.side === 'local') return false;
  if (row.retry === 'safe') return true;
  if (row.retry === 'unless-sent' && facts.undelivered) return true;
  const mayHaveArrived = failed.reason === 'upstream-reset' || failed.reason === 'request-timeout';
  // As in Envoy, a lost answer counts among those that could have been bad ones.
  return mayHaveArrived && (declared('reset', facts) || declared('5xx', facts) || declared('gateway-error', facts));
}

/** An answer of the upstream. `peerReason` is the `x-tulle-reason` of a mesh peer, '' without: a peer proxy that never reached its application says so. */
export function mayRetryAnswer(status: number, peerReason: string, facts: TryFacts): boolean {
  if (!hasTries(facts)) return false;
  if (isReason(peerReason) && reasons[peerReason].retry === 'safe') return true;
  if (status >= 500 && declared('5xx', facts)) return true;
  return status >= 502 && status <= 504 && declared('gateway-error', facts);
}

/** The longest wait before the `turn`-th retry, ms, from 1 on; the real one is a random part of it, so that those that failed together do not come back together. */
export function backOffMs(retry: RetryConfig | undefined, turn: number): number {
  const baseMs = retry?.backOff?.baseIntervalMs ?? defaultBaseMs;
  return Math.min(baseMs * (2 ** turn - 1), retry?.backOff?.maxIntervalMs ?? 10 * baseMs);
}

/** RFC 9110 section 9.2.2. */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'TRACE':
    case 'PUT':
    case 'DELETE':
      return true;
    default:
      return false;
  }
}

function hasTries({ attempts, retry, replayable }: TryFacts): boolean {
  return replayable && attempts <= (retry?.attempts ?? defaultAttempts);
}

function declared(what: RetryConfig['on'][number], { retry, method }: TryFacts): boolean {
  return retry?.on.includes(what) === true && (retry.anyMethod === true || isIdempotent(method));
}

function isReason(text: string): text is Reason {
  return Object.hasOwn(reasons, text);
}
