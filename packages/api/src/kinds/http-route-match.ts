import { z } from 'zod';
import { show } from '../schema/explain.js';
import { headerName, headerValue, strict, text } from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { normalPath } from '../schema/normal-path.js';
import { regularExpression } from '../schema/regular-expression.js';

/** What a request must be like. All that is given must hold. */
export interface HttpRouteMatch {
  path: PathMatch;
  headers: ValueMatch[];
  queryParams: ValueMatch[];
  method?: HttpMethod;
}

export interface PathMatch {
  /**
   * A prefix is compared element by element: `/foo` is a prefix of `/foo/bar` and not of `/foobar`. A regular expression is compared with the whole path, without the query.
   */
  type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  value: string;
}

/** Header names are compared without case, names of query parameters with it. */
export interface ValueMatch {
  /** A regular expression is compared with the whole value. */
  type: 'Exact' | 'RegularExpression';
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

const MAX_PATH_EXPRESSION = 1024;

const pathExpression = regularExpression.refine((value) => value.length <= MAX_PATH_EXPRESSION, {
  error: () => says(`the expression has more than ${MAX_PATH_EXPRESSION} characters`, 'Write several shorter matches.'),
});

const path: z.ZodType<PathMatch> = z.preprocess(
  (value) => (isMapping(value) && value.type === undefined ? { ...value, type: 'PathPrefix' } : value),
  z.discriminatedUnion(
    'type',
    [
      strict({ type: z.literal('Exact'), value: normalPath.default('/') }),
      strict({ type: z.literal('PathPrefix'), value: normalPath.default('/') }),
      strict({ type: z.literal('RegularExpression'), value: pathExpression }),
    ],
    { error: (issue) => otherType(issue.input, 'Exact, PathPrefix or RegularExpression') },
  ),
);

/** @param exact what the value is where it is compared as it is. */
function valueMatch(name: z.ZodType<string>, exact: z.ZodType<string>): z.ZodType<ValueMatch> {
  return z.preprocess(
    (value) => (isMapping(value) && value.type === undefined ? { ...value, type: 'Exact' } : value),
    z.discriminatedUnion(
      'type',
      [
        strict({ type: z.literal('Exact'), name, value: exact }),
        strict({ type: z.literal('RegularExpression'), name, value: regularExpression }),
      ],
      { error: (issue) => otherType(issue.input, 'Exact or RegularExpression') },
    ),
  );
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function otherType(input: unknown, types: string): string {
  if (!isMapping(input))
    return says(`expected a mapping, found ${show(input)}`, 'Write `key: value` on lines of their own, indented.');
  return says(`${show(input.type)} is not a type of match`, `Use ${types}.`);
}

function firstOfEachName(fold: (name: string) => string) {
  return (matches: ValueMatch[]): ValueMatch[] => {
    const seen = new Set<string>();
    return matches.filter(({ name }) => !seen.has(fold(name)) && seen.add(fold(name)));
  };
}

const ENCODED = 'Queries are compared as they are sent: percent-encode spaces and all beyond ASCII, as in a%20b.';
const queryName = text(/^[!-~]+$/, 'a name of a query parameter', ENCODED, 1024);
const queryValue = text(/^[!-~]*$/, 'a value of a query parameter', ENCODED, 4096);

/** Gateway API: of several matches with one name only the first counts. */
export const httpRouteMatch: z.ZodType<HttpRouteMatch> = strict({
  path: path.default({ type: 'PathPrefix', value: '/' }),
  headers: z
    .array(valueMatch(headerName, headerValue))
    .default([])
    .transform(firstOfEachName((name) => name.toLowerCase())),
  queryParams: z
    .array(valueMatch(queryName, queryValue))
    .default([])
    .transform(firstOfEachName((name) => name)),
  method: httpMethod.optional(),
});
