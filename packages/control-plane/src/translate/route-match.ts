import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HttpRouteMatch, ValueMatch } from '@tulle/api';
import type { RouteMatchSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import type { StringMatcherSchema } from '@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js';

/** All of a match but its path. */
export function otherMatchers({
  headers,
  queryParams,
  method,
}: HttpRouteMatch): MessageInitShape<typeof RouteMatchSchema> {
  const ofMethod = method === undefined ? [] : [{ type: 'Exact' as const, name: ':method', value: method }];
  return {
    headers: [...ofMethod, ...headers].map((match) => ({
      name: match.name.toLowerCase(),
      headerMatchSpecifier: { case: 'stringMatch', value: matcherOf(match) },
    })),
    queryParameters: queryParams.map((match) => ({
      name: match.name,
      queryParameterMatchSpecifier: { case: 'stringMatch', value: matcherOf(match) },
    })),
  };
}

function matcherOf({ type, value }: ValueMatch): MessageInitShape<typeof StringMatcherSchema> {
  if (type === 'RegularExpression') return { matchPattern: { case: 'safeRegex', value: { regex: value } } };
  return { matchPattern: { case: 'exact', value } };
}
