import type { IoError } from './io/io.js';

/**
 * Everything that can go wrong with an exchange: one table, one row a reason.
 * The reason is stable: it is the `x-tulle-reason` header, the `reason` field of the log line and a metric label.
 */

/** Whose fault it was. */
export type Side = 'downstream' | 'local' | 'upstream';

/**
 * Whether the request may be sent again.
 * `safe`: provably never reached the application. `unless-sent`: only when the connection shows that no byte was delivered. `never`: it may have been acted on.
 */
export type Retry = 'safe' | 'unless-sent' | 'never';

/** What a reason means. */
export interface ReasonRow {
  /** Status of the answer; 0 where nobody is left to answer. */
  readonly status: number;
  readonly side: Side;
  readonly retry: Retry;
  /** One sentence to the operator, sent as the body of the answer: it must not name hosts, identities or policies. */
  readonly hint: string;
}

/** Why the proxy ended an exchange or a connection: the `x-tulle-reason` header, the `reason` of a log line and a label of metrics. Stable. */
export type Reason =
  | 'bad-request'
  | 'request-head-too-large'
  | 'target-too-long'
  | 'head-timeout'
  | 'access-denied'
  | 'no-route'
  | 'filter-failed'
  | 'no-cluster'
  | 'no-healthy-endpoint'
  | 'upstream-overflow'
  | 'upstream-connect-failed'
  | 'upstream-connect-timeout'
  | 'upstream-tls-failed'
  | 'upstream-identity-mismatch'
  | 'upstream-reset'
  | 'upstream-bad-response'
  | 'request-timeout'
  | 'stream-idle'
  | 'draining'
  | 'overloaded'
  | 'downstream-closed';

/** What each reason means. */
export const reasons: Readonly<Record<Reason, ReasonRow>> = {
  'bad-request': { status: 400, side: 'downstream', retry: 'never', hint: 'The request is not valid HTTP.' },
  'request-head-too-large': { status: 431, side: 'downstream', retry: 'never', hint: 'The request head is too large.' },
  'target-too-long': { status: 414, side: 'downstream', retry: 'never', hint: 'The request target is too long.' },
  'head-timeout': { status: 408, side: 'downstream', retry: 'never', hint: 'The request head did not arrive in time.' },
  'access-denied': { status: 403, side: 'local', retry: 'never', hint: 'A policy denies this request.' },
  'no-route': { status: 404, side: 'local', retry: 'never', hint: 'No route matches this request.' },
  'filter-failed': { status: 500, side: 'local', retry: 'never', hint: 'A filter of the proxy has failed.' },
  'no-cluster': { status: 503, side: 'local', retry: 'safe', hint: 'The route names a cluster that is not known yet.' },
  'no-healthy-endpoint': { status: 503, side: 'upstream', retry: 'safe', hint: 'No endpoint of the service is ready.' },
  'upstream-overflow': { status: 503, side: 'local', retry: 'safe', hint: 'A circuit breaker of the service is open.' },
  'upstream-connect-failed': {
    status: 503,
    side: 'upstream',
    retry: 'safe',
    hint: 'The endpoint refused the connection.',
  },
  'upstream-connect-timeout': {
    status: 503,
    side: 'upstream',
    retry: 'safe',
    hint: 'The endpoint did not answer in time.',
  },
  'upstream-tls-failed': {
    status: 503,
    side: 'upstream',
    retry: 'safe',
    hint: 'The TLS handshake with the endpoint failed.',
  },
  'upstream-identity-mismatch': {
    status: 503,
    side: 'upstream',
    retry: 'safe',
    hint: 'The endpoint is not who it should be.',
  },
  'upstream-reset': {
    status: 502,
    side: 'upstream',
    retry: 'unless-sent',
    hint: 'The endpoint closed the connection before its answer was complete.',
  },
  'upstream-bad-response': {
    status: 502,
    side: 'upstream',
    retry: 'never',
    hint: 'The answer of the endpoint is not valid HTTP.',
  },
  'request-timeout': {
    status: 504,
    side: 'upstream',
    retry: 'never',
    hint: 'The answer did not arrive within the timeout.',
  },
  'stream-idle': { status: 504, side: 'upstream', retry: 'never', hint: 'No byte moved within the idle timeout.' },
  draining: { status: 503, side: 'local', retry: 'safe', hint: 'The proxy is shutting down.' },
  overloaded: { status: 503, side: 'local', retry: 'safe', hint: 'The proxy has reached its limit of connections.' },
  'downstream-closed': { status: 0, side: 'downstream', retry: 'never', hint: 'The client went away.' },
};

/** That reason means that the application has not seen the request. Peers write reasons too. */
export function isSafeReason(reason: string): boolean {
  return Object.hasOwn(reasons, reason) && reasons[reason as Reason].retry === 'safe';
}

/** A failure on its way to the one place that answers. `detail` is for the log only: it may name addresses, never secrets. */
export interface Failure {
  readonly reason: Reason;
  readonly detail: string;
}

export function failure(reason: Reason, detail = ''): Failure {
  return { reason, detail };
}

/** What a lost upstream connection means for the exchange on it. */
export function upstreamFailure(error: IoError | undefined, opened: boolean): Failure {
  if (error === undefined) return failure('upstream-reset', 'the server closed the connection');
  if (opened) return failure('upstream-reset', error.message);
  if (error.code === 'timeout') return failure('upstream-connect-timeout', error.message);
  if (error.code === 'tls') return failure('upstream-tls-failed', error.message);
  return failure('upstream-connect-failed', error.message);
}
