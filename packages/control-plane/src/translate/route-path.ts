import { create } from '@bufbuild/protobuf';
import type { PathMatch } from '@tulle/api';
import type { RouteMatch } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { RegexMatcherSchema } from '@tulle/xds/gen/envoy/type/matcher/v3/regex_pb.js';

type PathSpecifier = RouteMatch['pathSpecifier'];

/** How a path is matched, and what the part that matched becomes; empty: it stays as it is. */
export interface RoutePath {
  pathSpecifier: PathSpecifier;
  prefixRewrite: string;
}

/**
 * A path match of the Gateway API as Envoy has it. A prefix is compared element by element, and a slash at its end means nothing.
 */
export function pathSpecifier(path: PathMatch): PathSpecifier {
  if (path.type === 'Exact') return { case: 'path', value: path.value };
  if (path.type === 'RegularExpression') {
    return { case: 'safeRegex', value: create(RegexMatcherSchema, { regex: path.value }) };
  }
  const prefix = withoutSlash(path.value);
  return prefix === '' ? { case: 'prefix', value: '/' } : { case: 'pathSeparatedPrefix', value: prefix };
}

/**
 * A prefix match with what replaces the prefix. Envoy replaces the text that matched and nothing else, so that a root on either
 * side would make `//x` or `/barx`: a match of `/` is rewritten including its slash, and a replacement by `/` needs two matches,
 * the prefix with its slash, and the path that is the prefix itself.
 */
export function replacePrefix(path: PathMatch, replacement: string): RoutePath[] {
  const prefix = withoutSlash(path.value);
  const target = withoutSlash(replacement);
  if (prefix === '') return [{ pathSpecifier: { case: 'prefix', value: '/' }, prefixRewrite: `${target}/` }];
  if (target !== '') return [{ pathSpecifier: pathSpecifier(path), prefixRewrite: target }];
  return [
    { pathSpecifier: { case: 'path', value: prefix }, prefixRewrite: '/' },
    { pathSpecifier: { case: 'prefix', value: `${prefix}/` }, prefixRewrite: '/' },
  ];
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
