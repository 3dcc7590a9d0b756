/** Where a redirect points: what the route leaves out is taken from the request (RFC 9110 section 10.2.2; Gateway API, HTTPRequestRedirectFilter). Pure. */
import { replacePath } from './match.js';
import type { RedirectAction, Route } from './table.js';

export interface RedirectedRequest {
  readonly authority: string;
  readonly path: string;
  /** With its `?`, or ''. */
  readonly query: string;
  readonly scheme: 'http' | 'https';
}

export function redirectLocation(
  route: Route,
  redirect: Omit<RedirectAction, 'responseEdits'>,
  request: RedirectedRequest,
): string {
  const scheme = redirect.scheme ?? request.scheme;
  const colon = request.authority.lastIndexOf(':');
  const hasPort = colon > request.authority.lastIndexOf(']');
  const host = redirect.host ?? (hasPort ? request.authority.slice(0, colon) : request.authority);
  // A changed scheme brings its own default port with it.
  const keepPort = redirect.scheme === undefined && hasPort;
  const port = redirect.port ?? (keepPort ? Number(request.authority.slice(colon + 1)) : undefined);
  const isDefault = port === undefined || (scheme === 'http' && port === 80) || (scheme === 'https' && port === 443);
  // The server as a whole (`OPTIONS *`) has no path in a URI.
  const asked = request.path === '*' ? '/' : request.path;
  const path = redirect.path === undefined ? asked : replacePath(route, redirect.path, asked);
  return `${scheme}://${host}${isDefault ? '' : `:${port}`}${path}${request.query}`;
}
