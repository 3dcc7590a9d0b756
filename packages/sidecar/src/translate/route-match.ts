import type { HeaderMatchConfig, RouteMatchConfig, ValueMatchConfig } from '@tulle/proxy-core';
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { Refusal } from './refusal.js';
import { absolutePath, safeRegex, textMatch, token, valueMatch } from './values.js';

export function routeMatch(match: RouteMatch | undefined, path: string): RouteMatchConfig {
  if (match === undefined) throw new Refusal(path, 'is missing');
  const methods = match.headers.filter(({ name }) => name === ':method');
  if (methods.length > 1) throw new Refusal(`${path}.headers`, 'names :method more than once');
  const others = match.headers.flatMap((header, i) =>
    header.name === ':method' ? [] : [headerMatch(header, `${path}.headers[${i}]`)],
  );
  const query = match.queryParameters.map((each, i) => queryMatch(each, `${path}.query_parameters[${i}]`));
  return {
    path: pathMatch(match, path),
    ...(methods.length > 0 ? { method: methodMatch(methods[0], `${path}.headers`) } : {}),
    ...(others.length > 0 ? { headers: others } : {}),
    ...(query.length > 0 ? { query } : {}),
  };
}

/**
 * The proxy compares prefixes by whole segments. Envoy's `prefix` compares text, so of it only two forms mean the same here: `/`, and one
 * with a slash at its end (`/a/`), which here matches `/a` too; `shadowedPath` tells the route that must come before it.
 */
function pathMatch({ pathSpecifier }: RouteMatch, path: string): RouteMatchConfig['path'] {
  switch (pathSpecifier.case) {
    case 'path':
      return { kind: 'exact', value: absolutePath(pathSpecifier.value, `${path}.path`) };
    case 'pathSeparatedPrefix':
      return { kind: 'prefix', value: absolutePath(pathSpecifier.value, `${path}.path_separated_prefix`) };
    case 'prefix':
      if (!pathSpecifier.value.endsWith('/')) {
        throw new Refusal(`${path}.prefix`, 'must end with a slash; use path_separated_prefix for whole segments');
      }
      return { kind: 'prefix', value: absolutePath(pathSpecifier.value, `${path}.prefix`) };
    case 'safeRegex':
      return { kind: 'regex', value: safeRegex(pathSpecifier.value, `${path}.safe_regex`) };
    default:
      throw new Refusal(path, 'must have a path, a prefix, a path_separated_prefix or a safe_regex');
  }
}

/** Of a match with `prefix: "/a/"` the path `/a`, which it must not have; undefined for all others. */
export function shadowedPath({ pathSpecifier }: RouteMatch): string | undefined {
  if (pathSpecifier.case !== 'prefix' || pathSpecifier.value === '/') return undefined;
  return pathSpecifier.value.slice(0, -1);
}

function methodMatch({ headerMatchSpecifier: how, invertMatch }: HeaderMatcher, path: string): string {
  if (invertMatch) throw new Refusal(path, ':method is not understood with invert_match');
  if (how.case !== 'stringMatch') throw new Refusal(path, ':method must be matched by string_match');
  const { kind, value } = textMatch(how.value, `${path}.string_match`);
  if (kind !== 'exact') throw new Refusal(path, ':method must be matched exactly');
  return token(value, `${path}.string_match`);
}

function headerMatch({ name, headerMatchSpecifier: how, invertMatch }: HeaderMatcher, path: string): HeaderMatchConfig {
  if (name.startsWith(':')) throw new Refusal(`${path}.name`, `"${name}" is not understood`);
  const lower = token(name, `${path}.name`).toLowerCase();
  if (how.case === 'stringMatch') {
    return { name: lower, ...valueMatch(how.value, `${path}.string_match`), ...(invertMatch ? { invert: true } : {}) };
  }
  if (how.case !== undefined && how.case !== 'presentMatch') {
    throw new Refusal(path, 'must be string_match or present_match');
  }
  const isPresent = (how.value ?? true) !== invertMatch;
  return { ...present(lower), ...(isPresent ? {} : { invert: true }) };
}

function queryMatch(matcher: QueryParameterMatcher, path: string): ValueMatchConfig {
  const { name, queryParameterMatchSpecifier: how } = matcher;
  if (name === '') throw new Refusal(`${path}.name`, 'is missing');
  if (how.case === 'stringMatch') return { name, ...valueMatch(how.value, `${path}.string_match`) };
  if (how.case === undefined || (how.case === 'presentMatch' && how.value)) return present(name);
  throw new Refusal(path, 'must be string_match, or present_match with true');
}

function present(name: string): ValueMatchConfig {
  return { name, kind: 'present', value: '' };
}
