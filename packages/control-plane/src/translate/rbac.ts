import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { AuthorizationPolicy, PolicyOperation, PolicyRule, PolicySource } from '@tulle/api';
import { spiffeId } from '@tulle/xds';
import {
  type PermissionSchema,
  type PolicySchema,
  type PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBACSchema,
} from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js';

type Permission = MessageInitShape<typeof PermissionSchema>;
type Principal = MessageInitShape<typeof PrincipalSchema>;

/** Where policies are enforced, which decides what of them can be known there. */
export interface EnforcementPoint {
  /** Of opaque bytes no method and no path is known. */
  protocol: 'http' | 'tcp';
  /** The port of the pod; undefined where connections to any port arrive. */
  port: number | undefined;
  trustDomain: string;
}

const anybody: Principal = { identifier: { case: 'any', value: true } };
const anything: Permission = { rule: { case: 'any', value: true } };

/**
 * The policies of a pod as filters: what is denied, then what is allowed. No Allow policy: no filter that would refuse the rest.
 * An Allow policy none of whose rules can match here still refuses all.
 */
export function enforce(policies: readonly AuthorizationPolicy[], at: EnforcementPoint): RBAC[] {
  const allow = policies.filter(({ spec }) => spec.action === 'Allow');
  const deny = policies.filter(({ spec }) => spec.action === 'Deny');
  const denied = renderPolicies(deny, at);
  const filters: RBAC[] = [];
  if (Object.keys(denied).length > 0) {
    filters.push(create(RBACSchema, { action: RBAC_Action.DENY, policies: denied }));
  }
  if (allow.length > 0) {
    filters.push(create(RBACSchema, { action: RBAC_Action.ALLOW, policies: renderPolicies(allow, at) }));
  }
  return filters;
}

/** Refuses everything. */
export function refuseAll(): RBAC[] {
  return [create(RBACSchema, { action: RBAC_Action.ALLOW })];
}

function renderPolicies(
  policies: readonly AuthorizationPolicy[],
  at: EnforcementPoint,
): Record<string, MessageInitShape<typeof PolicySchema>> {
  const rendered: Record<string, MessageInitShape<typeof PolicySchema>> = {};
  for (const { metadata, spec } of policies) {
    const name = `${metadata.namespace}/${metadata.name}`;
    for (const [index, rule] of spec.rules.entries()) {
      const permissions = permissionsOf(rule, spec.action, at);
      if (permissions.length === 0) continue;
      const principals = rule.from?.map((source) => principalOf(source, metadata.namespace, at.trustDomain));
      // Envoy crosses all of a policy's permissions with all its principals: each rule is a policy of its own there.
      rendered[spec.rules.length === 1 ? name : `${name}[${index}]`] = {
        permissions,
        principals: principals ?? [anybody],
      };
    }
  }
  return rendered;
}

/** Empty: the rule cannot match here. */
function permissionsOf(rule: PolicyRule, action: 'Allow' | 'Deny', at: EnforcementPoint): Permission[] {
  if (rule.to === undefined) return [anything];
  return rule.to.flatMap((operation) => permissionOf(operation, action, at) ?? []);
}

/**
 * Where bytes are opaque, whatever asks for a method or a path fails closed: it allows nothing, and it denies all that the rest of
 * the operation means.
 */
function permissionOf(
  operation: PolicyOperation,
  action: 'Allow' | 'Deny',
  at: EnforcementPoint,
): Permission | undefined {
  const { methods, paths, ports } = operation;
  if (ports !== undefined && at.port !== undefined && !ports.includes(at.port)) return undefined;
  const opaque = at.protocol === 'tcp';
  if (opaque && action === 'Allow' && (methods !== undefined || paths !== undefined)) return undefined;
  const conditions: Permission[] = [];
  if (methods !== undefined && !opaque) conditions.push(anyPermission(methods.map(methodIs)));
  if (paths !== undefined && !opaque) conditions.push(anyPermission(paths.map(pathIs)));
  if (ports !== undefined && at.port === undefined) conditions.push(anyPermission(ports.map(portIs)));
  if (conditions.length <= 1) return conditions[0] ?? anything;
  return { rule: { case: 'andRules', value: { rules: conditions } } };
}

function anyPermission(rules: Permission[]): Permission {
  return rules.length === 1 ? rules[0] : { rule: { case: 'orRules', value: { rules } } };
}

function methodIs(method: string): Permission {
  const value = { case: 'stringMatch' as const, value: textMatch(method) };
  return { rule: { case: 'header', value: { name: ':method', headerMatchSpecifier: value } } };
}

function pathIs(path: string): Permission {
  if (path === '*') return anything;
  return { rule: { case: 'urlPath', value: { rule: { case: 'path', value: textMatch(path, '*') } } } };
}

function portIs(port: number): Permission {
  return { rule: { case: 'destinationPort', value: port } };
}

function principalOf(source: PolicySource, policyNamespace: string, trustDomain: string): Principal {
  const fields: Principal[][] = [];
  if (source.serviceAccounts !== undefined) {
    fields.push(
      source.serviceAccounts.map((account) => {
        const [namespace, serviceAccount] = account.includes('/') ? account.split('/') : [policyNamespace, account];
        return identityIs(spiffeId({ trustDomain, namespace, serviceAccount }));
      }),
    );
  }
  if (source.namespaces !== undefined) {
    fields.push(source.namespaces.map((namespace) => identityIs(`spiffe://${trustDomain}/ns/${namespace}/sa/*`)));
  }
  if (source.principals !== undefined) fields.push(source.principals.map(identityIs));
  const ids = fields.map(
    (principals): Principal =>
      principals.length === 1 ? principals[0] : { identifier: { case: 'orIds', value: { ids: principals } } },
  );
  return ids.length === 1 ? ids[0] : { identifier: { case: 'andIds', value: { ids } } };
}

/** Envoy's `authenticated` matches nobody without a verified certificate. */
function identityIs(id: string): Principal {
  const principalName = id === '*' ? undefined : textMatch(id, '*');
  return { identifier: { case: 'authenticated', value: { principalName } } };
}

/** @param wildcard a character that at the end stands for any rest. */
function textMatch(text: string, wildcard?: string) {
  const prefix = wildcard !== undefined && text.endsWith(wildcard);
  const matchPattern = prefix
    ? { case: 'prefix' as const, value: text.slice(0, -1) }
    : { case: 'exact' as const, value: text };
  return { matchPattern };
}
