import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HttpRouteMatch } from '@tulle/api';
import type { RouteMatchSchema } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';

/** All of a match but its path. */
export function otherMatchers({
  headers,
  queryParams,
  method,
}: HttpRouteMatch): MessageInitShape<typeof RouteMatchSchema> {
  const ofMethod = method === undefined ? [] : [{ name: ':method', value: method }];
  return {
    headers: [...ofMethod, ...headers].map(({ name, value }) => ({
      name: name.toLowerCase(),
      headerMatchSpecifier: { case: 'stringMatch', value: exactly(value) },
    })),
    queryParameters: queryParams.map(({ name, value }) => ({
      name,
      queryParameterMatchSpecifier: { case: 'stringMatch', value: exactly(value) },
    })),
  };
}

function exactly(value: string) {
  return { matchPattern: { case: 'exact' as const, value } };
}
