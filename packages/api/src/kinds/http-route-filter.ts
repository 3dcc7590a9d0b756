import { z } from 'zod';
import { show } from '../schema/explain.js';
import { dnsName, headerName, headerValue, portNumber, strict, text } from '../schema/fields.js';
import { says } from '../schema/finding.js';

/** What a rule of an HTTPRoute does to a request or its answer besides sending it on. */
export type HttpRouteFilter =
  | { type: 'RequestHeaderModifier'; requestHeaderModifier: HeaderModifier }
  | { type: 'ResponseHeaderModifier'; responseHeaderModifier: HeaderModifier }
  | { type: 'RequestRedirect'; requestRedirect: RequestRedirect }
  | { type: 'URLRewrite'; urlRewrite: UrlRewrite };

export interface HeaderModifier {
  set: HeaderEdit[];
  add: HeaderEdit[];
  remove: string[];
}

export interface HeaderEdit {
  name: string;
  value: string;
}

export interface RequestRedirect {
  scheme?: 'http' | 'https';
  hostname?: string;
  path?: PathModifier;
  port?: number;
  statusCode: 301 | 302 | 303 | 307 | 308;
}

export interface UrlRewrite {
  hostname?: string;
  path?: PathModifier;
}

export type PathModifier =
  | { type: 'ReplaceFullPath'; replaceFullPath: string }
  | { type: 'ReplacePrefixMatch'; replacePrefixMatch: string };

/** Headers that decide how a message is read or where it goes: an edit of them would make two readings of one message. */
const CONNECTION_FIELDS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** `_` is read as `-` by servers that hand fields on as environment variables. */
const editableName = headerName.refine((name) => !CONNECTION_FIELDS.has(name.toLowerCase().replaceAll('_', '-')), {
  error: (issue) =>
    says(`the header ${show(issue.input)} belongs to the connection and cannot be edited`, 'Remove this edit.'),
});

const headerEdit: z.ZodType<HeaderEdit> = strict({ name: editableName, value: headerValue });

const headerModifier: z.ZodType<HeaderModifier> = strict({
  set: z.array(headerEdit).default([]),
  add: z.array(headerEdit).default([]),
  remove: z.array(editableName).default([]),
});

/** RFC 3986 section 3.3: an absolute path, without a query. */
const absolutePath = text(
  /^\/[A-Za-z0-9/\-._~%!$&'()*+,;=:@]*$/,
  'an absolute path',
  'Begin with / and use only characters that a URL path may have.',
  1024,
);

const pathModifier = z.discriminatedUnion(
  'type',
  [
    strict({ type: z.literal('ReplaceFullPath'), replaceFullPath: absolutePath }),
    strict({ type: z.literal('ReplacePrefixMatch'), replacePrefixMatch: absolutePath.or(z.literal('')) }),
  ],
  { error: () => says('unknown type of path modifier', 'Use ReplaceFullPath or ReplacePrefixMatch as its type.') },
);

const requestRedirect: z.ZodType<RequestRedirect> = strict({
  scheme: z.enum(['http', 'https']).optional(),
  hostname: dnsName.optional(),
  path: pathModifier.optional(),
  port: portNumber.optional(),
  statusCode: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: () => says('the status code is not one of a redirect', 'Use 301, 302, 303, 307 or 308.'),
    })
    .default(302),
});

const urlRewrite: z.ZodType<UrlRewrite> = strict({
  hostname: dnsName.optional(),
  path: pathModifier.optional(),
});

const SUPPORTED = 'RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect or URLRewrite';

export const httpRouteFilter: z.ZodType<HttpRouteFilter> = z.discriminatedUnion(
  'type',
  [
    strict({ type: z.literal('RequestHeaderModifier'), requestHeaderModifier: headerModifier }),
    strict({ type: z.literal('ResponseHeaderModifier'), responseHeaderModifier: headerModifier }),
    strict({ type: z.literal('RequestRedirect'), requestRedirect }),
    strict({ type: z.literal('URLRewrite'), urlRewrite }),
  ],
  {
    error: (issue) => {
      const type = (issue.input as { type?: unknown } | undefined)?.type;
      return says(`filters of type ${show(type)} are not supported`, `Remove it, or use ${SUPPORTED}.`);
    },
  },
);
