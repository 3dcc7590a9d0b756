import type {
  BackOffConfig,
  HashPolicyConfig,
  RetryConfig,
  RewriteConfig,
  RouteActionConfig,
  WeightedCluster,
} from '@tulle/proxy-core';
import { WHOLE_PATH } from '@tulle/xds';
import type { DataSource } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import {
  type RouteAction_HashPolicy as HashPolicy,
  type RedirectAction,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RetryPolicy_RetryBackOff as RetryBackOff,
  type RetryPolicy,
  type Route,
  type RouteAction,
} from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { headerEdits } from './header-edits.js';
import { Refusal } from './refusal.js';
import { absolutePath, host, milliseconds, portNumber, positiveMilliseconds, token } from './values.js';

type Forward = Extract<RouteActionConfig, { kind: 'forward' }>;
type Redirect = Extract<RouteActionConfig, { kind: 'redirect' }>;
type PathChange = NonNullable<RewriteConfig['path']>;

/** What RouteAction.timeout means when it is not set. */
const UNSET_TIMEOUT_MS = 15_000;

/** A proxy-core bound: RouteConfig refuses more. */
const MAX_ATTEMPTS = 10;

/**
 * @param withoutRetryPolicy what a route without a retry policy means. Envoy: no retries. Towards the sidecar's own application, requests that
 * provably never reached it are sent again all the same, since nobody upstream can know of a connection that the application closed.
 */
export function routeAction(
  route: Route,
  withoutRetryPolicy: RetryConfig | undefined,
  path: string,
): RouteActionConfig {
  const { action } = route;
  const matched = route.match?.pathSpecifier.case;
  // Of either, what matched is the whole path.
  const isWhole = matched === 'path' || matched === 'safeRegex';
  const { requestHeadersToAdd, requestHeadersToRemove, responseHeadersToAdd, responseHeadersToRemove } = route;
  const responseHeaders = headerEdits(responseHeadersToAdd, responseHeadersToRemove, `${path}.response_headers_to_add`);
  // Where nothing is forwarded nobody sees what is changed in the request.
  const requestHeaders = headerEdits(requestHeadersToAdd, requestHeadersToRemove, `${path}.request_headers_to_add`);
  const answered = responseHeaders === undefined ? {} : { responseHeaders };
  switch (action.case) {
    case 'route':
      return {
        ...forward(action.value, isWhole, withoutRetryPolicy, `${path}.route`),
        ...(requestHeaders === undefined ? {} : { requestHeaders }),
        ...answered,
      };
    case 'redirect':
      return { ...redirect(action.value, isWhole, `${path}.redirect`), ...answered };
    case 'directResponse': {
      const { status, body } = action.value;
      if (status < 200 || status > 599) throw new Refusal(`${path}.direct_response.status`, 'must be 200 to 599');
      return { kind: 'direct', status, body: text(body, `${path}.direct_response.body`), ...answered };
    }
    default:
      throw new Refusal(path, 'must have route, redirect or direct_response');
  }
}

function forward(
  action: RouteAction,
  isWhole: boolean,
  withoutRetryPolicy: RetryConfig | undefined,
  path: string,
): Forward {
  const timeoutMs = action.timeout === undefined ? UNSET_TIMEOUT_MS : milliseconds(action.timeout, `${path}.timeout`);
  const retry =
    action.retryPolicy === undefined ? withoutRetryPolicy : retryOf(action.retryPolicy, `${path}.retry_policy`);
  const rewrite = rewriteOf(action, isWhole, path);
  return {
    kind: 'forward',
    clusters: clustersOf(action.clusterSpecifier, path),
    timeoutMs,
    ...(action.idleTimeout === undefined
      ? {}
      : { idleTimeoutMs: milliseconds(action.idleTimeout, `${path}.idle_timeout`) }),
    ...(action.hashPolicy.length === 0 ? {} : { hashPolicy: hashPolicyOf(action.hashPolicy, `${path}.hash_policy`) }),
    ...(retry === undefined ? {} : { retry }),
    ...(rewrite === undefined ? {} : { rewrite }),
  };
}

function clustersOf(specifier: RouteAction['clusterSpecifier'], path: string): WeightedCluster[] {
  if (specifier.case === 'cluster') return [{ cluster: specifier.value, weight: 1 }];
  if (specifier.case !== 'weightedClusters') throw new Refusal(path, 'must have cluster or weighted_clusters');
  const clusters = specifier.value.clusters.map(({ name, weight = 0 }) => ({
    cluster: name,
    weight: Math.min(weight, 0x7fff_ffff),
  }));
  if (clusters.every(({ weight }) => weight === 0)) {
    throw new Refusal(`${path}.weighted_clusters`, 'the weights sum to 0');
  }
  return clusters;
}

const RETRY_ON = ['reset', '5xx', 'gateway-error', 'connect-failure'] as const;

function hashPolicyOf(policies: readonly HashPolicy[], path: string): HashPolicyConfig[] {
  return policies.map(({ policySpecifier: key, terminal }, i) => {
    const at = `${path}[${i}]`;
    const last = terminal ? { terminal } : {};
    if (key.case === 'header') {
      return { kind: 'header', name: token(key.value.headerName, `${at}.header.header_name`), ...last };
    }
    if (key.case === 'connectionProperties' && key.value.sourceIp) return { kind: 'source-address', ...last };
    throw new Refusal(at, 'must have header, or connection_properties with source_ip');
  });
}

function retryOf(policy: RetryPolicy, path: string): RetryConfig {
  const { retryOn, numRetries = 1, perTryTimeout, retryBackOff } = policy;
  const on = retryOn.split(',').flatMap((word) => {
    const wanted = word.trim();
    if (wanted === '') return [];
    const known = RETRY_ON.find((each) => each === wanted);
    if (known === undefined) throw new Refusal(`${path}.retry_on`, `"${wanted}" is none of ${RETRY_ON.join(', ')}`);
    return [known];
  });
  if (numRetries > MAX_ATTEMPTS) throw new Refusal(`${path}.num_retries`, `must be at most ${MAX_ATTEMPTS}`);
  return {
    attempts: numRetries,
    on,
    ...(perTryTimeout === undefined
      ? {}
      : { perTryTimeoutMs: positiveMilliseconds(perTryTimeout, `${path}.per_try_timeout`) }),
    ...(retryBackOff === undefined ? {} : { backOff: backOffOf(retryBackOff, `${path}.retry_back_off`) }),
  };
}

function backOffOf({ baseInterval, maxInterval }: RetryBackOff, path: string): BackOffConfig {
  if (baseInterval === undefined) throw new Refusal(`${path}.base_interval`, 'is missing');
  const baseIntervalMs = positiveMilliseconds(baseInterval, `${path}.base_interval`);
  if (maxInterval === undefined) return { baseIntervalMs };
  const maxIntervalMs = positiveMilliseconds(maxInterval, `${path}.max_interval`);
  if (maxIntervalMs < baseIntervalMs) throw new Refusal(`${path}.max_interval`, 'must not be less than base_interval');
  return { baseIntervalMs, maxIntervalMs };
}

function rewriteOf(action: RouteAction, isWhole: boolean, path: string): RewriteConfig | undefined {
  const { hostRewriteSpecifier: rewritten } = action;
  const name = rewritten.case === 'hostRewriteLiteral' ? rewritten.value : '';
  const change = pathChange(action, isWhole, path);
  if (change === undefined && name === '') return undefined;
  return {
    ...(name === '' ? {} : { host: host(name, `${path}.host_rewrite_literal`) }),
    ...(change === undefined ? {} : { path: change }),
  };
}

function pathChange(
  { prefixRewrite, regexRewrite }: RouteAction,
  isWhole: boolean,
  path: string,
): PathChange | undefined {
  if (regexRewrite === undefined) {
    return prefixRewrite === '' ? undefined : replacement(prefixRewrite, isWhole, `${path}.prefix_rewrite`);
  }
  if (prefixRewrite !== '') throw new Refusal(`${path}.regex_rewrite`, 'cannot be set together with prefix_rewrite');
  const { pattern, substitution } = regexRewrite;
  if (pattern?.regex !== WHOLE_PATH) {
    throw new Refusal(`${path}.regex_rewrite.pattern`, `must be ${WHOLE_PATH}, which replaces the whole path`);
  }
  if (substitution.includes('\\')) {
    throw new Refusal(`${path}.regex_rewrite.substitution`, 'must be a path as it is, without \\');
  }
  return replacement(substitution, true, `${path}.regex_rewrite.substitution`);
}

/** What matched is replaced: of an exact match or an expression that is the whole path. */
function replacement(value: string, isWhole: boolean, path: string): PathChange {
  return { kind: isWhole ? 'full' : 'prefix', value: absolutePath(value, path) };
}

const REDIRECT_STATUS: Readonly<Record<RedirectCode, Redirect['status']>> = {
  [RedirectCode.MOVED_PERMANENTLY]: 301,
  [RedirectCode.FOUND]: 302,
  [RedirectCode.SEE_OTHER]: 303,
  [RedirectCode.TEMPORARY_REDIRECT]: 307,
  [RedirectCode.PERMANENT_REDIRECT]: 308,
};

function redirect(action: RedirectAction, isWhole: boolean, path: string): Redirect {
  const status = REDIRECT_STATUS[action.responseCode];
  if (status === undefined) throw new Refusal(`${path}.response_code`, `${action.responseCode} is not known`);
  const { hostRedirect, portRedirect: port, schemeRewriteSpecifier: scheme, pathRewriteSpecifier: to } = action;
  return {
    kind: 'redirect',
    status,
    ...(scheme.case === 'schemeRedirect' ? { scheme: schemeOf(scheme.value, `${path}.scheme_redirect`) } : {}),
    ...(scheme.case === 'httpsRedirect' && scheme.value ? { scheme: 'https' } : {}),
    ...(hostRedirect === '' ? {} : { host: host(hostRedirect, `${path}.host_redirect`) }),
    ...(port === 0 ? {} : { port: portNumber(port, `${path}.port_redirect`) }),
    ...(to.case === 'pathRedirect' ? { path: replacement(to.value, true, `${path}.path_redirect`) } : {}),
    ...(to.case === 'prefixRewrite' ? { path: replacement(to.value, isWhole, `${path}.prefix_rewrite`) } : {}),
  };
}

function schemeOf(value: string, path: string): string {
  if (value !== 'http' && value !== 'https') throw new Refusal(path, 'must be http or https');
  return value;
}

function text(source: DataSource | undefined, path: string): string {
  switch (source?.specifier.case) {
    case undefined:
      return '';
    case 'inlineString':
      return source.specifier.value;
    case 'inlineBytes':
      return new TextDecoder().decode(source.specifier.value);
    default:
      throw new Refusal(path, 'must be inline');
  }
}
