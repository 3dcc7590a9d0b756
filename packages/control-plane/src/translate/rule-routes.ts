import { create } from '@bufbuild/protobuf';
import type { HeaderModifier, HttpRouteFilter } from '@tulle/api';
import { WHOLE_PATH } from '@tulle/xds';
import { HeaderValueOption_HeaderAppendAction as Append } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import {
  DirectResponseActionSchema,
  type Route,
  RouteActionSchema,
  RouteSchema,
} from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { RegexMatchAndSubstituteSchema, RegexMatcherSchema } from '@tulle/xds/gen/envoy/type/matcher/v3/regex_pb.js';
import type { ModelPort, ModelRule } from '../model/model.js';
import { destination, hashPolicy, httpClusterOf, patience, redirection } from './route-action.js';
import { otherMatchers } from './route-match.js';
import { pathSpecifier, type RoutePath, replacePrefix } from './route-path.js';

/** Gateway API, HTTPRouteRule.backendRefs: what a rule without a backend answers. */
const NO_BACKEND_STATUS = 500;

/** The name of the route where no HTTPRoute is bound: in access logs it says that nobody decided. */
const DEFAULT_ROUTE = 'default';

/** The routes of a port to which no HTTPRoute is bound: everything goes to its own endpoints. */
export function defaultRoutes(port: ModelPort, cluster: string = httpClusterOf(port)): Route[] {
  const noTimeouts = { requestTimeoutMs: undefined, backendRequestTimeoutMs: undefined };
  const route = {
    ...patience(noTimeouts, port.traffic),
    hashPolicy: hashPolicy([port.traffic]),
    clusterSpecifier: { case: 'cluster' as const, value: cluster },
  };
  return [
    create(RouteSchema, {
      name: DEFAULT_ROUTE,
      match: { pathSpecifier: { case: 'prefix', value: '/' } },
      action: { case: 'route', value: route },
    }),
  ];
}

/** The routes of one rule, which stay together in this order; mostly one, two where a rewrite needs them. */
export function ruleRoutes(rule: ModelRule, port: ModelPort): Route[] {
  return pathsOf(rule).map(({ pathSpecifier, prefixRewrite }) =>
    create(RouteSchema, {
      name: rule.name,
      match: { ...otherMatchers(rule.match), pathSpecifier },
      action: actionOf(rule, port, prefixRewrite),
      ...headerEdits(rule.filters),
    }),
  );
}

function pathsOf({ match, filters }: ModelRule): RoutePath[] {
  const { path: modifier } =
    find(filters, 'URLRewrite')?.urlRewrite ?? find(filters, 'RequestRedirect')?.requestRedirect ?? {};
  if (modifier?.type === 'ReplacePrefixMatch') return replacePrefix(match.path, modifier.replacePrefixMatch);
  return [{ pathSpecifier: pathSpecifier(match.path), prefixRewrite: '' }];
}

function actionOf(rule: ModelRule, port: ModelPort, prefixRewrite: string): Route['action'] {
  const redirect = find(rule.filters, 'RequestRedirect');
  if (redirect !== undefined) {
    return { case: 'redirect', value: redirection(redirect.requestRedirect, prefixRewrite) };
  }
  if (rule.backends.length === 0) {
    return { case: 'directResponse', value: create(DirectResponseActionSchema, { status: NO_BACKEND_STATUS }) };
  }
  const action = create(RouteActionSchema, {
    ...patience(rule, port.traffic),
    hashPolicy: hashPolicy(rule.backends.map((backend) => backend.port.traffic)),
    clusterSpecifier: destination(rule.backends),
    prefixRewrite,
  });
  const { hostname, path } = find(rule.filters, 'URLRewrite')?.urlRewrite ?? {};
  if (path?.type === 'ReplaceFullPath') {
    const pattern = create(RegexMatcherSchema, { regex: WHOLE_PATH });
    action.regexRewrite = create(RegexMatchAndSubstituteSchema, { pattern, substitution: path.replaceFullPath });
  }
  if (hostname !== undefined) action.hostRewriteSpecifier = { case: 'hostRewriteLiteral', value: hostname };
  return { case: 'route', value: action };
}

function headerEdits(filters: readonly HttpRouteFilter[]) {
  const request = find(filters, 'RequestHeaderModifier')?.requestHeaderModifier;
  const response = find(filters, 'ResponseHeaderModifier')?.responseHeaderModifier;
  return {
    requestHeadersToAdd: additions(request),
    requestHeadersToRemove: request?.remove,
    responseHeadersToAdd: additions(response),
    responseHeadersToRemove: response?.remove,
  };
}

function additions(modifier: HeaderModifier | undefined) {
  const edit = (appendAction: Append) => (header: { name: string; value: string }) => ({
    header: { key: header.name, value: header.value },
    appendAction,
    keepEmptyValue: true,
  });
  return [
    ...(modifier?.set ?? []).map(edit(Append.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...(modifier?.add ?? []).map(edit(Append.APPEND_IF_EXISTS_OR_ADD)),
  ];
}

function find<T extends HttpRouteFilter['type']>(
  filters: readonly HttpRouteFilter[],
  type: T,
): Extract<HttpRouteFilter, { type: T }> | undefined {
  return filters.find((filter): filter is Extract<HttpRouteFilter, { type: T }> => filter.type === type);
}
