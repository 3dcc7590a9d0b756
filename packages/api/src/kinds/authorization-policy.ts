import { z } from 'zod';
import { dnsLabel, ignored, portNumber, strict, stringMap, text } from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { normalPathOrPrefix } from '../schema/normal-path.js';
import { type HttpMethod, httpMethod } from './http-route-match.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

/**
 * Who may send what to pods. A pod that any Allow policy selects refuses whatever no Allow policy allows;
 * what a Deny policy denies is refused in any case.
 */
export interface AuthorizationPolicy {
  apiVersion: 'policy.tulle.dev/v1alpha1';
  kind: 'AuthorizationPolicy';
  metadata: ObjectMeta;
  spec: {
    /** Labels of the pods it is for. Undefined: all pods of its namespace. */
    selector?: { matchLabels: Record<string, string> };
    action: 'Allow' | 'Deny';
    /** Any rule that matches is enough. No rule: nothing matches. */
    rules: PolicyRule[];
  };
}

export interface PolicyRule {
  /** Any is enough. Undefined: everybody, with an identity or without. */
  from?: PolicySource[];
  /** Any is enough. Undefined: every request. */
  to?: PolicyOperation[];
}

/** All fields that are given must hold; of the values in one field any is enough. */
export interface PolicySource {
  /** `<name>` in the policy's own namespace, or `<namespace>/<name>`. */
  serviceAccounts?: string[];
  namespaces?: string[];
  /** SPIFFE ids; a trailing `*` stands for any rest, and `*` alone for any identity. */
  principals?: string[];
}

/** All fields that are given must hold; of the values in one field any is enough. */
export interface PolicyOperation {
  methods?: HttpMethod[];
  /** Exact paths; a trailing `*` stands for any rest. */
  paths?: string[];
  /** Ports of the pod, not of a Service. */
  ports?: number[];
}

const serviceAccount = text(
  /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\/)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
  'a service account',
  'Write its name, or namespace/name.',
);

const principal = text(
  /^(\*|spiffe:\/\/[A-Za-z0-9._\-/]+\*?)$/,
  'a SPIFFE id',
  'Write spiffe://<trust domain>/ns/<namespace>/sa/<service account>; a * may stand at the end.',
  2048,
);

const nothingGiven = (value: object): boolean => Object.values(value).some((field) => field !== undefined);

const source: z.ZodType<PolicySource> = strict({
  serviceAccounts: z.array(serviceAccount).min(1).optional(),
  namespaces: z.array(dnsLabel).min(1).optional(),
  principals: z.array(principal).min(1).optional(),
}).refine(nothingGiven, {
  error: () => says('the item names nobody', 'Add serviceAccounts, namespaces or principals, or remove `from`.'),
});

const operation: z.ZodType<PolicyOperation> = strict({
  methods: z.array(httpMethod).min(1).optional(),
  paths: z.array(normalPathOrPrefix).min(1).optional(),
  ports: z.array(portNumber).min(1).optional(),
}).refine(nothingGiven, {
  error: () => says('the item names no request', 'Add methods, paths or ports, or remove `to`.'),
});

const rule: z.ZodType<PolicyRule> = strict({
  from: z.array(source).min(1).optional(),
  to: z.array(operation).min(1).optional(),
});

export const authorizationPolicySchema: z.ZodType<AuthorizationPolicy> = strict({
  apiVersion: z.literal('policy.tulle.dev/v1alpha1'),
  kind: z.literal('AuthorizationPolicy'),
  metadata: metadataOf(),
  spec: strict({
    selector: strict({ matchLabels: stringMap }).optional(),
    action: z.enum(['Allow', 'Deny']).default('Allow'),
    rules: z.array(rule).default([]),
  }),
  status: ignored,
});
