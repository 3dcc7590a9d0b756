import { z } from 'zod';
import { durationMs, isDuration } from '../facts/duration.js';
import { duration } from '../schema/duration.js';
import { dnsLabel, dnsName, ignored, nonEmpty, portNumber, strict, unsupported } from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { type HttpRouteFilter, httpRouteFilter } from './http-route-filter.js';
import { type HttpRouteMatch, httpRouteMatch } from './http-route-match.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

/** The HTTPRoute of the Gateway API, bound to Services (GAMMA). */
export interface HttpRoute {
  apiVersion: 'gateway.networking.k8s.io/v1';
  kind: 'HTTPRoute';
  metadata: ObjectMeta;
  spec: { parentRefs: ParentRef[]; rules: HttpRouteRule[] };
}

export interface ParentRef {
  name: string;
  /** Undefined: the route's own namespace, whose routes all clients follow. */
  namespace?: string;
  /** Undefined with sectionName undefined: every port of the Service. */
  port?: number;
  /** The name of the Service's port. */
  sectionName?: string;
}

export interface HttpRouteRule {
  name?: string;
  /** At least one: where the manifest has none, the one that every request meets. Any of them is enough. */
  matches: HttpRouteMatch[];
  filters: HttpRouteFilter[];
  backendRefs: BackendRef[];
  timeouts: { request?: string; backendRequest?: string };
}

export interface BackendRef {
  name: string;
  namespace?: string;
  port: number;
  /** A share: of the sum of the weights of the rule. */
  weight: number;
}

const coreGroup = z
  .enum(['', 'core'], {
    error: () => says('a Service is in the core group', 'Write group: "" for a Service.'),
  })
  .optional();

const parentRef: z.ZodType<ParentRef> = strict({
  group: coreGroup,
  kind: z.literal('Service', {
    error: () => says('routes can be attached to Services only', 'Write kind: Service and the name of a Service.'),
  }),
  name: dnsLabel,
  namespace: dnsLabel.optional(),
  port: portNumber.optional(),
  sectionName: nonEmpty.optional(),
});

/** Gateway API: what BackendRef.weight may be. */
const MAX_WEIGHT = 1_000_000;

const backendRef: z.ZodType<BackendRef> = strict({
  group: coreGroup,
  kind: z
    .literal('Service', {
      error: () => says('only Services can be backends', 'Write kind: Service, or remove kind.'),
    })
    .optional(),
  name: dnsLabel,
  namespace: dnsLabel.optional(),
  port: portNumber,
  weight: z.int().min(0).max(MAX_WEIGHT).default(1),
  filters: unsupported('a filter for a single backend', 'Move it to the filters of the rule.'),
});

const rule = strict({
  name: dnsName.optional(),
  matches: z
    .array(httpRouteMatch)
    .default([])
    .transform((matches) => (matches.length > 0 ? matches : [everyRequest()])),
  filters: z.array(httpRouteFilter).default([]),
  backendRefs: z.array(backendRef).default([]),
  timeouts: strict({ request: duration.optional(), backendRequest: duration.optional() }).default({}),
  retry: unsupported('retry in an HTTPRoute', 'Remove it, and give the Service a TrafficPolicy with retries.'),
  sessionPersistence: unsupported('session persistence', 'Remove it.'),
}).superRefine((value, context) => {
  const refuse = (path: (string | number)[], message: string, remedy: string): void =>
    context.addIssue({ code: 'custom', path, message: says(message, remedy) });

  const types = value.filters.map((filter) => filter.type);
  for (const [index, type] of types.entries()) {
    if (types.indexOf(type) !== index) refuse(['filters', index], `a second ${type}`, 'Merge it with the first.');
  }
  const redirect = types.indexOf('RequestRedirect');
  if (redirect >= 0 && types.includes('URLRewrite')) {
    refuse(['filters', redirect], 'a rule cannot redirect and rewrite', 'Remove one of the two filters.');
  }
  if (redirect >= 0 && value.backendRefs.length > 0) {
    refuse(['backendRefs'], 'a redirected request reaches no backend', 'Remove backendRefs, or the redirect.');
  }
  for (const [index, filter] of value.filters.entries()) checkPathModifier(value.matches, filter, index, refuse);

  const total = value.backendRefs.reduce((sum, backend) => sum + backend.weight, 0);
  if (value.backendRefs.length > 0 && total === 0) {
    refuse(['backendRefs'], 'the weights sum to zero', 'Give at least one backend a weight above 0.');
  }
  const { request, backendRequest } = value.timeouts;
  if (request !== undefined && backendRequest !== undefined && isDuration(request) && isDuration(backendRequest)) {
    const requestMs = durationMs(request);
    if (requestMs > 0 && durationMs(backendRequest) > requestMs) {
      const remedy = 'Make it at most the timeout of the whole request.';
      refuse(['timeouts', 'backendRequest'], 'a single try may take longer than the whole request', remedy);
    }
  }
});

function everyRequest(): HttpRouteMatch {
  return { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] };
}

/** Gateway API: a prefix can be replaced only where one was matched. */
function checkPathModifier(
  matches: HttpRouteMatch[],
  filter: HttpRouteFilter,
  index: number,
  refuse: (path: (string | number)[], message: string, remedy: string) => void,
): void {
  const field =
    filter.type === 'URLRewrite' ? 'urlRewrite' : filter.type === 'RequestRedirect' ? 'requestRedirect' : undefined;
  if (field === undefined) return;
  const modifier = filter.type === 'URLRewrite' ? filter.urlRewrite.path : undefined;
  const redirected = filter.type === 'RequestRedirect' ? filter.requestRedirect.path : undefined;
  const path = ['filters', index, field, 'path', 'type'];
  const other = matches.find(({ path }) => path.type !== 'PathPrefix');
  if ((modifier ?? redirected)?.type === 'ReplacePrefixMatch' && other !== undefined) {
    refuse(
      path,
      `there is no prefix to replace: a match of the rule is ${other.path.type}`,
      'Match by PathPrefix, or replace the full path.',
    );
  }
}

export const httpRouteSchema: z.ZodType<HttpRoute> = strict({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('HTTPRoute'),
  metadata: metadataOf(),
  spec: strict({
    parentRefs: z.array(parentRef).min(1),
    rules: z.array(rule).min(1),
    hostnames: unsupported(
      'a hostname in a route of a Service',
      'Remove hostnames: who dials the Service is meant, whatever name was used.',
    ),
    useDefaultGateways: unsupported('a Gateway', 'Remove useDefaultGateways: the route is attached to Services.'),
  }),
  status: ignored,
});
