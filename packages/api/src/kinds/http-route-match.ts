import { z } from 'zod';
import { headerName, headerValue, strict, text } from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { normalPath } from '../schema/normal-path.js';

/** What a request must be like. All that is given must hold. */
export interface HttpRouteMatch {
  path: PathMatch;
  headers: ValueMatch[];
  queryParams: ValueMatch[];
  method?: HttpMethod;
}

export interface PathMatch {
  /** A prefix is compared element by element: `/foo` is a prefix of `/foo/bar` and not of `/foobar`. */
  type: 'Exact' | 'PathPrefix';
  value: string;
}

/** Header names are compared without case, names of query parameters with it. */
export interface ValueMatch {
  name: string;
  value: string;
}

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH';

export const httpMethod: z.ZodType<HttpMethod> = z.enum([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

const noRegularExpression = (issue: { input: unknown }, others: string): string | undefined =>
  issue.input === 'RegularExpression'
    ? says('matching by regular expression is not supported', `Use ${others}.`)
    : undefined;

const path: z.ZodType<PathMatch> = strict({
  type: z
    .enum(['Exact', 'PathPrefix'], { error: (issue) => noRegularExpression(issue, 'Exact or PathPrefix') })
    .default('PathPrefix'),
  value: normalPath.default('/'),
});

const exact = z
  .literal('Exact', { error: (issue) => noRegularExpression(issue, 'Exact, or one match for each value') })
  .default('Exact');

function firstOfEachName(fold: (name: string) => string) {
  return (matches: ValueMatch[]): ValueMatch[] => {
    const seen = new Set<string>();
    return matches.filter(({ name }) => !seen.has(fold(name)) && seen.add(fold(name)));
  };
}

const ENCODED = 'Queries are compared as they are sent: percent-encode spaces and all beyond ASCII, as in a%20b.';
const queryName = text(/^[!-~]+$/, 'a name of a query parameter', ENCODED, 1024);
const queryValue = text(/^[!-~]*$/, 'a value of a query parameter', ENCODED, 4096);

const plain = ({ name, value }: ValueMatch): ValueMatch => ({ name, value });

/** Gateway API: of several matches with one name only the first counts. */
export const httpRouteMatch: z.ZodType<HttpRouteMatch> = strict({
  path: path.default({ type: 'PathPrefix', value: '/' }),
  headers: z
    .array(strict({ type: exact, name: headerName, value: headerValue }).transform(plain))
    .default([])
    .transform(firstOfEachName((name) => name.toLowerCase())),
  queryParams: z
    .array(strict({ type: exact, name: queryName, value: queryValue }).transform(plain))
    .default([])
    .transform(firstOfEachName((name) => name)),
  method: httpMethod.optional(),
});
