import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Duration, durationFromMs } from '@bufbuild/protobuf/wkt';
import type { RequestRedirect } from '@tulle/api';
import { clusterName } from '@tulle/xds';
import {
  type RedirectAction,
  RedirectActionSchema,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RetryPolicy,
  RetryPolicySchema,
  type RouteAction,
  type RouteActionSchema,
  WeightedClusterSchema,
} from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import type { ModelBackend, ModelPort, TrafficRetries, TrafficSettings } from '../model/model.js';
import { SAFE_RETRIES } from './limits.js';

/** The cluster of a Service port in which HTTP is understood. */
export function httpClusterOf(port: Pick<ModelPort, 'namespace' | 'service' | 'port'>): string {
  return clusterName.outbound(port.namespace, port.service, port.port);
}

/** One backend, or several by their weights: of all requests, each gets its weight's share of their sum. */
export function destination(backends: readonly ModelBackend[]): RouteAction['clusterSpecifier'] {
  if (backends.length === 1) return { case: 'cluster', value: httpClusterOf(backends[0].port) };
  const clusters = backends.map(({ port, weight }) => ({ name: httpClusterOf(port), weight }));
  return { case: 'weightedClusters', value: create(WeightedClusterSchema, { clusters }) };
}

/** What a rule of an HTTPRoute says about time; undefined: it says nothing. */
export interface RuleTimeouts {
  requestTimeoutMs: number | undefined;
  backendRequestTimeoutMs: number | undefined;
}

/** The fields of a RouteAction that have to do with time and with trying again. */
export interface Patience {
  timeout: Duration;
  /** Undefined: what the proxy takes when it is told nothing. */
  idleTimeout?: Duration;
  retryPolicy?: RetryPolicy;
}

/**
 * Timeouts and retries of a route: what the rule says, else what the TrafficPolicy of the dialled Service says, else no limit of
 * time, and only such retries as repeat nothing. A timeout of zero is no limit.
 */
export function patience(rule: RuleTimeouts, traffic: TrafficSettings): Patience {
  const requestMs = rule.requestTimeoutMs ?? traffic.requestTimeoutMs ?? 0;
  const tryMs = rule.backendRequestTimeoutMs ?? traffic.retries?.perTryTimeoutMs ?? 0;
  const attempts = traffic.retries?.attempts ?? SAFE_RETRIES;
  const idle = traffic.idleTimeoutMs === undefined ? {} : { idleTimeout: durationFromMs(traffic.idleTimeoutMs) };
  if (attempts === 0) return { timeout: durationFromMs(shorter(requestMs, tryMs)), ...idle };
  return {
    ...idle,
    // Envoy takes no timeout for one of 15 seconds.
    timeout: durationFromMs(requestMs),
    retryPolicy: create(RetryPolicySchema, {
      retryOn: (traffic.retries?.on ?? ['connect-failure']).join(','),
      numRetries: attempts,
      perTryTimeout: tryMs > 0 ? durationFromMs(tryMs) : undefined,
      retryBackOff: traffic.retries?.backOff && backOff(traffic.retries.backOff),
    }),
  };
}

function backOff({ baseIntervalMs, maxIntervalMs }: NonNullable<TrafficRetries['backOff']>) {
  return {
    baseInterval: durationFromMs(baseIntervalMs),
    maxInterval: maxIntervalMs === undefined ? undefined : durationFromMs(maxIntervalMs),
  };
}

/** The key of requests to a Service whose endpoints are chosen by it; of several backends the first that has one decides. */
export function hashPolicy(
  traffics: readonly TrafficSettings[],
): MessageInitShape<typeof RouteActionSchema>['hashPolicy'] {
  const { hashOn } = traffics.find((traffic) => traffic.hashOn !== undefined) ?? {};
  if (hashOn === undefined) return [];
  if (hashOn.header === undefined)
    return [{ policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } }];
  return [{ policySpecifier: { case: 'header', value: { headerName: hashOn.header } } }];
}

/** Of two times of which zero means forever. */
function shorter(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b);
}

const REDIRECT_CODES: Record<RequestRedirect['statusCode'], RedirectCode> = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
};

/** @param prefixRewrite what the matched prefix becomes; empty: the path stays, unless it is replaced whole. */
export function redirection(redirect: RequestRedirect, prefixRewrite: string): RedirectAction {
  const { scheme, hostname, path, port, statusCode } = redirect;
  const message = create(RedirectActionSchema, {
    hostRedirect: hostname,
    portRedirect: port,
    responseCode: REDIRECT_CODES[statusCode],
  });
  if (scheme !== undefined) message.schemeRewriteSpecifier = { case: 'schemeRedirect', value: scheme };
  if (path?.type === 'ReplaceFullPath') {
    message.pathRewriteSpecifier = { case: 'pathRedirect', value: path.replaceFullPath };
  } else if (prefixRewrite !== '') message.pathRewriteSpecifier = { case: 'prefixRewrite', value: prefixRewrite };
  return message;
}
